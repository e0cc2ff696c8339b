"""What a gate judges: a candidate and its baseline, with their runs and reviews."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from evaluators.results.run_table import RunTable, table_of
from fairtrial.domain.reviews.evidence import ReviewEvidence
from fairtrial.domain.run import Run


def _no_run(_: str, __: str) -> None:
    """For a trial that knows of no earlier run."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Who is on trial: ``run_of(suite, target)`` gives the run, or ``None``; a run in columns is quicker.

    ``digests``: target → the digest of its present definition; a run of another definition is no evidence for it.
    ``reviews``: what people judged of the two, blind. ``before(suite, target)``: the finished run of the same suite and
    definition before that of ``run_of``. ``later``: suites that compared this candidate before, by other answers.
    """

    candidate: str
    baseline: str
    run_of: Callable[[str, str], Run | RunTable | None]
    digests: Mapping[str, str] = field(default_factory=dict)
    reviews: ReviewEvidence = ()
    before: Callable[[str, str], RunTable | Run | None] = _no_run
    later: frozenset[str] = frozenset()
    _tables: dict[tuple[str, str], RunTable | None] = field(default_factory=dict, repr=False, compare=False)

    def table(self, suite: str, target: str) -> RunTable | None:
        """The run in columns, made once, so that all rules share its groupings."""
        if (suite, target) not in self._tables:
            found = self.run_of(suite, target)
            self._tables[suite, target] = None if found is None else table_of(found)
        return self._tables[suite, target]
