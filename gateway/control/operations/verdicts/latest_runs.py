"""Loads the runs that a gate reads, once each, and remembers which ones it read."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import pyarrow

from evaluators.results.run_table import RunTable, same_results
from evaluators.results.table_formats import table_from
from fairtrial.api.verdicts import Judge
from fairtrial.domain.errors import UsageError
from fairtrial.store.core.database import Database
from fairtrial.store.evaluations import run_columns, runs, verdicts
from gateway.process_resources import give_back

Key = tuple[str, str]
"""A suite and a target."""


class LatestRuns:
    """The newest finished run of a suite on a target. ``digests``: the digest of each suite.

    ``kept``: the ids of runs that are used in place of the newest ones.
    """

    def __init__(self, database: Database, digests: Mapping[str, str], kept: Mapping[Key, str] | None = None) -> None:
        self._database = database
        self._digests = digests
        self._kept = kept or {}
        self._newest: dict[Key, RunTable | None] = {}
        self._before: dict[Key, RunTable | None] = {}

    def __call__(self, suite: str, target: str) -> RunTable | None:
        if (suite, target) not in self._newest:
            self._newest[suite, target] = self._load(suite, target)
        return self._newest[suite, target]

    def before(self, suite: str, target: str) -> RunTable | None:
        """The finished run before the newest one, of the same suite and definition."""
        if (suite, target) not in self._before:
            self._before[suite, target] = self._load_before(suite, target)
        return self._before[suite, target]

    @property
    def read(self) -> dict[Key, RunTable]:
        """The newest runs that were read."""
        return {key: run for key, run in self._newest.items() if run is not None}

    @property
    def read_before(self) -> dict[Key, RunTable]:
        """The earlier runs that were read."""
        return {key: run for key, run in self._before.items() if run is not None}

    def _load(self, suite: str, target: str) -> RunTable | None:
        if (kept := self._kept.get((suite, target))) is not None:
            return load_table(self._database, kept)
        for run_id in runs.latest(self._database, suite=suite, target=target, suite_digest=self._digests[suite]):
            return load_table(self._database, run_id)
        return None

    def _load_before(self, suite: str, target: str) -> RunTable | None:
        newest = self(suite, target)
        if newest is None:
            return None
        digests = newest.suite_digest, newest.deployment_digest
        run_id = verdicts.run_before(self._database, suite=suite, target=target, digests=digests, newest=newest.run_id)
        return None if run_id is None else load_table(self._database, run_id)


def kept_baselines(database: Database, request: Judge) -> dict[Key, str]:
    """The kept runs by which a request wants to be judged; raises `UsageError` for any other run."""
    found: dict[Key, str] = {}
    digests = {suite.suite: suite.digest for suite in request.suites}
    for run_id in request.baseline_runs:
        run = runs.head(database, run_id)
        if run is None or not runs.is_kept(database, run_id):
            raise UsageError(f"baseline_runs: {run_id} is not a run that is kept for good")
        if run.target != request.baseline or digests.get(run.suite) != run.suite_digest:
            raise UsageError(f"baseline_runs: {run_id} is not a run of these suites on {request.baseline}")
        found[run.suite, run.target] = run_id
    return found


def later_suites(
    database: Database, names: frozenset[str], found: LatestRuns, targets: tuple[str, str], candidate_digest: str
) -> frozenset[str]:
    """The suites on which this candidate was judged before with different results, so that this is a later look.

    ``names``: the gate's suites; ``targets``: candidate and baseline.
    """
    first = verdicts.first_looks(database, candidate_digest)
    return frozenset(
        name
        for name in names & first.keys()
        for run in (found(name, target) for target in targets)
        if run is not None and not _seen(database, run, first[name])
    )


def _seen(database: Database, run: RunTable, first: verdicts.FirstLook) -> bool:
    """Whether the first look used this run, or one with the same results."""
    known = first.runs.get(run.deployment_digest)
    if known is None or run.suite_digest != first.suite_digest:
        return False
    before = run if known == run.run_id else load_table(database, known)
    return before is not None and same_results(run, before)


def load_table(database: Database, run_id: str) -> RunTable | None:
    """The run, or ``None`` if it does not exist. Details of scores are read on demand."""
    columns = run_columns.columns(database, run_id)
    if columns is None:
        return None
    table = table_from(columns, partial(run_columns.details, database, run_id))
    del columns
    give_back()
    pyarrow.default_memory_pool().release_unused()
    return table
