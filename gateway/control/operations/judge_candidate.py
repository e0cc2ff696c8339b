"""Judges a candidate by a gate's text, on the runs, reviews and traffic of the store, and stores the verdict."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from evaluators.criteria.grammar import Versus
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
from fairtrial.domain.ids import ENTROPY_BYTES, uuid7
from fairtrial.domain.plan import Plan
from fairtrial.domain.verdict import Finding, JudgedSuite, Provenance, Verdict
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.evaluations import looks, runs, suite_texts, verdicts
from fairtrial.store.reviews import evidence
from fairtrial.store.traffic import traffic
from gateway.control.operations.live_rates import live_rates
from gateway.control.operations.run_tables import load_table
from gateway.control.operations.split_findings import split_findings
from gateway.memory import keeping_large_blocks

LARGEST_GATE, MOST_MISTAKES = 32_768, 20
"""Letters of a gate's text, and mistakes of it that are reported."""
SHORT_DIGEST = 8
PRINTABLE = r"^[^\x00-\x1f\x7f]+$"
Name = Annotated[str, Field(max_length=200, pattern=PRINTABLE)]
Label = Annotated[str, Field(max_length=4096, pattern=PRINTABLE)]


class SuiteReference(BaseModel):
    """A suite that the gate lists: which of the stored ones is meant, by its digests."""

    model_config = ConfigDict(extra="forbid")

    suite: Name
    digest: Name = Field(description="the suite's digest, as its runs have it")
    text_digest: Name | None = Field(
        default=None, description="SHA-256 of the suite's text, which covers its gate lines; else the text stored last"
    )
    listed: Label | None = Field(default=None, description="what the gate lists it as, if that is not its name")
    file: Label | None = Field(
        default=None, description="where the caller has it: only for the commands that a finding names, never opened"
    )


class JudgeRequest(BaseModel):
    """What is to be judged: a gate's text, the suites that it lists, the candidate and the baseline."""

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
class _Stored:
    """What the store has of a suite; ``suite`` is ``None`` where it can't be judged by, and ``missing`` says why."""

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


class _Runs:
    """The newest finished run of a suite on a target, loaded once each."""

    def __init__(self, database: Database, references: Sequence[SuiteReference]) -> None:
        self._database = database
        self._digests = {one.suite: one.digest for one in references}
        self._loaded: dict[tuple[str, str], RunTable | None] = {}

    def __call__(self, suite: str, target: str) -> RunTable | None:
        if (suite, target) not in self._loaded:
            self._loaded[suite, target] = self._load(suite, target)
        return self._loaded[suite, target]

    def before(self, suite: str, target: str) -> RunTable | None:
        """The finished run of the same suite and definition before the newest."""
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
    """The present definitions of both; raises `UsageError` if one does not exist, or if they are one and the same."""
    if candidate == baseline:
        raise UsageError(f"--candidate {candidate}: a model compared with itself shows nothing; name another baseline")
    return {name: resolve(name, plan, base_url="").deployment_digest for name in (candidate, baseline)}


