"""Judges lines on live traffic by what the frozen plan of the gate's experiment has decided."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from evaluators.criteria.grammar import VersusBaseline
from evaluators.criteria.validation import CANDIDATE, GUARDRAILS, PRIMARY, validate_live_line
from evaluators.gate.external_line import ExternalLine, JudgedFamily, judging
from evaluators.gate.live_evidence import LiveEvidence, LiveExperiment
from evaluators.gate.live_metric_rule import Decided, LiveLine, judge_metric, notes_text
from evaluators.gate.multiplicity import RuleResult
from fairtrial.domain.decision.sources import SourcesDecision
from fairtrial.domain.verdicts.verdict import Decision, Finding, Result
from fairtrial.domain.verdicts.verdict_wording import EXPERIMENT_SAYS
from fairtrial.experiments.decision.effects import Effect, earlier_effects
from fairtrial.experiments.ending import ending_of

SHOWN = {
    "missing": "missing feedback",
    "over time": "effect over time",
    "weighed": "difference by request",
    "heaviest": "heaviest units",
    "accepted": "accepted decline",
    "slices": "slices by tag",
}
"""The rules of what is shown beside the answer, by the kind of effect."""
NAME_ONE = "write `experiment: NAME` in the gate, with the experiment that compares the two"
WORST: tuple[Result, ...] = ("fail", "invalid", "cannot tell", "pass")


def judge_live(line: LiveLine, named_experiment: str | None, experiments: Sequence[LiveExperiment]) -> Finding:
    """Judge one line by the experiment that the gate names.

    ``experiments``: those that compare the candidate with the baseline.
    """
    if named_experiment is None:
        sentence = f"{line.line.metric} is decided by the frozen plan of an experiment, and the gate names none"
        return line.finding("cannot tell", sentence, NAME_ONE)
    if named_experiment == CANDIDATE:
        return _judge_candidate(line, experiments)
    exact = judging(named_experiment, experiments)
    if len(exact) != 1:
        named = [experiment for experiment in experiments if experiment.name == named_experiment]
        return line.finding("invalid", *_unclear(named_experiment, named, exact))
    return _judge_by(line, exact[0])


def _judge_candidate(line: LiveLine, experiments: Sequence[LiveExperiment]) -> Finding:
    """By the newest experiment on this candidate. If several run, all must pass, and the worst one is shown."""
    findings = [_judge_by(line, experiment) for experiment in judging(CANDIDATE, experiments)]
    if not findings:
        sentence = "no experiment compares the candidate with the baseline"
        return line.finding("cannot tell", sentence, "an experiment of these two, on a route that the release covers")
    return min(findings, key=lambda finding: WORST.index(finding.result))


def _judge_by(line: LiveLine, live: LiveExperiment) -> Finding:
    decision = live.decision
    if live.plan is None or decision is None or not live.started:
        sentence = f"the experiment {live.name} has not shown anything yet (it is {live.state})"
        return line.finding("cannot tell", sentence, f"its units; see fairtrial experiment status {live.name}")
    if live.changed:
        sentence = f"another model is declared for {' and '.join(live.changed)} now than {live.name} has tested"
        return line.finding("invalid", sentence, "a test of the present model in a new segment")
    decided = Decided(live, live.plan, decision)
    if line.line.metric == PRIMARY and decision.sources is not None and decision.split.balanced:
        return _by_sources(line, decided, decision.sources)
    return _guardrails(line, decided) if line.line.metric == GUARDRAILS else judge_metric(line, decided)


def _by_sources(line: LiveLine, decided: Decided, sources: SourcesDecision) -> Finding:
    """The answer of all sources of the plan. The claim of one says nothing in the unit of another."""
    variant, test = decided.decision.variant, line.line.test
    sentence, short = f"{sources.sentence(variant, line.now_us)}{notes_text(decided.plan)}", sources.headline(variant)
    plain = isinstance(test, VersusBaseline) and test.question == "better" and test.margin is None
    if not plain or line.line.with_count is not None:
        return line.finding("cannot tell", sentence, f"the line '{PRIMARY} better than base', which sources answer")
    if sources.answer == "not better":
        return line.finding("fail", sentence, short=short)
    needed = sources.needed(line.now_us) or decided.live.held
    return line.finding("cannot tell" if needed else "pass", sentence, needed, short=short)


def _unclear(candidate: str, named: Sequence[LiveExperiment], exact: Sequence[LiveExperiment]) -> tuple[str, str]:
    """Why the experiment does not decide on this candidate, and what is needed."""
    name = f"{candidate}/VARIANT as the candidate, and {candidate}/CONTROL as the baseline"
    if len(exact) > 1:
        variants = " and ".join(experiment.variant for experiment in exact)
        return f"several variants of {candidate} serve the candidate: {variants}", name
    if named:
        sentence = f"the variants of {candidate} set a prompt or parameters, so they differ from their deployments"
        return sentence, name
    return f"the experiment {candidate} does not compare the candidate with the baseline", "the experiment that does"


def effect_findings(live: LiveEvidence, lines: Sequence[Finding], now_us: int) -> Iterator[Finding]:
    """Make findings of all effects that experiments show on this candidate and baseline, with or without a line.

    ``lines``: the findings of live lines, which say some of it already. Other experiments are only named.
    """
    metrics = frozenset(line.metric for line in lines)
    for effect, experiment in all_effects(live, now_us, metrics=metrics):
        if experiment is None or not _is_said(effect, experiment, lines):
            yield _finding(effect, "" if experiment is None else experiment.name)


def all_effects(
    live: LiveEvidence, now_us: int, *, metrics: Collection[str] = ()
) -> Iterator[tuple[Effect, LiveExperiment | None]]:
    """Yield each effect with its experiment. ``metrics``: those of the gate's live lines."""
    counting = live.counting
    names = {experiment.name for experiment in counting}
    for number, experiment in enumerate(counting):
        earlier = [
            proof
            for proof in live.earlier
            if proof.experiment == experiment.name or (number == 0 and proof.experiment not in names)
        ]
        undecided = live.official and _asked(live) and not _settled(experiment, counting, metrics, now_us)
        for effect in experiment.effects(earlier, now_us):
            if undecided and effect.kind == "answer":
                yield _undecided(experiment), experiment
            yield effect, experiment
    if not counting:
        yield from ((effect, None) for effect in earlier_effects(live.earlier))
        yield Effect("answer", "shown", "no experiment compares exactly these two"), None
    for experiment in live.experiments:
        if experiment not in counting:
            sentence = f"it tests another definition of {experiment.variant}, or the release does not cover its route"
            yield Effect("answer", "shown", f"{sentence}, so it does not count"), experiment


