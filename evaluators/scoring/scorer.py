"""What a scorer is: measures one answer, and declares the statistics that its measures add up to.

The implementations are in `metrics/`; each module there defines ``scorer: ScorerType``.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from fairtrial.domain.run import Answer, Case, Score

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Counts = NDArray[np.intp]
    Totals = NDArray[np.float64]

Kind = Literal["proportion", "mean", "corpus"]
"""How a stat is estimated: over 0/1 values, over real values, or from all cases together (bootstrap)."""


class OffFormat(Exception):
    """Raised by a scorer when the answer has not the form that it needs: the case is `off_format` and scores as wrong.

    ``score`` is that wrong score.
    """

    def __init__(self, why: str, score: Score) -> None:
        super().__init__(why)
        self.score = score


@dataclass(frozen=True, slots=True)
class Summed:
    """A corpus figure of sums: ``row`` gives the whole numbers of one score's details, ``figure`` what they sum to."""

    row: Callable[[Mapping[str, Any]], Sequence[int]]
    figure: Callable[[Totals], float | None]


@dataclass(frozen=True, slots=True)
class Counted:
    """A corpus figure of counts: ``kind`` tells of which kind one score's details are.

    ``figure`` is given all kinds that there are, and gives the figure of how often each of them occurs, in their order.
    """

    kind: Callable[[Mapping[str, Any]], Hashable]
    figure: Callable[[Sequence[Any]], Callable[[Counts], float | None]]


@dataclass(frozen=True, slots=True)
class Stat:
    """One statistic of a scorer: ``<scorer name>.<name>`` in a gate line.

    ``scale`` is the largest value (1 for shares, 100 for BLEU); ``aggregate`` makes the value from the scores of all
    scored cases and is needed for ``corpus`` stats only (the others average ``Score.values[name]`` over cases that
    have it). ``parts`` is the same figure from what scores add up to, which makes resampling quick. ``reach``, of the
    details of all scores: how many there are, times the weight of the one that weighs most in a corpus stat; by default
    1 (a case of a rare label moves macro F1 further than its share of the cases).
    """

    name: str
    kind: Kind
    higher_is_better: bool = True
    scale: float = 1.0
    aggregate: Callable[[Sequence[Score]], float | None] | None = None
    parts: Summed | Counted | None = None
    reach: Callable[[Sequence[Mapping[str, Any]]], float | None] | None = None


class Scorer(Protocol):
    """One configured scorer of a suite."""

    @property
    def name(self) -> str:
        """What gate lines call it."""

    @property
    def version(self) -> str:
        """The metric's signature: what must be equal for two scores to be comparable."""

    @property
    def stats(self) -> Sequence[Stat]:
        """What it measures; the first is its main one, which a gate line may name by the scorer's name alone."""

    def score(self, case: Case, answer: Answer) -> Score:
        """Measure one answer; raises `OffFormat`. Any other exception becomes a `ScoreFailure`."""


@runtime_checkable
class Particular(Protocol):
    """A scorer that needs something of a row: it is asked for every case when the suite is read."""

    def unfit(self, case: Case) -> str | None:
        """Why this case can't be scored, as the end of a sentence about its row; ``None`` if it can."""


@runtime_checkable
class Cautious(Protocol):
    """A scorer whose numbers can mislead on some suites: it is asked once for all cases when the suite is read."""

    def caution(self, cases: Sequence[Case]) -> str | None:
        """What to know before reading its numbers; ``None`` if there is nothing."""


@dataclass(frozen=True, slots=True)
class NamedText:
    """A file of the suite that has been read: what the suite calls it, and its text."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class ScorerType:
    """A kind of scorer: ``build(options, name)`` makes one from its options in the suite, or raises `ValueError`.

    ``options`` maps each option to one sentence for the documentation and for errors on unknown ones. ``short`` is
    the option that a bare value sets: ``- exact: squad`` is ``- exact: {mode: squad}``. A path in the option ``file``
    is relative to the suite, and reaches ``build`` as a `NamedText`: only files of the project are read.
    """

    summary: str
    options: Mapping[str, str]
    build: Callable[[Mapping[str, Any], str], Scorer]
    short: str | None = None