def judge_candidate(database: Database, asked: JudgeRequest, *, plan: Plan, asked_by: str, now_us: int) -> Verdict:
    """The verdict of this gate's text on the newest runs of these suites; it is stored, and audited as ``asked_by``.

    ``candidate`` and ``baseline`` are targets of the plan as `fairtrial eval --on` names them; a run of another
    definition of a target is INVALID. Suites are those that the store has by their digests; nothing is opened. Raises
    `UsageError` for an unknown target and `ConfigError` for a gate with mistakes; evidence that is missing is a HOLD.
    """
    digests = digests_of(plan, asked.candidate, asked.baseline)
    stored = [_stored(database, reference) for reference in asked.suites]
    gate = _gate(asked.gate, stored)
    refuse_unknown_refs(gate, plan)
    found = _Runs(database, asked.suites)
    reviews = evidence.read(database, asked.candidate, asked.baseline)
    with keeping_large_blocks():
        later = _later(database, gate, found, asked, digests[asked.candidate])
        verdict = judge(
            gate,
            Trial(asked.candidate, asked.baseline, found, digests, reviews, found.before, later),
            verdict_id=uuid7(now_us // 1000, os.urandom(ENTROPY_BYTES)),
            at_us=now_us,
            live=live_rates(traffic.by_variant(database, Page()), plan, asked.candidate, asked.baseline),
            candidates_judged=verdicts.candidates_judged(database, gate.name, asked.candidate),
            first=[
                *split_findings(database, plan, asked.candidate, asked.baseline),
                *_not_judged(gate, stored, found, asked),
            ],
        )
    verdict = replace(verdict, provenance=_provenance(asked, stored, plan, asked_by))
    verdicts.save(database, verdict, actor=asked_by)
    return verdict


def _later(database: Database, gate: Gate, found: _Runs, asked: JudgeRequest, candidate_digest: str) -> frozenset[str]:
    """Suites that compared this candidate before, by other results; the same results again are the same look."""
    first = looks.first_looks(database, candidate_digest)
    targets = asked.candidate, asked.baseline
    return frozenset(
        name
        for name in {suite.name for suite in gate.suites} & first.keys()
        for run in (found(name, target) for target in targets)
        if run is not None and not _seen(database, run, first[name])
    )


def _seen(database: Database, run: RunTable, first: looks.FirstLook) -> bool:
    """Whether the first look read this run, or another one with the same results."""
    known = first.runs.get(run.deployment_digest)
    if known is None or run.suite_digest != first.suite_digest:
        return False
    before = run if known == run.run_id else load_table(database, known)
    return before is not None and same_results(run, before)


def refuse_unknown_refs(gate: Gate, plan: Plan) -> None:
    """`UsageError` for a line that compares with a target which is not in the plan: it would hold for ever."""
    for rule in gate.rules:
        test = rule.line.test
        if isinstance(test, Versus) and test.ref != "base" and not test.ref.startswith(NAMED_BASELINE):
            try:
                resolve(test.ref, plan, base_url="")
            except UsageError as error:
                raise UsageError(f"{rule.source}: {rule.text!r}: {str(error).removeprefix('--on ')}") from error


def _stored(database: Database, reference: SuiteReference) -> _Stored:
    name, digest = reference.suite, reference.digest
    found = suite_texts.newest(database, name, digest, reference.text_digest)
    if found is None:
        return _Stored(reference, None, None, _why_absent(database, reference))
    entry = _Stored(reference, found.digest, None)
    try:
        suite = suite_of(found.text, entry.path)
    except UnusableText as error:
        return replace(entry, missing=f"suite {name} can't be judged by: {error}")
    if (suite.name, suite.digest) != (name, digest):
        return replace(entry, missing=f"the stored text of suite {name} is of another suite")
    return replace(entry, suite=suite)


def _why_absent(database: Database, reference: SuiteReference) -> str:
    name, short = reference.suite, reference.digest[:SHORT_DIGEST]
    if not runs.latest(database, suite=name, suite_digest=reference.digest):
        return f"no run of suite {name} with the digest {short} is stored"
    if reference.text_digest is not None:
        return f"the gate lines or slices of suite {name} are others than those that are stored with its runs"
    return f"the runs of suite {name} with the digest {short} are stored without its text, as earlier versions did"


def _gate(text: str, stored: Sequence[_Stored]) -> Gate:
    given: dict[str, list[Suite | None]] = {}
    for one in stored:
        given.setdefault(one.listed, []).append(one.suite)
    try:
        return gate_file.of_text(text, given)
    except ConfigError as error:
        raise ConfigError(error.mistakes[:MOST_MISTAKES]) from error


def _not_judged(gate: Gate, stored: Sequence[_Stored], found: _Runs, asked: JudgeRequest) -> list[Finding]:
    """A HOLD for each suite that nothing can be said about, and for each line that only such a suite may measure."""
    read = {rule.suite.name for rule in gate.rules}
    findings = []
    for one in stored:
        name, both = one.reference.suite, f"{asked.baseline},{asked.candidate}"
        why = one.missing
        if not why and name not in read and found(name, asked.candidate) is None:
            why = f"suite {name} has not been run on {asked.candidate}"
        if why:
            command = Suite.command_of(one.path, both)
            findings.append(Finding(f"suite {name}", gate.name, "cannot tell", why, command))
    for text in gate.unplaced:
        says = f"{text!r} is a line on a suite that is not stored"
        findings.append(Finding(text, gate.name, "cannot tell", says, "a run of the suite that it measures"))
    return findings


def _provenance(asked: JudgeRequest, stored: Sequence[_Stored], plan: Plan, asked_by: str) -> Provenance:
    return Provenance(
        gate_text=asked.gate,
        gate_sha256=hashlib.sha256(asked.gate.encode()).hexdigest(),
        suites=tuple(JudgedSuite(one.reference.suite, one.reference.digest, one.text_digest) for one in stored),
        program=version("fairtrial"),
        plan_hash=plan.plan_hash,
        asked_by=asked_by,
    )