def _settled(
    experiment: LiveExperiment, counting: Sequence[LiveExperiment], metrics: Collection[str], now_us: int
) -> bool:
    """Whether the trial has an answer, a line asks for it, or a later trial of the same two has one."""
    primary = None if experiment.plan is None or experiment.plan.primary is None else experiment.plan.primary.metric
    if not _is_undecided(experiment, now_us) or PRIMARY in metrics or f"live.{primary}" in metrics:
        return True
    since_us = 0 if experiment.plan is None else experiment.plan.started_us
    return any(
        other.plan is not None
        and other.plan.started_us > since_us
        and other.started
        and other.plan.primary is not None
        and not _is_undecided(other, now_us)
        for other in counting
    )


def _is_undecided(live: LiveExperiment, now_us: int) -> bool:
    """Whether it asks users about this definition, and has no answer on the primary metric that counts."""
    if live.state == "declared" or ending_of(live.entered) == "promoted":
        return False
    if live.plan is None or live.variant in live.changed:
        return live.state != "ended"
    if live.plan.primary is None or not (live.plan.routes or _has_users(live)):
        return False  # nothing to decide, or no route leads to it
    if live.decision is not None and live.decision.sources is not None:
        return not live.decision.counts(now_us)
    primary = None if live.decision is None else live.decision.primary
    return primary is None or primary.answer == "undecided" or (primary.meets and not primary.counts(now_us))


def _asked(live: LiveEvidence) -> bool:
    """Whether users were asked about this definition. A plan that is published to run suites starts a trial, too."""
    begun = sum(experiment.plan is not None for experiment in live.counting)
    return live.attempts > begun or any(map(_has_users, live.counting))


