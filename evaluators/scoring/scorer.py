"""Defines a scorer, which measures one answer, and reads its options; each module of `metrics/` implements one."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar, runtime_checkable

from fairtrial.domain.run import Answer, Case, CaseResult, Score

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Counts = NDArray[np.intp]
    Totals = NDArray[np.float64]

Kind = Literal["proportion", "mean", "corpus"]
"""How a stat is estimated: from 0/1 values, from real values, or from all cases together (by resampling)."""

YES = (True, "yes", "true", "on")
NO = (False, "no", "false", "off")


class OffFormat(Exception):
    """Raised by a scorer if the answer lacks the required format; the case is `off_format` and scored as wrong.

    ``score`` is the score of that wrong answer.
    """

    def __init__(self, why: str, score: Score) -> None:
        super().__init__(why)
        self.score = score


@dataclass(frozen=True, slots=True)
class FromSums:
    """A corpus figure of sums: ``row`` gives the integers of one score, ``figure`` the value of their sums."""

    row: Callable[[Mapping[str, Any]], Sequence[int]]
    figure: Callable[[Totals], float | None]


@dataclass(frozen=True, slots=True)
class FromCounts:
    """A corpus figure of counts: ``kind`` classifies one score by its details.

    ``figure`` takes all kinds that occur, and returns a function from their counts, in the same order, to the value.
    """

    kind: Callable[[Mapping[str, Any]], Hashable]
    figure: Callable[[Sequence[Any]], Callable[[Counts], float | None]]


KindOf = TypeVar("KindOf", bound=str)


@dataclass(frozen=True, slots=True)
class Quantity(Generic[KindOf]):
    """What can be measured on a run. ``scale`` is the largest possible value: 1 for shares, 100 for BLEU."""

    name: str
    kind: KindOf
    higher_is_better: bool = True
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Stat(Quantity[Kind]):
    """One statistic of a scorer: ``<scorer name>.<name>`` in a gate line.

    ``aggregate`` computes the value from all scores and is needed for ``corpus`` stats only; the others average
    ``Score.values[name]`` over the cases that have it. ``parts`` computes the same figure from sums or counts, which
    makes resampling fast. ``reach`` takes the details of all scores, and returns their number times the weight of the
    heaviest one in a corpus stat, by default 1. For example, a case of a rare label moves macro F1 by more than its
    share of the cases.
    """

    aggregate: Callable[[Sequence[Score]], float | None] | None = None
    parts: FromSums | FromCounts | None = None
    reach: Callable[[Sequence[Mapping[str, Any]]], float | None] | None = None


class Scorer(Protocol):
    """One configured scorer of a suite."""

    @property
    def name(self) -> str:
        """Its name in gate lines."""

    @property
    def version(self) -> str:
        """The metric's signature, which must be equal for two scores to be comparable."""

    @property
    def stats(self) -> Sequence[Stat]:
        """Its statistics; the first is the main one, which a gate line may name by the scorer's name alone."""

    def score(self, case: Case, answer: Answer) -> Score:
        """Measure one answer; raises `OffFormat`. Any other exception becomes a `ScoreFailure`."""


@dataclass(frozen=True, slots=True)
class Compared:
    """The texts that a scorer compares after extraction and normalisation; ``why`` is a clause on the result."""

    prediction: str
    references: tuple[str, ...]
    why: str


@runtime_checkable
class ShowsComparison(Protocol):
    """A scorer that can show what it compares, for `fairtrial runs why`."""

    def normalised(self, case: Case, answer: Answer) -> Compared:
        """The texts as the scorer compares them; raises `OffFormat` like `score`."""


@runtime_checkable
class ChecksCases(Protocol):
    """A scorer with requirements on rows, which checks every case when a suite is loaded."""

    def case_problem(self, case: Case) -> str | None:
        """Why this case cannot be scored, as the end of a sentence about the case; ``None`` if it can."""


@runtime_checkable
class WaitsForProcess(Protocol):
    """A scorer that waits for another process, so that it never runs on the event loop."""

    @property
    def waits(self) -> bool:
        """Whether it does."""


@runtime_checkable
class ScoresPairs(Protocol):
    """A scorer of changed copies, which needs the result of the original; its `score` alone measures nothing."""

    def score_pair(self, result: CaseResult, original: CaseResult) -> Score:
        """Measure a changed copy against its original; both have the scores of the other scorers."""


