"""Judges a candidate by a gate on the stored runs, reviews and traffic, and stores the verdict."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from evaluators.criteria.grammar import VersusBaseline
from evaluators.criteria.validation import NAMED_BASELINE
from evaluators.engine.target import resolve
from evaluators.gate import file as gate_file
from evaluators.gate.file import MOST_SUITES, Gate
from evaluators.gate.judge import judge
from evaluators.loading.suite_text import UnusableText, suite_of
from evaluators.results.run_table import RunTable, same_results
from evaluators.suite import Suite
from evaluators.trial import Trial
from fairtrial.domain.errors import ConfigError, UsageError
from fairtrial.domain.names.ids import ENTROPY_BYTES, uuid7
from fairtrial.domain.plan import Plan
from fairtrial.domain.verdict import Finding, JudgedSuite, Provenance, Verdict
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.evaluations import looks, runs, suite_texts, verdicts
from fairtrial.store.experiments import segment_traffic
from fairtrial.store.reviews import evidence
from gateway.control.operations.live_rates import live_rates
from gateway.control.operations.run_tables import load_table
from gateway.control.operations.split.split_findings import split_findings
from gateway.memory import keeping_large_blocks

LARGEST_GATE, MAX_ERRORS = 32_768, 20
"""Letters of a gate's text, and errors of it that are reported."""
SHORT_DIGEST = 8
PRINTABLE = r"^[^\x00-\x1f\x7f]+$"
Name = Annotated[str, Field(max_length=200, pattern=PRINTABLE)]
Label = Annotated[str, Field(max_length=4096, pattern=PRINTABLE)]


class SuiteReference(BaseModel):
    """A suite that the gate lists, identified among the stored ones by its digests."""

    model_config = ConfigDict(extra="forbid")

    suite: Name
    digest: Name = Field(description="the suite's digest, as in its runs")
    text_digest: Name | None = Field(
        default=None,
        description="SHA-256 of the suite's text including its gate lines; default: the newest stored text",
    )
    listed: Label | None = Field(default=None, description="how the gate lists it, if not by its name")
    file: Label | None = Field(
        default=None, description="the caller's path of the suite, shown in suggested commands and never opened"
    )


class JudgeRequest(BaseModel):
    """The request: a gate's text, the suites that it lists, the candidate and the baseline."""

    model_config = ConfigDict(extra="forbid")

    gate: str = Field(max_length=LARGEST_GATE, description="the text of the gate's file")
    suites: list[SuiteReference] = Field(default_factory=list, max_length=MOST_SUITES)
    candidate: Name
    baseline: Name

    @model_validator(mode="after")
    def _one_digest_for_each_suite(self) -> JudgeRequest:
        digests: dict[str, str] = {}
        for one in self.suites:
            if digests.setdefault(one.suite, one.digest) != one.digest:
                raise ValueError(f"the suite {one.suite!r} is named with two digests")
        return self


@dataclass(frozen=True, slots=True)
class _StoredSuite:
    """A suite in the store. ``suite`` is ``None`` if it is unusable; ``missing`` then gives the reason."""

    reference: SuiteReference
    text_digest: str | None
    suite: Suite | None
    missing: str = ""

    @property
    def listed(self) -> str:
        return self.reference.listed or self.reference.suite

    @property
    def path(self) -> Path:
        return Path(self.reference.file or f"{self.reference.suite}.yaml")


class _LatestRuns:
    """Loads the newest finished run of a suite on a target, once each."""

    def __init__(self, database: Database, references: Sequence[SuiteReference]) -> None:
        self._database = database
        self._digests = {one.suite: one.digest for one in references}
        self._loaded: dict[tuple[str, str], RunTable | None] = {}

    def __call__(self, suite: str, target: str) -> RunTable | None:
        if (suite, target) not in self._loaded:
            self._loaded[suite, target] = self._load(suite, target)
        return self._loaded[suite, target]

    def before(self, suite: str, target: str) -> RunTable | None:
        """The finished run before the newest one, of the same suite and definition."""
        newest = self(suite, target)
        if newest is None:
            return None
        digests = newest.suite_digest, newest.deployment_digest
        run_id = looks.run_before(self._database, suite=suite, target=target, digests=digests, newest=newest.run_id)
        return None if run_id is None else load_table(self._database, run_id)

    def _load(self, suite: str, target: str) -> RunTable | None:
        digest = self._digests[suite]
        for run_id in runs.latest(self._database, suite=suite, target=target, suite_digest=digest):
            return load_table(self._database, run_id)
        return None


def digests_of(plan: Plan, candidate: str, baseline: str) -> dict[str, str]:
    """The digests of both current definitions; raises `UsageError` for an unknown target or two equal ones."""
    if candidate == baseline:
        raise UsageError(
            f"--candidate {candidate}: candidate and baseline are the same target; choose another baseline"
        )
    return {name: resolve(name, plan, base_url="").deployment_digest for name in (candidate, baseline)}


