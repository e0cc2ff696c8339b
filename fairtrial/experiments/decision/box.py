"""Composes the result box of an experiment: the answer in large words, guardrails, stage, next step and caveats."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fairtrial.api.experiment_answers import Box, Label, Tone
from fairtrial.domain.decision.transition import Transition
from fairtrial.domain.decision.values import Decision, EarlierProof, Tried
from fairtrial.domain.limits.constants import HOUR_US
from fairtrial.domain.settings import Ending, ExperimentState, KeptControl
from fairtrial.domain.verdicts.model_equality import ModelEquality
from fairtrial.domain.wording import duration_words, moment_words
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.decision.acceptance import accepted_by, accepted_texts
from fairtrial.experiments.decision.accepted_decline import AcceptedDecline
from fairtrial.experiments.decision.by_request_words import held_by_request, held_sentence, open_sentence
from fairtrial.experiments.decision.caveat_words import missing_sentence, over_time_sentence
from fairtrial.experiments.decision.guardrail_words import guardrails_sentence, kept_away_words, kept_decline_words
from fairtrial.experiments.decision.waits import Wait, wait_words
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
from fairtrial.experiments.ending import ending_of
from fairtrial.experiments.lifecycle import DECLINED, KEPT_AWAY, cause_of, promoted_by, sentence, state_word
from fairtrial.experiments.promotion import kept_words, until_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """The live state of the experiment. Times are microseconds since 1970, UTC.

    ``last``: its newest transition, and ``entered`` the one into the present state. ``stage``: percent of the units
    now, since ``stage_since_us``. ``waits``: what the next stage still needs, ``None`` if that is unknown. ``serves``:
    the promoted variant. ``kept``: the control that stays after a promotion, while it runs. ``error``: why its looks
    fail. ``late_us``: the time since the start that only a correction of the wall clock made; it counts for no wait.
    ``same``: the treatments that answer as the control, by probes.
    """

    now_us: int
    state: ExperimentState
    last: Transition | None
    stage: float
    stage_since_us: int
    entered: Transition | None = None
    waits: tuple[Wait, ...] | None = None
    approved: frozenset[float] = frozenset()
    serves: str | None = None
    error: str = ""
    earlier: tuple[EarlierProof, ...] = ()
    tried: Tried | None = None
    late_us: int = 0
    kept: KeptControl | None = None
    same: tuple[ModelEquality, ...] = ()

    @property
    def cause(self) -> str | None:
        """What paused, killed or rolled it back."""
        stopped = self.state in ("paused", "killed") or self.undone
        return cause_of(self.entered) if stopped and self.entered is not None else None

    @property
    def accepted(self) -> tuple[AcceptedDecline, ...]:
        """The declines with which a person let it continue, while it runs or is paused."""
        return accepted_by(self.entered)

    @property
    def ending(self) -> Ending | None:
        return ending_of(self.entered or self.last)  # an archived experiment has a later transition

    @property
    def undone(self) -> bool:
        return self.ending in ("rolled back by a person", "rolled back by control")


def result_box(plan: AnalysisPlan, decisions: Mapping[str, Decision], now: Situation) -> Box:
    """The box of an experiment with a frozen plan."""
    lines, caveats = tuple(_lines(plan, decisions, now)), tuple(_notes(plan, decisions, now))
    return Box(_headline(plan, decisions, now), _tone(decisions, now), lines, caveats)


def box_without_plan(name: str, control: str, now: Situation) -> Box:
    """The box before the analysis begins."""
    words = sentence(name, control, now.state, now.last)
    if now.same:
        return Box(state_word(now.state, now.last), "error", (("State", words), *_models(now)))
    if now.state == "running":
        return Box("No data yet", "info", (("State", f"{words} Its analysis has not begun yet."),))
    tone: Tone = "error" if now.state == "killed" else "success" if now.serves else "warning"
    return Box(state_word(now.state, now.last), tone, (("State", words),))


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
    counts = [decision.primary is not None and decision.primary.counts(now.now_us) for decision in every]
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
    yield "Next", next_sentence(plan, decisions, now)


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


def next_sentence(plan: AnalysisPlan, decisions: Mapping[str, Decision], now: Situation) -> str:
    """What a person, control or time does next."""
    name, every = plan.experiment, decisions.values()
    command = f"fairtrial experiment {{}} {name} --why …"
    if now.serves is not None:
        return f"Write the promotion into the project file, or undo it: {command.format('rollback')}"
    if now.state == "ended":
        winner = next((decision.variant for decision in every if decision.ships(now.now_us)), None)
        if winner is None or now.undone or any(proof.blocks for proof in now.earlier):
            return "Nothing: it is over. A new experiment needs a new name."
        judge = f"Judge {winner} by the official gate, then name it in the route of the project file."
        return f"It is over, so it can't be promoted. {judge}"
    if now.state == "declared":
        return f"Start it: {command.format('start')}"
    if now.state == "killed" or (now.state == "paused" and now.cause == "worse"):
        mend = f"Mend the candidate and start its next attempt: {command.format('rearm')}"
        return f"{mend}, or end the experiment: {command.format('end')}"
    if now.state == "paused":
        anew = " It starts a new segment with new units." if now.cause in ("models", "harmed") else ""
        when = " when its server answers again" if now.cause == "kept_away" else ""
        if now.cause == "declined":
            resume, end = command.format("resume"), command.format("end")
            return f"Continue it if the decline is acceptable: {resume} (it says what it accepts), or end it: {end}"
        return f"Continue it{when}: {command.format('resume')}{anew}"
    needs = {wait.needs for wait in now.waits or ()}
    if "clock" in needs:
        return "Check the clock of control's machine. If the wall clock is right, acknowledge the alarm clock.jump."
    if needs == {"approval"}:
        return f"Approve the next stage: {command.format('approve')}"
    if now.kept is not None:
        return f"Wait until {until_words(now.kept)}: it then ends as promoted. To end it now: {command.format('end')}"
    if any(decision.worse for decision in every):
        return f"End the experiment: {command.format('end')}, or start the next attempt after mending the candidate."
    counting = [decision for decision in every if decision.primary and decision.primary.counts(now.now_us)]
    if counting and all(decision.ships(now.now_us) for decision in counting):
        return f"Judge {counting[0].variant} by the official gate, then promote it: {command.format('promote')}"
    if counting:
        return open_sentence(plan, counting)
    if held := held_sentence(plan, every):
        return held
    if now.accepted:
        return f"Watch the accepted decline. If it is too large, pause: {command.format('pause')}"
    return "Nothing to do: it continues by itself." if now.state == "running" else ""


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
