"""Describes how an experiment stands for people who look once: a word with a shape and a colour, and its effects."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from dashboard.components.formatting import change, share
from fairtrial.api.experiment_answers import Analysis, ShownDecision, ShownGuardrail, ShownPrimary
from fairtrial.api.experiment_box import Tone

Colour = Literal["red", "amber", "green", "grey"]
Shape = Literal["stop", "pause", "worse", "invalid", "wait", "run", "good", "done"]
COLOURS: dict[Tone, Colour] = {"error": "red", "warning": "amber", "success": "green", "info": "grey"}
WIDTH = 200.0
"""Of the picture of an interval."""
REACH = 1.15
"""How much further than its ends a picture reaches, so that an end inside is seen as one."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A word, and the shape and colour that say the same without it."""

    word: str
    shape: Shape
    colour: Colour

    @property
    def drawn(self) -> tuple[str, Shape, Colour]:
        """For a template, which reads no names of fields, so that mypy notices each rename."""
        return self.word, self.shape, self.colour


@dataclass(frozen=True, slots=True)
class Mark:
    """What a guardrail says in a few words."""

    words: str
    shape: Shape
    colour: Colour

    @property
    def drawn(self) -> tuple[str, Shape, Colour]:
        return self.words, self.shape, self.colour


@dataclass(frozen=True, slots=True)
class Effect:
    """A picture: positions of an interval with better to the right, and the words beside it."""

    name: str
    low: float | None
    value: float | None
    high: float | None
    limit: float
    limit_words: str
    words: str
    ends: str
    colour: Colour

    @property
    def label(self) -> str:
        return f"{self.name}: {self.words} {self.ends}".strip()

    @property
    def drawn(self) -> tuple[object, ...]:
        picture = (self.low, self.value, self.high, self.limit, self.colour, self.label)
        return self.name, self.limit_words, (self.words, self.ends), picture


def standing_of(decision: ShownDecision) -> Standing:
    """How the experiment stands. Its colour is that of the worst news."""
    colour = COLOURS[decision.box.tone]
    word, shape = next(_words(decision, decision.analysis))
    over = shape == "done" and colour == "amber"
    return Standing(word, shape, "grey" if over else colour)


def _words(decision: ShownDecision, analysis: Analysis | None) -> Iterator[tuple[str, Shape]]:
    """What is true, the most important first."""
    primary, guardrails = ((), ()) if analysis is None else (analysis.primary, analysis.guardrails)
    said = {label for label, _ in decision.box.lines}
    if decision.ending in ("rolled back by a person", "rolled back by control"):
        yield "Rolled back", "stop"
    kept = decision.state == "running" and analysis is not None and "State" in said
    if decision.ending == "promoted" or kept:  # a kept control lets it run on
        yield "Promoted", "good"
    if decision.state == "ended":
        yield "Ended", "done"
    if decision.state == "declared":
        yield "Not started", "wait"
    if decision.state == "killed":
        yield "Stopped", "stop"
    if "Error" in said:
        yield "Not analysed", "invalid"
    if "Models" in said:
        yield "Same model", "invalid"
    if analysis is not None and analysis.srm.invalid:
        yield "Invalid", "invalid"
    if analysis is not None and any(proof.blocks for proof in analysis.earlier) and decision.state == "running":
        yield "Stopped before", "stop"
    if any(metric.answer == "worse" for metric in primary):
        yield "Worse", "worse"
    if decision.state == "paused":
        yield "Paused", "pause"
    if any(guardrail.answer == "harmed" for guardrail in guardrails):
        yield "Harmful", "stop"
    if any(guardrail.declined for guardrail in guardrails):
        yield "Declined", "worse"
    if decision.box.doubts:
        yield "Looks worse", "worse"
    if primary and all(metric.counts for metric in primary):
        yield primary[0].answer.capitalize(), "good"
    yield ("Running" if analysis is not None else "No data yet"), "run"


def effects_of(decision: ShownDecision) -> list[Effect]:
    """The effect on the primary metric for each treatment; none if the arms can't be compared."""
    analysis = decision.analysis
    if analysis is None or analysis.srm.invalid:
        return []
    return [_effect(metric, analysis.control) for metric in analysis.primary if metric.running is not None]


def _effect(metric: ShownPrimary, control: str) -> Effect:
    interval = metric.running
    assert interval is not None
    form, sign = "share" if metric.share else "number", -1 if metric.better == "lower" else 1
    ends = [end for end in (interval.low, interval.high, interval.value, metric.boundary, 0.0) if end is not None]
    reach = REACH * max(abs(end) for end in ends) or 1.0

    def at(value: float) -> float:
        return round(WIDTH / 2 * (1 + sign * value / reach), 1)

    sides = sorted(at(reach * side if end is None else end) for end, side in ((interval.low, -1), (interval.high, 1)))
    low, high = (None, None) if interval.low is None and interval.high is None else sides
    bounds = [
        change(end, form=form) if end is not None else ("no bound below", "no bound above")[number]
        for number, end in enumerate((interval.low, interval.high))
    ]
    colours: dict[str, Colour] = {"better": "green", "worse": "red", "not worse": "green"}
    return Effect(
        name=f"{metric.metric}: {metric.variant} against {control}",
        low=low,
        value=at(interval.value),
        high=high,
        limit=at(metric.boundary or 0.0),
        limit_words="no difference" if metric.require == "superior" else "margin",
        words=f"{change(interval.value, form=form)}{' points' if metric.share else ''}",
        ends=f"({bounds[0]} to {bounds[1]})",
        colour=colours.get(metric.answer, "grey"),
    )


def marks_of(decision: ShownDecision) -> list[Mark]:
    """The guardrails that show something, the worst first, and how many are proven safe."""
    guardrails: Sequence[ShownGuardrail] = () if decision.analysis is None else decision.analysis.guardrails
    marks = [
        Mark(f"{_short(each)} {_size(each)}: harm proven", "stop", "red")
        for each in guardrails
        if each.answer == "harmed"
    ]
    marks += [
        Mark(
            f"{_short(each)} {_size(each)}{', accepted' if each.accepted else ': a decline is proven'}",
            "worse",
            "amber",
        )
        for each in guardrails
        if each.answer == "declined" or each.accepted
    ]
    if decision.box.doubts:
        marks.append(Mark(decision.box.doubts, "worse", "amber"))
    safe = sum(each.answer == "safe" for each in guardrails)
    if guardrails:
        words, all_safe = f"{safe} of {len(guardrails)} proven safe", safe == len(guardrails)
        marks.append(Mark(words, "good", "green") if all_safe else Mark(words, "run", "grey"))
    return marks


def _short(guardrail: ShownGuardrail) -> str:
    return guardrail.metric.removeprefix("requests.")


def _size(guardrail: ShownGuardrail) -> str:
    """``4.3 % against 0.0 %``, or nothing for a metric that is no share."""
    return f"{share(guardrail.treatment)} against {share(guardrail.control)}" if guardrail.share else ""
