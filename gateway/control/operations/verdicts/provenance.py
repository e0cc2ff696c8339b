"""Collects who asked for a verdict and what it is based on, and finds the suites of a gate in the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version

from evaluators.gate.evidence import Evidence, GivenSuite
from evaluators.gate.file import Gate
from evaluators.loading.suite_text import UnusableText, suite_of
from evaluators.results.run_table import RunTable
from evaluators.suite import Suite
from fairtrial.api.verdicts import SuiteReference
from fairtrial.config.releases import ReleaseGates
from fairtrial.domain.plan import Plan
from fairtrial.domain.verdicts.verdict import JudgedExperiment, JudgedQueue, JudgedRun, JudgedSuite, Provenance
from fairtrial.store.core.database import Database
from fairtrial.store.evaluations import runs
from gateway.control.operations.gate_file import find_official, sha256_of

SHORT_DIGEST = 8


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


LIBRARIES = ("numpy", "scipy", "scikit-learn", "sacrebleu", "rouge-score", "duckdb")
"""What computes the numbers."""


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
    evidence: Evidence, gate: Gate, stored: Sequence[StoredSuite], asked: Asked, experiments: Sequence[JudgedExperiment]
) -> Provenance:
    """Who asked for the verdict on this evidence, and what it is based on."""
    sha256 = sha256_of(evidence.gate_text)
    official = find_official(
        asked.release_gates, sha256, {suite.reference.suite: suite.text_digest for suite in stored}
    )
    return Provenance(
        gate_text=evidence.gate_text,
        gate_sha256=sha256,
        suites=tuple(JudgedSuite(suite.reference.suite, suite.reference.digest, suite.text_digest) for suite in stored),
        program=version("fairtrial"),
        plan_hash=asked.plan.plan_hash,
        asked_by=asked.asked_by,
        official=official.file is not None,
        unofficial_why=official.unofficial_why,
        approvers=gate.approvers,
        max_age_seconds=gate.max_age_seconds,
        runs=tuple(_judged(run) for run in evidence.runs.values()),
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


def _judged(run: RunTable) -> JudgedRun:
    return JudgedRun(
        run.run_id, run.suite, run.target, run.model or "", run.fingerprint, run.deployment_digest, run.started_us
    )


def _versions() -> dict[str, str]:
    versions = {"python": python_version()}
    for name in LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions
