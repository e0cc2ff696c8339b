"""Judges a candidate by a gate on the stored runs, reviews and traffic, and stores the verdict with its evidence."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from evaluators.criteria.grammar import VersusBaseline
from evaluators.criteria.validation import NAMED_BASELINE
from evaluators.engine.target import resolve
from evaluators.gate import file as gate_file
from evaluators.gate.equal_evidence import digest_of_evidence
from evaluators.gate.evidence import Evidence, encode
from evaluators.gate.file import Gate
from evaluators.gate.judge import judge
from evaluators.loading.suite_text import digest_of
from evaluators.suite import Suite
from fairtrial.api.verdicts import Judge
from fairtrial.domain.errors import ConfigError
from fairtrial.domain.names.ids import id_at
from fairtrial.domain.promises import ALPHA
from fairtrial.domain.run import STATISTICAL_DETAILS
from fairtrial.domain.verdicts.verdict import Finding, Verdict
from fairtrial.store.core.database import Database
from fairtrial.store.evaluations import verdicts
from fairtrial.store.reviews import votes as reviews
from gateway.control.present import served_weights
from gateway.control.shadows import known_shadow
from gateway.control.training_files import read_training_evidence
from gateway.control.verdicts.equality import known_equality, known_parity
from gateway.control.verdicts.gate_file import digests_of, find_official, refuse_unknown_refs
from gateway.control.verdicts.live_evidence import read_experiments
from gateway.control.verdicts.provenance import (
    Asked,
    LatestRuns,
    StoredSuite,
    count_candidates,
    kept_baselines,
    later_suites,
    provenance,
    stored_suite,
)
from gateway.process_resources import keeping_large_blocks

MAX_ERRORS = 20
"""Errors of a gate's text that are reported."""


def judge_candidate(database: Database, request: Judge, asker: Asked, *, now_us: int) -> Verdict:
    """Judge by the newest runs of the suites. The verdict is stored with its evidence and audited.

    ``candidate`` and ``baseline`` are targets of the plan as `fairtrial eval --on` names them; a run of another
    definition of a target is INVALID. Suites are those that the store has by their digests; nothing is opened. Raises
    `UsageError` for an unknown target and `ConfigError` for a gate with errors; evidence that is missing is a HOLD.
    """
    plan, digests = asker.plan, digests_of(asker.plan, request.candidate, request.baseline)
    stored = [stored_suite(database, reference) for reference in request.suites]
    gate = _gate(request.gate, stored)
    refuse_unknown_refs(gate, plan)
    digests |= {ref: resolve(ref, plan, base_url="").deployment_digest for ref in _refs(gate)}
    baselines = kept_baselines(database, request)
    latest = LatestRuns(database, {reference.suite: reference.digest for reference in request.suites}, baselines)
    official = find_official(
        asker.release_gates, digest_of(request.gate), {suite.reference.suite: suite.text_digest for suite in stored}
    )
    covered = None if official.file is None else asker.release_gates.covered(plan, official.file)
    names, targets = frozenset(suite.name for suite in gate.suites), (request.candidate, request.baseline)
    experiments = read_experiments(database, plan, *targets, now_us=now_us, covered=covered, held=asker.held)
    with keeping_large_blocks():
        evidence = Evidence(
            gate_text=request.gate,
            candidate=request.candidate,
            baseline=request.baseline,
            at_us=now_us,
            suites=tuple(suite.given() for suite in stored),
            digests=digests,
            served=served_weights(database, plan, digests, since_us=now_us - round(gate.max_age_seconds * 1e6)),
            reviews=reviews.read_evidence(database, request.candidate, request.baseline),
            live=experiments.evidence,
            later=later_suites(database, names, latest, targets, digests[request.candidate]),
            candidates_judged=verdicts.candidates_judged(database, gate.name, request.candidate),
            first=(*_not_judged(gate, stored, latest, request),),
            training=read_training_evidence(database, plan, asker.root, request.candidate, audited=_audited(gate)),
            alpha=ALPHA / request.successors,
            kept=frozenset(baselines.values()),
            candidates=count_candidates(database, gate, latest, targets, now_us=now_us),
            equality=known_equality(database, plan, *targets),
            parity=known_parity(database, plan, request.candidate),
            shadow=known_shadow(database, plan, *targets),
        )
        verdict = _judge(gate, evidence, latest, now_us)
        evidence = replace(evidence, runs=latest.read, before=latest.read_before)
        basis = provenance(evidence, gate, stored, asker, experiments.judged)
        document = encode(evidence, gate, details=STATISTICAL_DETAILS)
    verdict = replace(verdict, provenance=replace(basis, evidence_digest=digest_of_evidence(document)))
    verdicts.save(database, verdict, actor=asker.asked_by, evidence=document)
    return verdict


def _audited(gate: Gate) -> bool:
    """Whether a line reads the audit of training data, so that the files must be read."""
    return any(line.family == "data" for _, line in gate.external)


def _judge(gate: Gate, evidence: Evidence, latest: LatestRuns, now_us: int) -> Verdict:
    """The verdict on this evidence; runs are loaded only as the rules read them."""
    return judge(
        gate,
        evidence.trial(gate, latest, latest.before),
        verdict_id=id_at(now_us),
        at_us=now_us,
        live=evidence.live,
        candidates_judged=evidence.candidates_judged,
        first=evidence.first,
    )


def _refs(gate: Gate) -> dict[str, None]:
    """The deployments and variants, other than the baseline, with which lines of the gate compare."""
    tests = [rule.line.test for rule in gate.rules]
    refs = [test.ref for test in tests if isinstance(test, VersusBaseline) and test.ref != "base"]
    return dict.fromkeys(ref for ref in refs if not ref.startswith(NAMED_BASELINE))


def _gate(text: str, stored: Iterable[StoredSuite]) -> Gate:
    given: dict[str, list[Suite | None]] = {}
    for suite in stored:
        given.setdefault(suite.listed, []).append(suite.suite)
    try:
        return gate_file.of_text(text, given)
    except ConfigError as error:
        raise ConfigError(error.errors[:MAX_ERRORS]) from error


def _not_judged(gate: Gate, stored: Sequence[StoredSuite], latest: LatestRuns, request: Judge) -> list[Finding]:
    """A HOLD for each suite without evidence, and for each line that only such a suite could measure."""
    read = {rule.suite.name for rule in gate.rules}
    findings = []
    for suite in stored:
        name, both = suite.reference.suite, f"{request.baseline},{request.candidate}"
        why = suite.missing
        if not why and name not in read and latest(name, request.candidate) is None:
            why = f"the present version of suite {name} has not been run on {request.candidate}"
        if why:
            command = Suite.command_of(suite.path, both)
            findings.append(Finding(f"suite {name}", gate.name, "cannot tell", why, command))
    for text in gate.unplaced:
        reason = f"{text!r} refers to a suite that is not stored"
        findings.append(Finding(text, gate.name, "cannot tell", reason, "a run of the suite that it measures"))
    return findings
