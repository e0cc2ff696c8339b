"""Defines what a verdict is based on: gate, suites, runs, reviews, live experiments, and the program that judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fairtrial.domain.accounts import Role
from fairtrial.domain.training.data_audit import TrainingEvidence


@dataclass(frozen=True, slots=True)
class JudgedSuite:
    """A suite that a verdict is based on; ``text_digest``: SHA-256 of its stored text, ``None`` if there is none."""

    suite: str
    digest: str
    text_digest: str | None


@dataclass(frozen=True, slots=True)
class JudgedRun:
    """A run that a verdict is based on. ``model``: the provider's model as declared, empty if it is unknown.

    ``fingerprint``: of the weights, ``None`` if the upstream names none. ``started_us``: microseconds since 1970, UTC.
    It repeats fields of `RunHead`, because stored verdicts contain exactly these.
    """

    run_id: str
    suite: str
    target: str
    model: str
    fingerprint: str | None
    deployment_digest: str
    started_us: int


@dataclass(frozen=True, slots=True)
class JudgedQueue:
    """A queue of blind reviews that a verdict is based on, with the number of the votes that `ReviewedQueue` has."""

    queue_id: str
    title: str
    suite: str
    votes: int


@dataclass(frozen=True, slots=True)
class Amendment:
    """One change of a frozen analysis plan after its start; ``at_us``: microseconds since 1970, UTC."""

    at_us: int
    actor: str
    why: str
    analysis_hash: str


@dataclass(frozen=True, slots=True)
class JudgedExperiment:
    """The live experiment that a verdict is based on.

    ``variant``: the candidate's arm. ``plan_number``: the row of its frozen analysis plan. ``looks``: how many looks
    there were, the last at ``looked_us`` (0 before the first). ``state``: of the experiment at the time of judging.
    """

    experiment: str
    variant: str
    state: str
    plan_number: int
    analysis_hash: str
    segment: int
    attempt: int
    started_us: int
    looks: int
    looked_us: int
    amendments: tuple[Amendment, ...] = ()


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who requested a verdict, and what it is based on.

    ``gate_text``: the gate as it was sent, with its SHA-256. ``program``: the version that judged. ``plan_hash``: the
    plan in force. ``asked_by``: an account, a key or a user of the machine, such as ``key ci``. ``official``: whether
    the gate and its suites were those that the project declares for releases; otherwise ``unofficial_why`` says why
    not. ``approvers``: the roles that must approve. ``max_age_seconds``: how old a run may be. ``definitions``: the
    digest of each target's definition. ``served``: the fingerprints of each target's newest answers, joined by ``+``.
    ``libraries``: the versions of what computes the numbers. ``training``: the candidate's lineage and its audit;
    ``None`` in a verdict of an earlier version. ``self_approval``: whether the gate lets the person who asked approve,
    too; ``None`` in a verdict of a version that counted every approval.
    """

    gate_text: str
    gate_sha256: str
    suites: tuple[JudgedSuite, ...]
    program: str
    plan_hash: str
    asked_by: str
    official: bool = False
    unofficial_why: str = "it was judged by a version that knew no official gate"
    approvers: tuple[Role, ...] = ()
    max_age_seconds: float | None = None
    runs: tuple[JudgedRun, ...] = ()
    queues: tuple[JudgedQueue, ...] = ()
    experiments: tuple[JudgedExperiment, ...] = ()
    definitions: Mapping[str, str] = field(default_factory=dict)
    served: Mapping[str, str] = field(default_factory=dict)
    libraries: Mapping[str, str] = field(default_factory=dict)
    training: TrainingEvidence | None = None
    self_approval: bool | None = None