def _has_users(live: LiveExperiment) -> bool:
    return live.sums is not None and any(arm.units for arm in live.sums.arms.values())


def _undecided(live: LiveExperiment) -> Effect:
    """The official gate waits for the answer of a trial, also where no line asks for it."""
    if live.state == "ended":
        return Effect("undecided", "cannot tell", "it ended undecided", "a trial that decides")
    answered = live.decision is not None and live.decision.primary is not None and live.decision.primary.meets
    says = "its answer does not count yet" if answered else "it is undecided"
    return Effect("undecided", "cannot tell", says, f"its answer; see fairtrial experiment status {live.name}")


def fit_words(decision: Decision, live: LiveEvidence) -> str:
    """What a SHIP means before a user of the two was asked; empty for other verdicts."""
    if decision != "SHIP" or _asked(live) or not live.read:
        return ""
    return " Fit to start, no user has been asked."


def _is_said(effect: Effect, live: LiveExperiment, lines: Sequence[Finding]) -> bool:
    """Whether a live line has the same result for the same reason."""
    primary = None if live.plan is None or live.plan.primary is None else live.plan.primary.metric
    about = {f"live.{effect.metric}"}
    if effect.kind == "harmed":
        about.add(GUARDRAILS)
    if effect.kind == "worse" and effect.metric == primary:
        about.add("live.primary")
    if effect.kind == "split":
        about = {line.metric for line in lines}
    if effect.kind not in ("harmed", "worse", "split"):
        return False
    return any(line.result == effect.result and line.metric in about for line in lines)


def _finding(effect: Effect, experiment: str) -> Finding:
    source = f"experiment {experiment}" if experiment else "live traffic"
    sentence = f"experiment {experiment}: {effect.says}" if experiment else effect.says
    metric = effect.metric if effect.metric in ("", "srm") else f"live.{effect.metric}"
    if effect.result == "shown":
        rule = SHOWN.get(effect.kind, EXPERIMENT_SAYS)
        return Finding(rule, source, "cannot tell", sentence, "", metric or "live.answer", decisive=False)
    return Finding(
        EXPERIMENT_SAYS, source, effect.result, sentence, effect.needed, metric or "live.state", safety=effect.safety
    )


def _guardrails(line: LiveLine, decided: Decided) -> Finding:
    """All guardrails of the plan: each must be proven safe, and none harmed."""
    guardrails, decision = decided.decision.guardrails, decided.decision
    if not guardrails:
        sentence = f"the experiment {decided.live.name} has no guardrails"
        return line.finding("cannot tell", sentence, f"guardrails in experiments.{decided.live.name}")
    harmed = decision.harmed
    if harmed:
        levels = "; ".join(decided.levels(guardrail_decision) for guardrail_decision in harmed)
        finding = line.finding("fail", f"live guardrails: {levels}: harm is proven")
        safety = not decision.split.balanced or any(
            guardrail_decision.signal == "kill" for guardrail_decision in harmed
        )
        return replace(finding, safety=safety)
    if not decision.split.balanced:
        return line.split_is_invalid(decided)
    undecided = [guardrail for guardrail in guardrails if guardrail.answer != "safe"]
    safe = f"{decision.safe} of {len(guardrails)} are proven safe"
    if undecided:
        which = "; ".join(map(decided.undecided, undecided))
        declined = " and ".join(guardrail.metric for guardrail in decision.pausing)
        declined = declined if decided.plan.goes_on_after_pause else ""
        proven = f"a decline is proven for {declined}" if declined else "no harm is proven"
        sentence = f"live guardrails: {proven}, and {safe}; undecided: {which}"
        return line.finding("cannot tell", sentence, "more units, until each is proven safe within its margin")
    levels = "; ".join(map(decided.levels, guardrails))
    return line.finding("pass", f"live guardrails: {safe} within their margins ({levels}){notes_text(decided.plan)}")


def _judge(external_line: ExternalLine) -> RuleResult:
    line = LiveLine(external_line.text, external_line.gate.name, external_line.line, external_line.now_us)
    return RuleResult(judge_live(line, external_line.gate.experiment, external_line.live.experiments))


family = JudgedFamily("live traffic", validate_live_line, judge=_judge)
