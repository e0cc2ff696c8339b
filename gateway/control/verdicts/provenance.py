"""Collects what a verdict is based on: who asked for it, the runs that its gate reads, and the suites of the gate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version

import pyarrow

from evaluators.gate.evidence import Evidence, GivenSuite
from evaluators.gate.file import Gate
from evaluators.gate.rules import better_rules
from evaluators.loading.suite_text import UnusableText, digest_of, suite_of
from evaluators.results.equal_answers import same_results
from evaluators.results.run_table import RunTable
from evaluators.results.table_formats import StoredControls, table_from
from evaluators.suite import Suite
from evaluators.trial import CANDIDATE_US
from fairtrial.api.verdicts import Judge, SuiteReference
from fairtrial.config.releases import ReleaseGates
from fairtrial.domain.errors import UsageError
from fairtrial.domain.plan import Plan
from fairtrial.domain.verdicts.verdict import JudgedExperiment, JudgedQueue, JudgedRun, JudgedSuite, Provenance
from fairtrial.store.core.database import Database
from fairtrial.store.evaluations import run_columns, runs, verdicts
from fairtrial.store.evaluations.judged_candidates import evaluated_candidates, judged_candidates
from gateway.control.verdicts.gate_file import find_official
from gateway.process_resources import give_back

SHORT_DIGEST = 8
LIBRARIES = ("numpy", "scipy", "scikit-learn", "sacrebleu", "rouge-score", "duckdb")
"""What computes the numbers."""

Key = tuple[str, str]
"""A suite and a target."""


@dataclass(frozen=True, slots=True)
class StoredSuite:
    """A suite in the store. ``suite`` is ``None`` if it is unusable; ``missing`` then gives the reason."""

    reference: SuiteReference
    text_digest: str | None
    suite: Suite | None
    text: str | None = None
    missing: str = ""

    @property
    def listed(self) -> str:
        return self.reference.listed or self.reference.suite

    @property
    def path(self) -> Path:
        return Path(self.reference.file or f"{self.reference.suite}.yaml")

    def given(self) -> GivenSuite:
        """The suite as evidence."""
        text = None if self.suite is None else self.text
        return GivenSuite(self.listed, self.reference.suite, str(self.path), text)


def stored_suite(database: Database, reference: SuiteReference) -> StoredSuite:
    """The suite of these digests; raises `StoreError`."""
    name, digest = reference.suite, reference.digest
    newest = runs.newest_text(database, name, digest, reference.text_digest)
    if newest is None:
        return StoredSuite(reference, None, None, missing=_why_absent(database, reference))
    entry = StoredSuite(reference, newest.digest, None, newest.text)
    try:
        suite = suite_of(newest.text, entry.path)
    except UnusableText as error:
        return replace(entry, missing=f"the suite {name} can't be used: {error}")
    if (suite.name, suite.digest) != (name, digest):
        return replace(entry, missing=f"the stored text of the suite {name} belongs to another suite")
    return replace(entry, suite=suite)


def _why_absent(database: Database, reference: SuiteReference) -> str:
    name, short = reference.suite, reference.digest[:SHORT_DIGEST]
    if not runs.latest(database, suite=name, suite_digest=reference.digest):
        return f"there is no stored run of the suite {name} with the digest {short}"
    if reference.text_digest is not None:
        return f"the gate lines or slices of the suite {name} differ from those stored with its runs"
    return f"the runs of the suite {name} with the digest {short} were stored without its text by an earlier version"


@dataclass(frozen=True, slots=True)
class Asked:
    """The circumstances of a verdict: the plan in force, who asked, and the official gates.

    ``root``: the project's folder, in which the files of training data are. ``held``: as in `StepTime`.
    """

    plan: Plan
    asked_by: str
    release_gates: ReleaseGates
    root: Path | None = None
    held: str = ""


def provenance(
    evidence: Evidence, gate: Gate, stored: Sequence[StoredSuite], asker: Asked, experiments: Sequence[JudgedExperiment]
) -> Provenance:
    """Who asked for the verdict on this evidence, and what it is based on."""
    sha256 = digest_of(evidence.gate_text)
    official = find_official(
        asker.release_gates, sha256, {suite.reference.suite: suite.text_digest for suite in stored}
    )
    return Provenance(
        gate_text=evidence.gate_text,
        gate_sha256=sha256,
        suites=tuple(JudgedSuite(suite.reference.suite, suite.reference.digest, suite.text_digest) for suite in stored),
        program=version("fairtrial"),
        plan_hash=asker.plan.plan_hash,
        asked_by=asker.asked_by,
        official=official.file is not None,
        unofficial_why=official.unofficial_why,
        approvers=gate.approvers,
        max_age_seconds=gate.max_age_seconds,
        runs=tuple(
            JudgedRun(
                run.run_id,
                run.suite,
                run.target,
                run.model or "",
                run.fingerprint,
                run.deployment_digest,
                run.started_us,
            )
            for run in evidence.runs.values()
        ),
        queues=tuple(
            JudgedQueue(queue.queue_id, queue.title, queue.suite, len(queue.votes))
            for queue in evidence.reviews
            if queue.readable
        ),
        experiments=tuple(experiments),
        definitions=dict(evidence.digests),
        served={target: "+".join(dict.fromkeys(names)) for target, names in evidence.served.items()},
        libraries=_versions(),
        training=evidence.training,
        self_approval=gate.self_approval,
    )


def _versions() -> dict[str, str]:
    versions = {"python": python_version()}
    for name in LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


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
        if (stored_id := self._kept.get((suite, target))) is not None:
            return load_table(self._database, stored_id)
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


def count_candidates(
    database: Database, gate: Gate, latest: LatestRuns, targets: tuple[str, str], *, now_us: int
) -> int:
    """How many candidates this gate has judged lately on cases of its lines `better`, or can judge, including this one.

    ``targets``: candidate and baseline.
    """
    candidate, baseline = targets
    runs = [latest(suite, candidate) for suite in {rule.suite.name: None for rule in better_rules(gate.rules)}]
    own = {run.run_id: run.suite_digest for run in runs if run is not None}
    if not own:
        return 1
    window_us = now_us - CANDIDATE_US, now_us
    judged = judged_candidates(database, gate.name, baseline, own, window_us)
    evaluated = evaluated_candidates(database, baseline, own.values(), window_us)
    return len(judged.keys() | evaluated | {run.deployment_digest for run in runs if run is not None})


def kept_baselines(database: Database, request: Judge) -> dict[Key, str]:
    """The kept runs by which a request wants to be judged; raises `UsageError` for any other run."""
    run_ids: dict[Key, str] = {}
    digests = {suite.suite: suite.digest for suite in request.suites}
    for run_id in request.baseline_runs:
        run = runs.head(database, run_id)
        if run is None or not runs.is_kept(database, run_id):
            raise UsageError(f"baseline_runs: {run_id} is not a run that is kept for good")
        if run.target != request.baseline or digests.get(run.suite) != run.suite_digest:
            raise UsageError(f"baseline_runs: {run_id} is not a run of these suites on {request.baseline}")
        run_ids[run.suite, run.target] = run_id
    return run_ids


def later_suites(
    database: Database, names: frozenset[str], latest: LatestRuns, targets: tuple[str, str], candidate_digest: str
) -> frozenset[str]:
    """The suites on which this candidate was judged before with different results, so that this is a later look.

    ``names``: the gate's suites; ``targets``: candidate and baseline.
    """
    first = verdicts.first_looks(database, candidate_digest)
    return frozenset(
        name
        for name in names & first.keys()
        for run in (latest(name, target) for target in targets)
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
    controls = StoredControls(
        partial(run_columns.controls, database, run_id), partial(run_columns.control_details, database, run_id)
    )
    table = table_from(columns, partial(run_columns.details, database, run_id), controls)
    del columns
    give_back()
    pyarrow.default_memory_pool().release_unused()
    return table
