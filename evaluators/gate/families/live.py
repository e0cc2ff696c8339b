"""Lines on live traffic, which the frozen plan of an experiment decides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from evaluators.criteria.validation import CANDIDATE, GUARDRAILS, validate_live_line
from evaluators.gate.external_line import ExternalLine, JudgedFamily
from evaluators.gate.live_evidence import LiveEvidence, LiveExperiment
from evaluators.gate.live_metric_rule import Decided, LiveLine, judge_metric, notes_text
from evaluators.gate.multiplicity import RuleResult
from fairtrial.domain.verdicts.verdict import Finding, Result
from fairtrial.experiments.decision.effects import Effect, earlier_effects

EXPERIMENT_SAYS = "what the experiment says"
SHOWN = {"missing": "missing feedback", "over time": "effect over time"}
"""The rules of what is shown beside the answer, by the kind of effect."""
NAME_ONE = "write `experiment: NAME` in the gate, with the experiment that compares the two"
WORST: tuple[Result, ...] = ("fail", "invalid", "cannot tell", "pass")


def judge_live(asked: LiveLine, wanted: str | None, experiments: Sequence[LiveExperiment]) -> Finding:
    """Judge one line by the experiment that the gate names as ``wanted``.

    ``experiments``: those that compare the candidate with the baseline.
    """
    if wanted is None:
        says = f"{asked.line.metric} is decided by the frozen plan of an experiment, and the gate names none"
        return asked.found("cannot tell", says, NAME_ONE)
    if wanted == CANDIDATE:
        return _judge_candidate(asked, experiments)
    named = [experiment for experiment in experiments if experiment.name == wanted]
    exact = [experiment for experiment in named if experiment.exact]
    if len(exact) != 1:
        return asked.found("invalid", *_unclear(wanted, named, exact))
    return _judge_by(asked, exact[0])


def _judge_candidate(asked: LiveLine, experiments: Sequence[LiveExperiment]) -> Finding:
    """By the newest experiment on this candidate. If several run, all must pass, and the worst one is shown."""
    exact = [experiment for experiment in experiments if experiment.exact]
    running = [experiment for experiment in exact if experiment.state == "running"]
    if not exact:
        says = "no experiment compares the candidate with the baseline"
        return asked.found("cannot tell", says, "an experiment of these two, on a route that the release covers")
    newest = max(exact, key=lambda experiment: 0 if experiment.plan is None else experiment.plan.started_us)
    findings = [_judge_by(asked, live_experiment) for live_experiment in (running if len(running) > 1 else [newest])]
    return min(findings, key=lambda finding: WORST.index(finding.result))


def _judge_by(asked: LiveLine, live: LiveExperiment) -> Finding:
    decision = live.decision
    if live.plan is None or decision is None or not live.started:
        says = f"the experiment {live.name} has not shown anything yet (it is {live.state})"
        return asked.found("cannot tell", says, f"its units; see fairtrial experiment status {live.name}")
    if live.changed:
        says = f"another model is declared for {' and '.join(live.changed)} now than {live.name} has tested"
        return asked.found("invalid", says, "a test of the present model in a new segment")
    decided = Decided(live, live.plan, decision)
    if asked.line.metric == GUARDRAILS:
        return _guardrails(asked, decided)
    return judge_metric(asked, decided)


def _unclear(wanted: str, named: Sequence[LiveExperiment], exact: Sequence[LiveExperiment]) -> tuple[str, str]:
    """Why the experiment does not decide on this candidate, and what is needed."""
    name = f"{wanted}/VARIANT as the candidate, and {wanted}/CONTROL as the baseline"
    if len(exact) > 1:
        variants = " and ".join(experiment.variant for experiment in exact)
        return f"several variants of {wanted} serve the candidate: {variants}", name
    if named:
        says = f"the variants of {wanted} set a prompt or parameters, so they differ from their deployments"
        return says, name
    return f"the experiment {wanted} does not compare the candidate with the baseline", "the experiment that does"


def effect_findings(live: LiveEvidence, lines: Sequence[Finding], now_us: int, *, rules: int = 2) -> Iterator[Finding]:
    """What the experiments on exactly this candidate and baseline say, whether or not a line asks for it.

    ``lines``: the findings of live lines, which say some of it already. Other experiments are only named.
    ``rules``: the version of the evidence; by version 1 only harm counts without a line.
    """
    for effect, experiment in all_effects(live, now_us):
        known = rules > 1 or (effect.kind in ("harmed", "earlier") and effect.result != "shown")
        if known and not (experiment is not None and _is_said(effect, experiment, lines)):
            yield _finding(effect, "" if experiment is None else experiment.name)


def all_effects(live: LiveEvidence, now_us: int) -> Iterator[tuple[Effect, LiveExperiment | None]]:
    """What the experiments say, each with the experiment that says it."""
    counting = live.counting
    for number, experiment in enumerate(counting):
        yield from ((effect, experiment) for effect in experiment.effects(live.earlier if number == 0 else (), now_us))
    if not counting:
        yield from ((effect, None) for effect in earlier_effects(live.earlier))
        yield Effect("answer", "shown", "no experiment compares exactly these two"), None
    for experiment in live.experiments:
        if experiment not in counting:
            says = f"it tests another definition of {experiment.variant}, or the release does not cover its route"
            yield Effect("answer", "shown", f"{says}, so it does not count"), experiment


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
    says = f"experiment {experiment}: {effect.says}" if experiment else effect.says
    metric = effect.metric if effect.metric in ("", "srm") else f"live.{effect.metric}"
    if effect.result == "shown":
        rule = SHOWN.get(effect.kind, EXPERIMENT_SAYS)
        return Finding(rule, source, "cannot tell", says, "", metric or "live.answer", decisive=False)
    return Finding(
        EXPERIMENT_SAYS, source, effect.result, says, effect.needed, metric or "live.state", safety=effect.safety
    )


def _guardrails(asked: LiveLine, decided: Decided) -> Finding:
    """All guardrails of the plan: each must be proven safe, and none harmed."""
    guardrails, decision = decided.decision.guardrails, decided.decision
    if not guardrails:
        says = f"the experiment {decided.live.name} has no guardrails"
        return asked.found("cannot tell", says, f"guardrails in experiments.{decided.live.name}")
    harmed = decision.harmed
    if harmed:
        levels = "; ".join(decided.levels(guardrail_decision) for guardrail_decision in harmed)
        finding = asked.found("fail", f"live guardrails: {levels}: harm is proven")
        safety = not decision.split.balanced or any(
            guardrail_decision.signal == "kill" for guardrail_decision in harmed
        )
        return replace(finding, safety=safety)
    if not decision.split.balanced:
        return asked.split_is_invalid(decided)
    undecided = [guardrail for guardrail in guardrails if guardrail.answer != "safe"]
    safe = f"{decision.safe} of {len(guardrails)} are proven safe"
    if undecided:
        which = "; ".join(map(decided.undecided, undecided))
        says = f"live guardrails: no harm is proven, and {safe}; undecided: {which}"
        return asked.found("cannot tell", says, "more units, until each is proven safe within its margin")
    levels = "; ".join(map(decided.levels, guardrails))
    return asked.found("pass", f"live guardrails: {safe} within their margins ({levels}){notes_text(decided.plan)}")


def _judge(asked: ExternalLine) -> RuleResult:
    line = LiveLine(asked.text, asked.gate.name, asked.line, asked.now_us)
    return RuleResult(judge_live(line, asked.gate.experiment, asked.live.experiments))


family = JudgedFamily("live traffic", validate_live_line, judge=_judge)
