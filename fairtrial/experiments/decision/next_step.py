"""Decides what a person, control or time does next with an experiment."""

from collections.abc import Iterator, Mapping

from fairtrial.api.experiment_box import NextStep, StepPart
from fairtrial.domain.decision.values import Decision
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.decision.by_request_words import held_sentence, open_sentence
from fairtrial.experiments.decision.situation import Situation
from fairtrial.experiments.promotion import until_words

OVER = "Nothing: it is over. A new experiment needs a new name."
CLOCK = "Check the clock of control's machine. If the wall clock is right, acknowledge the alarm clock.jump."
UNBALANCED = "Find out why units are lost or counted twice. Start a new experiment with a new salt, and end this one"
WAIT = NextStep((StepPart("Nothing to do: it continues by itself."),))


def next_step(plan: AnalysisPlan, decisions: Mapping[str, Decision], now: Situation) -> NextStep:
    """The next step. It needs a person unless the experiment goes on by itself."""
    every = tuple(decisions.values())
    if now.state != "running" or now.serves is not None:
        return step_of_stopped(every, now)
    needs = {wait.needs for wait in now.waits or ()}
    if "clock" in needs:
        return NextStep((StepPart(CLOCK),), needed=True)
    if not all(decision.split.balanced for decision in every):
        return NextStep((StepPart(UNBALANCED, "end"),), needed=True)
    if needs == {"approval"} and not any(decision.worse for decision in every):
        return NextStep((StepPart("Approve the next stage", "approve"),), needed=True)
    if now.kept is not None:
        words = f"Wait until {until_words(now.kept)}, when it ends as promoted, or end it now"
        return NextStep((StepPart(words, "end"),))
    if any(decision.worse for decision in every):
        mended = StepPart(", or start the next attempt after mending the candidate.")
        return NextStep((StepPart("End the experiment", "end"), mended), needed=True)
    counting = [decision for decision in every if decision.counts(now.now_us)]
    if counting and all(decision.ships(now.now_us) for decision in counting):
        words = f"Judge {counting[0].variant} by the official gate, then promote it"
        return NextStep((StepPart(words, "promote"),), needed=True)
    if counting:
        return NextStep((StepPart(open_sentence(plan, counting)),))
    if held := held_sentence(plan, every):
        return NextStep((StepPart(held),), needed=True)
    if now.accepted:
        return NextStep((StepPart("Watch the accepted decline. If it is too large, pause it", "pause"),))
    return WAIT


def step_of_stopped(every: tuple[Decision, ...], now: Situation) -> NextStep:
    """The next step of an experiment that does not run; without ``every`` decision if it has none."""
    return NextStep(tuple(_of_stopped(every, now)), needed=now.state != "ended" or now.serves is not None)


def _of_stopped(every: tuple[Decision, ...], now: Situation) -> Iterator[StepPart]:
    """The parts for an experiment that is promoted, has ended, has not started, or is stopped."""
    if now.serves is not None:
        yield StepPart("Write the promotion into the project file, or undo it", "rollback")
    elif now.state == "ended":
        winner = next((decision.variant for decision in every if decision.ships(now.now_us)), None)
        if winner is None or now.undone or any(proof.blocks for proof in now.earlier):
            yield StepPart(OVER)
        else:
            judge = f"Judge {winner} by the official gate, then name it in the route of the project file."
            yield StepPart(f"It is over, so it can't be promoted. {judge}")
    elif now.state == "declared":
        yield StepPart("Start it", "start")
    elif now.state == "killed" or now.cause == "worse":
        yield StepPart("Mend the candidate and start its next attempt", "rearm")
        yield StepPart(", or end the experiment", "end")
    elif now.cause == "declined":
        yield StepPart("Continue it if the decline is acceptable", "resume")
        yield StepPart(" (it says what it accepts), or end it", "end")
    else:
        yield StepPart(f"Continue it{' when its server answers again' if now.cause == 'kept_away' else ''}", "resume")
        if now.cause in ("models", "harmed"):
            yield StepPart(" It starts a new segment with new units.")
