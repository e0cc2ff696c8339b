"""Composes the result box of an experiment: the answer in large words, guardrails, stage, next step and caveats."""

from collections.abc import Iterator, Mapping

from fairtrial.api.experiment_box import Box, Label, Tone
from fairtrial.domain.decision.values import Decision
from fairtrial.domain.limits.constants import HOUR_US
from fairtrial.domain.wording import duration_words, moment_words
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.decision.acceptance import accepted_texts
from fairtrial.experiments.decision.by_request_words import held_by_request
from fairtrial.experiments.decision.caveat_words import missing_sentence, over_time_sentence
from fairtrial.experiments.decision.guardrail_words import (
    doubt_words,
    guardrails_sentence,
    kept_away_words,
    kept_decline_words,
)
from fairtrial.experiments.decision.next_step import WAIT, next_step, step_of_stopped
from fairtrial.experiments.decision.situation import Situation
from fairtrial.experiments.decision.waits import wait_words
from fairtrial.experiments.decision.wording import (
    cleared_words,
    headline_words,
    invalid_words,
    lost_sentence,
    notes,
    primary_sentence,
    proof_words,
    stopped_sentence,
    tried_words,
)
from fairtrial.experiments.lifecycle import DECLINED, KEPT_AWAY, promoted_by, sentence, state_word
from fairtrial.experiments.promotion import kept_words


def result_box(plan: AnalysisPlan, decisions: Mapping[str, Decision], now: Situation) -> Box:
    """The box of an experiment with a frozen plan."""
    lines, caveats = tuple(_lines(plan, decisions, now)), tuple(_notes(plan, decisions, now))
    step = next_step(plan, decisions, now)
    headline, tone = _headline(plan, decisions, now), _tone(decisions, now)
    doubts = doubt_words(plan, decisions.values()) if tone in ("success", "info") and now.state == "running" else ""
    return Box(headline, "warning" if doubts else tone, lines, caveats, step, doubts)


def box_without_plan(name: str, control: str, now: Situation) -> Box:
    """The box before the analysis begins."""
    words = sentence(name, control, now.state, now.last)
    step = WAIT if now.state == "running" else step_of_stopped((), now)
    if now.same:
        return Box(state_word(now.state, now.last), "error", (("State", words), *_models(now)), (), step)
    if now.state == "running":
        return Box("No data yet", "info", (("State", f"{words} Its analysis has not begun yet."),), (), step)
    tone: Tone = "error" if now.state == "killed" else "success" if now.serves else "warning"
    return Box(state_word(now.state, now.last), tone, (("State", words),), (), step)


def _headline(plan: AnalysisPlan, decisions: Mapping[str, Decision], now: Situation) -> str:
    balanced = all(decision.split.balanced for decision in decisions.values())
    headlines = (headline_words(plan, decision) for decision in decisions.values())
    answers = "; ".join(headlines) if balanced else "the arms can't be compared"
    if now.serves is not None:
        return f"PROMOTED: {now.serves} serves everyone"
    if now.undone:
        return f"ROLLED BACK{_reason(now)}"
    if now.state == "ended":
        return f"ENDED: {answers}"
    if now.state == "declared":
        return "NOT STARTED"
    if now.kept is not None:
        return f"{'' if balanced else 'INVALID: '}PROMOTED, {kept_words(now.kept)}"
    worse = now.cause == "worse" and any(decision.worse for decision in decisions.values())
    if now.state in ("paused", "killed") and not worse:
        return f"{'PAUSED' if now.state == 'paused' else 'STOPPED'}{_reason(now)}"
    return answers if balanced else f"INVALID: {answers}"


def _reason(now: Situation) -> str:
    """Why it does not run, in a few words."""
    entered = now.entered
    if entered is None:
        return ""
    evidence = entered.evidence or {}
    if now.cause == "harmed":
        return f": harm by {evidence['metric']} of {evidence['variant']} is proven"
    if now.cause == "models":
        return ": a model was replaced"
    if now.cause == "declined":
        metrics = sorted({f"{decline['metric']} of {decline['variant']}" for decline in evidence[DECLINED]})
        return f": {' and '.join(metrics)} {'is' if len(metrics) == 1 else 'are'} proven to be worse"
    if now.cause == "kept_away":
        return f": a breaker kept requests from {' and '.join(evidence[KEPT_AWAY])}"
    return f" by {entered.actor}"


def _tone(decisions: Mapping[str, Decision], now: Situation) -> Tone:
    every = decisions.values()
    if now.serves is not None:
        overridden = now.last is not None and bool((now.last.evidence or {}).get("override"))
        return "warning" if overridden or promoted_by(now.last) is None else "success"
    blocked = any(proof.blocks for proof in now.earlier)
    if now.state in ("ended", "declared"):
        return "error" if blocked else "warning"
    wrong = blocked or any(decision.worse or decision.harmed or not decision.split.balanced for decision in every)
    if now.state == "killed" or now.error or now.same or wrong:
        return "error"
    changed = any(decision.changed for decision in every)
    if (
        now.state == "paused"
        or changed
        or now.accepted
        or held_by_request(every)
        or any(proof.stands for proof in now.earlier)
    ):
        return "warning"
    if now.kept is not None:
        promotion = now.last.evidence if now.last is not None and now.last.action == "promote" else None
        return "warning" if (promotion or {}).get("override") or any(each.pausing for each in every) else "success"
    counts = [decision.counts(now.now_us) for decision in every]
    return "success" if counts and all(counts) else "info"


