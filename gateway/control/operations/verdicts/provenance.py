"""Collects who asked for a verdict, and what it is based on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version

from evaluators.gate.evidence.document import Evidence
from evaluators.gate.file import Gate
from evaluators.results.run_table import RunTable
from fairtrial.config.releases import ReleaseGates
from fairtrial.domain.plan import Plan
from fairtrial.domain.verdicts.provenance import JudgedExperiment, JudgedQueue, JudgedRun, JudgedSuite, Provenance
from gateway.control.operations.verdicts.official_gate import find_official, sha256_of
from gateway.control.operations.verdicts.stored_suites import StoredSuite

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
    found = find_official(asked.release_gates, sha256, {one.reference.suite: one.text_digest for one in stored})
    return Provenance(
        gate_text=evidence.gate_text,
        gate_sha256=sha256,
        suites=tuple(JudgedSuite(one.reference.suite, one.reference.digest, one.text_digest) for one in stored),
        program=version("fairtrial"),
        plan_hash=asked.plan.plan_hash,
        asked_by=asked.asked_by,
        official=found.file is not None,
        unofficial_why=found.unofficial_why,
        approvers=gate.approvers,
        max_age_seconds=gate.max_age_seconds,
        runs=tuple(_judged(run) for run in evidence.runs.values()),
        queues=tuple(
            JudgedQueue(one.queue_id, one.title, one.suite, len(one.votes)) for one in evidence.reviews if one.readable
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
    found = {"python": python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
