"""Finds the reasons why a stored verdict no longer stands for what would be released now."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from evaluators.engine.target import resolve
from evaluators.gate.evidence import Evidence, decode
from evaluators.gate.file import Gate
from evaluators.gate.rules import better_rules, judge_rule
from evaluators.trial import CANDIDATE_US, age_text, weights_changed
from fairtrial.config.plan.retirement import today_utc
from fairtrial.domain.errors import FairtrialError, UsageError
from fairtrial.domain.estimates import Comparison
from fairtrial.domain.plan import Experiment, Plan
from fairtrial.domain.promises import DECIDED_BY
from fairtrial.domain.verdicts.model_equality import EQUAL
from fairtrial.domain.verdicts.model_parity import SERVED
from fairtrial.domain.verdicts.verdict import Decision, JudgedExperiment, JudgedRun, Provenance, Result, Verdict
from fairtrial.domain.wording import counted
from fairtrial.experiments.decision.wording import proof_words
from fairtrial.store import data_audits
from fairtrial.store.core.database import Database
from fairtrial.store.evaluations import model_asks, runs, verdict_chain
from fairtrial.store.evaluations.judged_candidates import judged_candidates
from fairtrial.store.experiments import analysis_plans, transitions
from fairtrial.store.experiments.attempts import Definition, earlier_proofs
from gateway.control.present import Present, deployment_of, served_weights
from gateway.control.verdicts.equality import known_equality, known_parity
from gateway.control.verdicts.gate_file import find_official
from gateway.control.verdicts.live_evidence import experiment_effects

AGAIN = "judge it again"


def stale_reasons(database: Database, verdict: Verdict, present: Present) -> tuple[str, ...]:
    """Each reason as a sentence; empty if the verdict is fresh. Raises `StoreError`."""
    basis = verdict.provenance
    if basis is None or not basis.definitions:
        return ("an earlier version judged it, without a record of what it rests on",)
    return tuple(
        dict.fromkeys(
            [
                *_age(verdict, basis, present.now_us),
                *_reasons(database, verdict, basis, present),
                *_more_candidates(database, verdict, basis),
            ]
        )
    )


def _reasons(database: Database, verdict: Verdict, basis: Provenance, present: Present) -> Iterator[str]:
    yield from _definitions(basis, present.plan)
    since_us = present.now_us - round((basis.max_age_seconds or 0.0) * 1e6)
    known = {target for target in basis.definitions if _resolves(target, present.plan)}
    served = dict(served_weights(database, present.plan, known, since_us=since_us))
    for target, newest in present.probed.items():
        served[target] = (newest, *served.get(target, ()))
    for run in basis.runs:
        yield from _run(database, run, basis, served.get(run.target, ()), present.now_us)
    for target in known - {run.target for run in basis.runs}:
        if weights_changed(basis.served.get(target), served.get(target, ())):
            yield f"{target} answers with other weights now ({served[target][0]}) than when it was judged; {AGAIN}"
    official = find_official(
        present.release_gates, basis.gate_sha256, {suite.suite: suite.text_digest for suite in basis.suites}
    )
    why = official.unofficial_why
    if basis.official and why:
        yield f"the official gate is not the one that it was judged by: {why}"
    yield from _training(database, basis, present.plan, present.now_us)
    yield from _same_model(database, verdict, present)
    yield from _served(database, verdict, present)
    yield from _changed_models(database, verdict, present, known)
    for experiment in basis.experiments:
        yield from _experiment(database, experiment, verdict, present)
    yield from _undone(database, verdict, basis, present.plan)


def _same_model(database: Database, verdict: Verdict, present: Present) -> Iterator[str]:
    """A verdict that shows why the candidate may answer as its base stays fresh."""
    if any(finding.metric == EQUAL for finding in verdict.findings):
        return
    try:
        asked = known_equality(database, present.plan, verdict.candidate, verdict.baseline)
    except KeyError:  # a target that the plan no longer has
        return
    if asked is not None and asked.answer == "same":
        yield f"{asked.words}; {AGAIN}"


def _served(database: Database, verdict: Verdict, present: Present) -> Iterator[str]:
    """A later comparison with the training whose answer a verdict that rests on an earlier one does not have."""
    judged = [finding.says for finding in verdict.findings if finding.metric == SERVED]
    if judged and _resolves(verdict.candidate, present.plan):
        asked = known_parity(database, present.plan, verdict.candidate)
        if asked is not None and asked.asked_us > verdict.at_us and asked.answer != "same":
            yield f"{asked.words}; {AGAIN}"


def _changed_models(database: Database, verdict: Verdict, present: Present, targets: Iterable[str]) -> Iterator[str]:
    """The deployments that daily probes have shown to answer as another model since the verdict."""
    for target in sorted(targets):
        digest = present.plan.deployments[deployment_of(present.plan, target)].digest
        change = model_asks.last_change(database, digest)
        if change is not None and change.asked_us > verdict.at_us:
            yield f"{change.words}; {AGAIN}"


def _age(verdict: Verdict, basis: Provenance, now_us: int) -> Iterator[str]:
    """A verdict on live traffic or reviews alone has no run that could be too old."""
    age_us, allowed = now_us - verdict.at_us, basis.max_age_seconds
    if allowed is not None and age_us > allowed * 1e6:
        limit = age_text(round(allowed * 1e6))
        yield f"it was judged {age_text(age_us)} ago (the gate allows {limit}); {AGAIN}"


def _definitions(basis: Provenance, plan: Plan) -> Iterator[str]:
    for target, digest in basis.definitions.items():
        if not _resolves(target, plan):
            yield f"the project no longer declares {target}"
        elif resolve(target, plan, base_url="").deployment_digest != digest:
            yield f"the definition of {target} has changed since it was judged"


def _resolves(target: str, plan: Plan) -> bool:
    try:
        resolve(target, plan, base_url="")
    except UsageError:
        return False
    return True


def _run(database: Database, run: JudgedRun, basis: Provenance, served: tuple[str, ...], now_us: int) -> Iterator[str]:
    age_us, allowed = now_us - run.started_us, basis.max_age_seconds
    if allowed is not None and age_us > allowed * 1e6:
        age, limit = age_text(age_us), age_text(round(allowed * 1e6))
        yield f"the run of {run.suite} on {run.target} is {age} old (the gate allows {limit}); run it again"
    if weights_changed(run.fingerprint, served):
        yield (
            f"{run.target} answers with other weights now ({served[0]}) than in the run of {run.suite} "
            f"({run.fingerprint}); run it again"
        )
    digest = next((suite.digest for suite in basis.suites if suite.suite == run.suite), None)
    newest = runs.latest(database, suite=run.suite, target=run.target, suite_digest=digest)
    if newest and newest[0] != run.run_id:
        yield f"there is a newer run of {run.suite} on {run.target}, which it has not read; {AGAIN}"


def _training(database: Database, basis: Provenance, plan: Plan, now_us: int) -> Iterator[str]:
    """What has changed about the audited training data: its declaration, or what a newer audit of it finds."""
    judged = basis.training
    if judged is None or judged.audit is None:
        return
    declared = plan.deployments.get(judged.deployment)
    if declared is not None and declared.lineage != judged.lineage:
        yield f"the declared lineage of {judged.deployment} has changed since it was judged; {AGAIN}"
    for waiver in judged.audit.waivers:
        if waiver.expired(today_utc(now_us)):
            yield f"the waiver of {waiver.subject} by {waiver.owner} has expired since; {AGAIN}"
    newest = data_audits.newest_of_data(database, judged.audit.digests)
    if newest is not None and newest.clean != judged.audit.clean:
        yield f"a newer audit of the training data of {judged.deployment} has another result; {AGAIN}"


def _experiment(database: Database, judged: JudgedExperiment, verdict: Verdict, present: Present) -> Iterator[str]:
    """What has changed in the experiment since: its state, its plan, or what it says against the candidate."""
    name, plan = judged.experiment, present.plan
    last = transitions.last(database).get(name)
    if last is not None and last.action == "rollback" and last.at_us > verdict.at_us:
        yield f"the experiment {name} was rolled back since"
        return
    experiment, stored = plan.experiments.get(name), analysis_plans.newest(database, name)
    if experiment is None or stored is None:
        if last is None or last.to_state != "ended":
            yield f"the experiment {name}, on which it rests, is no longer there"
        return
    control = experiment.kept_control
    if control is not None and control.after == judged.segment:
        yield from _effects(database, experiment, judged.variant, verdict, present)
        return
    if experiment.segment != judged.segment:
        yield f"the experiment {name} has begun anew since; {AGAIN}"
        return
    if stored.plan.analysis_hash != judged.analysis_hash:
        yield f"the analysis plan of the experiment {name} was amended since; {AGAIN}"
    yield from _effects(database, experiment, judged.variant, verdict, present)


def _effects(
    database: Database, experiment: Experiment, variant: str, verdict: Verdict, present: Present
) -> Iterator[str]:
    """What the experiment says now that would make the verdict worse; what it says already is not news."""
    for effect in experiment_effects(database, experiment, variant, present):
        if effect.result != "shown" and _worsens(effect.result, verdict.decision, safety=effect.safety):
            yield f"the experiment {experiment.name}: {effect.says}"


def _worsens(result: Result, decision: Decision, *, safety: bool) -> bool:
    order = list(DECIDED_BY.values())
    return order.index(DECIDED_BY[result]) < order.index(decision) or (safety and decision == "INVALID")


def _undone(database: Database, verdict: Verdict, basis: Provenance, plan: Plan) -> Iterator[str]:
    """Each roll-back or kill of the definition since, under the names of other experiments."""
    judged, target = {experiment.experiment for experiment in basis.experiments}, verdict.candidate
    if not _resolves(target, plan):
        return
    definition = Definition(basis.definitions.get(target, ""), plan.deployments[deployment_of(plan, target)].digest)
    for proof in earlier_proofs(database, definition, current=()):
        if proof.blocks and proof.experiment not in judged and proof.at_us > verdict.at_us:
            yield f"segment {proof.segment} of {proof.experiment} {proof_words(proof)}; {AGAIN}"


def _more_candidates(database: Database, verdict: Verdict, basis: Provenance) -> Iterator[str]:
    """The reason why a SHIP that rests on a line `better` is stale: more candidates, among which it would not hold."""
    better = (
        finding.decisive and isinstance(finding.evidence, Comparison) and finding.evidence.answer == "better"
        for finding in verdict.findings
    )
    runs = [run for run in basis.runs if run.target == verdict.candidate]
    if verdict.decision != "SHIP" or not any(better) or not _judged_since(database, verdict, basis, runs)[0]:
        return
    try:
        evidence = decode(verdict_chain.evidence_of(database, verdict.verdict_id) or b"")
        gate = evidence.gate()
    except FairtrialError as error:
        yield f"whether it holds among more candidates can't be computed: {error}"
        return
    suites = {rule.suite.name for rule in better_rules(gate.rules)}
    since, all_of_them = _judged_since(database, verdict, basis, [run for run in runs if run.suite in suites])
    if since and not _holds(gate, replace(evidence, candidates=all_of_them)):
        were = "was" if since == 1 else "were"
        yield f"{counted(since, 'more candidate')} {were} judged by this gate since; {AGAIN}"


def _judged_since(
    database: Database, verdict: Verdict, basis: Provenance, runs: Sequence[JudgedRun]
) -> tuple[int, int]:
    """How many candidates were first judged after the verdict, and how many there are with those before and its own."""
    digests = {suite.suite: suite.digest for suite in basis.suites}
    own = {run.run_id: digests[run.suite] for run in runs}
    window_us = verdict.at_us - CANDIDATE_US, verdict.at_us + CANDIDATE_US
    judged = judged_candidates(database, verdict.gate, verdict.baseline, own, window_us)
    judged.pop(basis.definitions.get(verdict.candidate, ""), None)
    return sum(first_us > verdict.at_us for first_us in judged.values()), 1 + len(judged)


def _holds(gate: Gate, evidence: Evidence) -> bool:
    """Whether all lines `better` still pass among the evidence's number of candidates."""
    trial = evidence.trial(gate, lambda *key: evidence.runs.get(key), lambda *key: evidence.before.get(key))
    results = (result for rule in better_rules(gate.rules) for result in judge_rule(rule, trial))
    return all(result.finding.result == "pass" for result in results)