def _lines(plan: AnalysisPlan, decisions: Mapping[str, Decision], now: Situation) -> Iterator[tuple[Label, str]]:
    if now.state != "running" or now.kept is not None:
        yield "State", _state(plan, now)
    yield from _models(now)
    if now.error:
        yield "Error", f"Its looks fail, so nothing is decided or stopped: {now.error}"
    if not all(decision.split.balanced for decision in decisions.values()):
        words = invalid_words(next(iter(decisions.values())).split, plan.unit, now.now_us)
        yield "Split", f"{words[0].upper()}{words[1:]}."
        if any(decision.harmed for decision in decisions.values()):
            yield "Guardrails", guardrails_sentence(decisions)
        return
    if now.kept is not None:
        yield "Result", "The guardrails go on, and harm rolls back. Nothing else is decided."
    elif plan.primary is None:
        yield "Result", "There is no primary metric, so nothing is decided except harm."
    else:
        now_us, running = now.now_us, now.state == "running"
        results = (primary_sentence(plan, decision, now_us=now_us, running=running) for decision in decisions.values())
        yield "Result", " ".join(results)
        if claims := [_claims(decision, now_us) for decision in decisions.values() if decision.sources is not None]:
            yield "Sources", " ".join(claims)
        if missing := missing_sentence(plan, decisions):
            yield "Missing feedback", missing
        if over_time := over_time_sentence(plan, decisions):
            yield "Over time", over_time
    yield "Guardrails", guardrails_sentence(decisions)
    if accepted := " ".join(accepted_texts(plan, now.accepted)):
        yield "Accepted", accepted
    if kept_away := kept_away_words(decisions):
        yield "Kept away", kept_away
    if lost := lost_sentence(decisions):
        yield "Lost records", lost
    if now.state == "running" and now.kept is None:
        yield "Stage", stage_sentence(plan, now)
    yield "Next", next_step(plan, decisions, now).sentence(plan.experiment)


def _claims(decision: Decision, now_us: int) -> str:
    assert decision.sources is not None
    return f"{decision.sources.sentence(decision.variant, now_us)}."


def _models(now: Situation) -> Iterator[tuple[Label, str]]:
    if now.same:
        yield "Models", " ".join(f"{result.words}." for result in now.same)


def _state(plan: AnalysisPlan, now: Situation) -> str:
    entered = now.entered
    if now.state == "killed" and entered is not None and "metric" in (entered.evidence or {}) and now.cause == "harmed":
        return stopped_sentence(plan, entered)
    last = now.last if now.state in ("declared", "running") or now.entered is None else now.entered
    return sentence(plan.experiment, plan.control, now.state, last, kept_control=now.kept)


def stage_sentence(plan: AnalysisPlan, now: Situation) -> str:
    """The stage, and when or under which conditions the next one comes."""
    enrolled = f"Enrolled: {now.stage:g} %."
    following = plan.enrolment.after(now.stage)
    if following is None:
        return f"{enrolled} It needs {'; '.join(map(wait_words, now.waits))}." if now.waits else enrolled
    conditions = [wait_words(wait) for wait in now.waits or () if wait.needs not in ("hours", "approval")]
    left_s = (now.stage_since_us + plan.enrolment.min_hours * HOUR_US - now.now_us) / 1e6
    when = f" in {duration_words(left_s)}{' at the earliest' if conditions else ''}" if left_s > 0 else ""
    after = ", after your approval" if following in plan.enrolment.approve and following not in now.approved else ""
    needs = f". It also needs {'; '.join(conditions)}" if conditions else ""
    return f"{enrolled} Next stage: {following:g} %{when}{after}{needs}."


def _notes(plan: AnalysisPlan, decisions: Mapping[str, Decision], now: Situation) -> Iterator[str]:
    yield from notes(plan)
    for proof in now.earlier:
        yield f"Segment {proof.segment} of {proof.experiment} {proof_words(proof)}; {cleared_words(proof)}."
    if now.kept is not None:
        yield from (f"{each}." for each in (kept_decline_words(plan, decisions.values()), *now.kept.finds) if each)
    if now.tried is not None and (tried := tried_words(plan, now.tried)):
        yield f"{tried[0].upper()}{tried[1:]}."
    at_us = next((decision.at_us for decision in decisions.values()), None)
    if at_us is not None:
        yield f"As of {moment_words(at_us, now_us=now.now_us)}."
