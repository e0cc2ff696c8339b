"""Judges lines on live traffic by what the frozen plan of the gate's experiment has decided.

Only the plan's own looks decide. A line that asks something else than the plan is judged by the plan's always-valid
interval, or it cannot be told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from evaluators.criteria.live_validation import GUARDRAILS
from evaluators.gate.live.experiment import LiveEvidence, LiveExperiment
from evaluators.gate.live.line import LiveLine, latched_of, levels_text, notes_text, undecided_text
from evaluators.gate.live.metric_rule import judge_metric
from fairtrial.domain.verdict import Finding
from fairtrial.experiments.report import Evidence

NO_HARM = "no proven harm in live traffic"
NAME_ONE = "write `experiment: NAME` in the gate, with the experiment that compares the two"


def judge_live(asked: LiveLine, wanted: str | None, experiments: Sequence[LiveExperiment]) -> Finding:
    """Judge one line by the experiment that the gate names as ``wanted``.

    ``experiments``: those that compare the candidate with the baseline.
    """
    if wanted is None:
        says = f"{asked.line.metric} is decided by the frozen plan of an experiment, and the gate names none"
        return asked.found("cannot tell", says, NAME_ONE)
    named = [one for one in experiments if one.name == wanted]
    exact = [one for one in named if one.exact]
    if len(exact) != 1:
        return asked.found("invalid", *_unclear(wanted, named, exact))
    live = exact[0]
    if not live.started:
        says = f"the experiment {wanted} has not shown anything yet (it is {live.state})"
        return asked.found("cannot tell", says, f"its units; see fairtrial experiment status {wanted}")
    if live.changed:
        says = f"another model is declared for {' and '.join(live.changed)} now than {wanted} has tested"
        return asked.found("invalid", says, "a test of the present model in a new segment")
    shown = live.evidence()
    if asked.line.metric == GUARDRAILS:
        return _guardrails(asked, live, shown)
    return judge_metric(asked, live, shown)


def _unclear(wanted: str, named: Sequence[LiveExperiment], exact: Sequence[LiveExperiment]) -> tuple[str, str]:
    """Why the experiment does not decide on this candidate, and what is needed."""
    name = f"{wanted}/VARIANT as the candidate, and {wanted}/CONTROL as the baseline"
    if len(exact) > 1:
        variants = " and ".join(one.variant for one in exact)
        return f"several variants of {wanted} serve the candidate: {variants}", name
    if named:
        says = f"the variants of {wanted} set a prompt or parameters, so they differ from their deployments"
        return says, name
    return f"the experiment {wanted} does not compare the candidate with the baseline", "the experiment that does"


def harm_findings(live_evidence: LiveEvidence) -> Iterator[Finding]:
    """A finding for each guardrail that live traffic has proven the candidate's model to harm."""
    for live in live_evidence.experiments:
        if live.plan is None or live.variant in live.changed or not live.started:
            continue
        for metric in live.plan.guardrails:
            if latched_of(live, metric).answer == "harm":
                says = f"experiment {live.name}: {levels_text(live.evidence(), metric, live.variant)}: harm is proven"
                needed = "another candidate: this one has harmed users"
                source, name = f"experiment {live.name}", f"live.{metric.metric}"
                yield Finding(NO_HARM, source, "fail", says, needed, name, safety=metric.signal == "kill")
    for one in live_evidence.earlier:
        if not one.cleared:
            source = f"experiment {one.experiment}"
            at = f"{datetime.fromtimestamp(one.at_us / 1e6, UTC):%d %b %Y}"
            says = (
                f"segment {one.segment} of the experiment {one.experiment} proved on {at} that this model harms "
                f"{one.metric}, and nothing since has proven it safe"
            )
            needed = f"an experiment with the guardrail {one.metric} that proves this model safe, or another model"
            yield Finding(NO_HARM, source, "cannot tell", says, needed, f"live.{one.metric}")


def _guardrails(asked: LiveLine, live: LiveExperiment, shown: Evidence) -> Finding:
    """All guardrails of the plan: each must be proven safe, and none harmed."""
    guardrails = shown.plan.guardrails
    if not guardrails:
        says = f"the experiment {live.name} has no guardrails"
        return asked.found("cannot tell", says, f"guardrails in experiments.{live.name}")
    answers = {metric: latched_of(live, metric).answer for metric in guardrails}
    harmed = [metric for metric, answer in answers.items() if answer == "harm"]
    if harmed:
        levels = "; ".join(levels_text(shown, one, live.variant) for one in harmed)
        found = asked.found("fail", f"live guardrails: {levels}: harm is proven")
        return replace(found, safety=any(one.signal == "kill" for one in harmed))
    if shown.memory.split.invalid:
        return asked.split_is_invalid(live, shown)
    undecided = [metric for metric, answer in answers.items() if answer != "safe"]
    safe = f"{len(answers) - len(undecided)} of {len(answers)} are proven safe"
    if undecided:
        which = "; ".join(undecided_text(shown, one, live.variant) for one in undecided)
        says = f"live guardrails: no harm is proven, and {safe}; undecided: {which}"
        return asked.found("cannot tell", says, "more units, until each is proven safe within its margin")
    levels = "; ".join(levels_text(shown, one, live.variant) for one in guardrails)
    return asked.found("pass", f"live guardrails: {safe} within their margins ({levels}){notes_text(shown.plan)}")
