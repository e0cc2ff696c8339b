"""Defines the trial that a gate judges: candidate and baseline, with their runs and reviews."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from evaluators.results.run_table import RunTable, table_of
from fairtrial.domain.review import ReviewEvidence
from fairtrial.domain.run import Run
from fairtrial.domain.training_data import TrainingEvidence

ALPHA = 0.05
"""How often the bound of a line may be wrong, unless several candidates share it."""
RULES = 3
"""The version of the rules of judging, which is that of the evidence. 1: what an experiment says counted only by lines,
apart from harm. 2: failures of 0/1 lines were not enumerated; unequal clusters were decided only from the second look
on; three reviewers spoke for people in general."""


def _no_run(_: str, __: str) -> None:
    """The default of `Trial.before`: there is no earlier run."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Candidate and baseline; ``run_of(suite, target)`` gives a run or ``None``; a `RunTable` is faster than a `Run`.

    ``digests``: target → the digest of its present definition; runs of other definitions are not evidence. ``reviews``:
    the blind reviews of the two targets. ``before(suite, target)``: the previous finished run of the same suite and
    definition. ``later``: suites that already compared this candidate, on other answers. ``served``: target → the
    fingerprints of its model's newest answers, newest first; ``now_us``: the time of judging, and ``max_age_seconds``
    how old a run may be, ``None`` to ignore its age. ``training``: the candidate's training data. ``rules``: the
    version of the rules, which an older one is for evidence of an older version. ``alpha``: how often the bound of a
    line may be wrong, which candidates of one migration share. ``kept``: ids of stored baselines whose age and weights
    do not count, because their deployment may no longer answer.
    """

    candidate: str
    baseline: str
    run_of: Callable[[str, str], Run | RunTable | None]
    digests: Mapping[str, str] = field(default_factory=dict)
    reviews: ReviewEvidence = ()
    before: Callable[[str, str], RunTable | Run | None] = _no_run
    later: frozenset[str] = frozenset()
    served: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    now_us: int | None = None
    max_age_seconds: float | None = None
    training: TrainingEvidence | None = None
    rules: int = RULES
    alpha: float = ALPHA
    kept: frozenset[str] = frozenset()
    _tables: dict[tuple[str, str], RunTable | None] = field(default_factory=dict, repr=False, compare=False)

    def table(self, suite: str, target: str) -> RunTable | None:
        """The run as a table; it is made once, so that all rules share its groupings."""
        if (suite, target) not in self._tables:
            found = self.run_of(suite, target)
            self._tables[suite, target] = None if found is None else table_of(found)
        return self._tables[suite, target]