@runtime_checkable
class WarnsAboutSuite(Protocol):
    """A scorer whose numbers can mislead on some suites, which checks all cases when a suite is loaded."""

    def suite_warning(self, cases: Sequence[Case]) -> str | None:
        """A warning about its numbers on these cases, or ``None``."""


@dataclass(frozen=True, slots=True)
class NamedText:
    """A file that the suite names: its name and its text."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class ScorerType:
    """A kind of scorer: ``build(options, name)`` makes one from its options in the suite, or raises `ValueError`.

    ``options`` maps each option to one sentence for the documentation and for errors on unknown ones. ``short`` is
    the option that a bare value sets: ``- exact: squad`` is ``- exact: {mode: squad}``. A path in the option ``file``
    is relative to the suite, and reaches ``build`` as a `NamedText`: only files of the project are read. ``members``:
    the option that lists scorers, which reach ``build`` as built ones.
    """

    summary: str
    options: Mapping[str, str]
    build: Callable[[Mapping[str, Any], str], Scorer]
    short: str | None = None
    members: str | None = None


@dataclass(frozen=True, slots=True)
class TextRules:
    """What to look for in an answer, by rule: ``literal`` of every case, and the ``columns`` with a case's own.

    ``case``: whether upper and lower case differ.
    """

    name: str
    literal: Mapping[str, tuple[str, ...]]
    columns: Mapping[str, str]
    case: bool

    stats = (Stat("accuracy", "proportion"),)

    @property
    def written(self) -> str:
        """The rules with their literals, for the scorer's version."""
        return "".join(f" {rule}:{'|'.join(texts)}" for rule, texts in self.literal.items() if texts)

    def of_case(self, case: Case, rule: str) -> tuple[str, ...]:
        """The case's own texts; raises `ValueError`."""
        return as_texts(case.fields.get(self.columns[rule]), repr(self.columns[rule]))


def read_rules(
    options: Mapping[str, Any], rules: Sequence[str], prefix: str
) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """The literals and the columns of rules."""
    literal = {rule: read_texts(options, rule) for rule in rules}
    return literal, {rule: read_word(options, f"{rule}_column", f"{prefix}_{rule}") or "" for rule in rules}


def read_flag(options: Mapping[str, Any], option: str, default: bool) -> bool:
    """A boolean; ``yes`` and ``no`` count too, because YAML 1.2 reads them as strings."""
    value = options.get(option, default)
    if isinstance(value, bool | str) and value in YES:
        return True
    if isinstance(value, bool | str) and value in NO:
        return False
    raise ValueError(f"{option}: {value!r} is neither yes nor no")


def no_truth(case: Case, column: str) -> str | None:
    """What is wrong if the case's column is neither yes nor no."""
    value = case.fields.get(column)
    return None if truth_of(value) is not None else f"has {value!r} in {column!r}, which is neither yes nor no"


def truth_of(value: Any) -> bool | None:
    """A boolean of a row, which a CSV file has as text; ``None`` for anything else."""
    word = value.strip().casefold() if isinstance(value, str) else value
    return None if not isinstance(word, bool | str) else True if word in YES else False if word in NO else None


def read_word(options: Mapping[str, Any], option: str, default: str | None = None) -> str | None:
    """A string, or the default."""
    value = options.get(option, default)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{option}: {value!r} is not a text")
    return value


def read_choice(options: Mapping[str, Any], option: str, known: Sequence[str]) -> str:
    """One of the known words, by default the first."""
    value = options.get(option, known[0])
    if value not in known:
        raise ValueError(f"{option}: {value!r} is not known (known: {', '.join(known)})")
    return str(value)


def read_texts(options: Mapping[str, Any], option: str) -> tuple[str, ...]:
    """A string or a list of strings; empty if the option is missing."""
    return as_texts(options.get(option), option)


def as_texts(value: Any, where: str) -> tuple[str, ...]:
    """A string, a number or a list of them, as strings; ``None`` is an empty list."""
    if value is None:
        return ()
    items = value if isinstance(value, list | tuple) else [value]
    if any(isinstance(item, bool) or not isinstance(item, str | int | float) for item in items):
        raise ValueError(f"{where}: {value!r} is not a text or a list of texts")
    return tuple(str(item) for item in items)


def references_of(expected: Any) -> tuple[str, ...]:
    """The accepted answers of a case: a string, a number or a list of them; empty if there are none."""
    try:
        return as_texts(expected, "expected")
    except ValueError:
        return ()


def no_reference(expected: Any) -> str | None:
    """The problem of a case without an accepted answer, if it is one."""
    return None if references_of(expected) else "has no text (or list of texts) in 'expected'"