def judge_candidate(database: Database, request: JudgeRequest, *, plan: Plan, asked_by: str, now_us: int) -> Verdict:
    """Judge by the newest runs of the suites. The verdict is stored and audited as requested by ``asked_by``.

    ``candidate`` and ``baseline`` are targets of the plan as `fairtrial eval --on` names them; a run of another
    definition of a target is INVALID. Suites are those that the store has by their digests; nothing is opened. Raises
    `UsageError` for an unknown target and `ConfigError` for a gate with errors; evidence that is missing is a HOLD.
    """
    digests = digests_of(plan, request.candidate, request.baseline)
    stored = [_stored(database, reference) for reference in request.suites]
    gate = _gate(request.gate, stored)
    refuse_unknown_refs(gate, plan)
    found = _LatestRuns(database, request.suites)
    reviews = evidence.read_evidence(database, request.candidate, request.baseline)
    with keeping_large_blocks():
        later = _later(database, gate, found, request, digests[request.candidate])
        verdict = judge(
            gate,
            Trial(request.candidate, request.baseline, found, digests, reviews, found.before, later),
            verdict_id=uuid7(now_us // 1000, os.urandom(ENTROPY_BYTES)),
            at_us=now_us,
            live=live_rates(segment_traffic.by_variant(database, Page()), plan, request.candidate, request.baseline),
            candidates_judged=verdicts.candidates_judged(database, gate.name, request.candidate),
            first=[
                *split_findings(database, plan, request.candidate, request.baseline),
                *_not_judged(gate, stored, found, request),
            ],
        )
    verdict = replace(verdict, provenance=_provenance(request, stored, plan, asked_by))
    verdicts.save(database, verdict, actor=asked_by)
    return verdict


def _later(
    database: Database, gate: Gate, found: _LatestRuns, request: JudgeRequest, candidate_digest: str
) -> frozenset[str]:
    """Suites on which this candidate was judged before with different results, so that this is a later look."""
    first = looks.first_looks(database, candidate_digest)
    targets = request.candidate, request.baseline
    return frozenset(
        name
        for name in {suite.name for suite in gate.suites} & first.keys()
        for run in (found(name, target) for target in targets)
        if run is not None and not _seen(database, run, first[name])
    )


def _seen(database: Database, run: RunTable, first: looks.FirstLook) -> bool:
    """Whether the first look used this run, or one with the same results."""
    known = first.runs.get(run.deployment_digest)
    if known is None or run.suite_digest != first.suite_digest:
        return False
    before = run if known == run.run_id else load_table(database, known)
    return before is not None and same_results(run, before)


def refuse_unknown_refs(gate: Gate, plan: Plan) -> None:
    """Raise `UsageError` for a line that compares with an unknown target, because it would hold forever."""
    for rule in gate.rules:
        test = rule.line.test
        if isinstance(test, VersusBaseline) and test.ref != "base" and not test.ref.startswith(NAMED_BASELINE):
            try:
                resolve(test.ref, plan, base_url="")
            except UsageError as error:
                raise UsageError(f"{rule.source}: {rule.text!r}: {str(error).removeprefix('--on ')}") from error


def _stored(database: Database, reference: SuiteReference) -> _StoredSuite:
    name, digest = reference.suite, reference.digest
    found = suite_texts.newest(database, name, digest, reference.text_digest)
    if found is None:
        return _StoredSuite(reference, None, None, _why_absent(database, reference))
    entry = _StoredSuite(reference, found.digest, None)
    try:
        suite = suite_of(found.text, entry.path)
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


def _gate(text: str, stored: Sequence[_StoredSuite]) -> Gate:
    given: dict[str, list[Suite | None]] = {}
    for one in stored:
        given.setdefault(one.listed, []).append(one.suite)
    try:
        return gate_file.of_text(text, given)
    except ConfigError as error:
        raise ConfigError(error.errors[:MAX_ERRORS]) from error


def _not_judged(gate: Gate, stored: Sequence[_StoredSuite], found: _LatestRuns, request: JudgeRequest) -> list[Finding]:
    """A HOLD for each suite without evidence, and for each line that only such a suite could measure."""
    read = {rule.suite.name for rule in gate.rules}
    findings = []
    for one in stored:
        name, both = one.reference.suite, f"{request.baseline},{request.candidate}"
        why = one.missing
        if not why and name not in read and found(name, request.candidate) is None:
            why = f"the suite {name} has not been run on {request.candidate}"
        if why:
            command = Suite.command_of(one.path, both)
            findings.append(Finding(f"suite {name}", gate.name, "cannot tell", why, command))
    for text in gate.unplaced:
        says = f"{text!r} refers to a suite that is not stored"
        findings.append(Finding(text, gate.name, "cannot tell", says, "a run of the suite that it measures"))
    return findings


def _provenance(request: JudgeRequest, stored: Sequence[_StoredSuite], plan: Plan, asked_by: str) -> Provenance:
    return Provenance(
        gate_text=request.gate,
        gate_sha256=hashlib.sha256(request.gate.encode()).hexdigest(),
        suites=tuple(JudgedSuite(one.reference.suite, one.reference.digest, one.text_digest) for one in stored),
        program=version("fairtrial"),
        plan_hash=plan.plan_hash,
        asked_by=asked_by,
    )
