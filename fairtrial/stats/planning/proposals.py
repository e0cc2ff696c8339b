"""States what one question needs in one way of monitoring, and proposes changes that let a trial be decided in time."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil, floor, inf, log10
from typing import Literal

import numpy as np
import scipy  # its `special` loads at its first use, because it is slow to load

from fairtrial.domain.promises import MOST_WEEKS
from fairtrial.stats.planning.question import Course, Design, Mode, Question, TrialEnding
from fairtrial.stats.sizes import size_of_pairs, units_without_event

__all__ = ["Option"]

Rule = Literal["conversion e-process", "shares of units", "normal mixture", "O'Brien-Fleming", "one look"]
BEYOND = (4, 16)
"""Multiples of the longest duration up to which the units of an exact rule are searched."""


@dataclass(frozen=True, slots=True)
class Option(TrialEnding):
    """What one question needs when it is monitored in one way.

    ``units`` counts the units in both arms for the required power, or is ``None`` if they are too many to state.
    ``weeks`` is the number of whole weeks for these units, and ``power`` is the power at the end of the trial.
    ``excluded`` is the loss that an inconclusive end without a visible difference would exclude, on the metric's scale.
    It is ``None`` if nothing would be excluded. ``tail``: whether the share of units above the cap needs more units
    than the mean. ``weekly``: the power at the end of each week.

    >>> from fairtrial.stats.planning.trial import option
    >>> found = option(Question("score", "not worse", 0.3, 0.05), Design(per_week=4000), 0.9)
    >>> found.rule, found.weeks
    ('normal mixture', 2)
    """

    mode: Mode
    rule: Rule
    units: float | None
    weeks: int | None
    power: float
    excluded: float | None
    tail: bool = False
    weekly: tuple[float, ...] = ()

    def fits(self, design: Design) -> bool:
        """Whether it can be decided within the trial's longest duration."""
        return self.weeks is not None and self.weeks <= design.weeks


def made(design: Design, rule: Rule, units: float | None, course: Course, *, excluded: float | None) -> Option:
    weeks = None if units is None else whole_weeks(units, design)
    power = min(1.0, max(0.0, course.power[-1]))
    weekly, stop, times = weekly_power(course, design), course.mean_stop, course.exaggeration
    return Option(design.mode, rule, units, weeks, power, excluded, weekly=weekly, mean_stop=stop, exaggeration=times)


def weekly_power(course: Course, design: Design) -> tuple[float, ...]:
    """The power of a course at the end of each week: that of its last look until then."""
    ends = [design.per_week * (week - design.lag) + 1e-6 for week in range(1, design.weeks + 1)]
    looks = [bisect_right(course.units, end) for end in ends]
    return tuple(min(1.0, max(0.0, course.power[look - 1])) if look else 0.0 for look in looks)


def possible(loss: float, question: Question) -> float | None:
    """The loss, or ``None`` if it is larger than possible, because excluding it would say nothing."""
    most = inf if question.sd is not None else 1 - question.baseline if question.lower_is_better else question.baseline
    return loss if loss < most else None


def beyond(
    units: float | None, multiples: tuple[int, ...], power: float, course: Callable[[int], Course]
) -> float | None:
    """The units for this power, searched past the longest duration."""
    for times in multiples if units is None else ():
        units = course(times).needed(power)
        if units is not None:
            break
    return units


def longer(design: Design, times: int) -> Design:
    return replace(design, per_week=times * design.per_week)


def whole_weeks(units: float, design: Design) -> int:
    return max(1, ceil(units / design.per_week + design.lag - 1e-9))


RUNGS = 13
"""The number of effects that are tried before the smallest one is searched between two of them."""
LARGEST = 1000.0
"""The largest multiple of an amount's effect that is tried."""


@dataclass(frozen=True, slots=True)
class ProposedChange:
    """A trial that differs from another as ``words`` describe."""

    words: str
    questions: tuple[Question, ...]
    design: Design


Test = Callable[[ProposedChange], bool]


def changes(
    questions: Sequence[Question], design: Design, failing: Sequence[int], decidable: Test
) -> Iterator[ProposedChange]:
    """The changes that let all questions be decided, cheapest first; ``failing`` are those that can't be now."""
    whole = ProposedChange("", tuple(questions), design)
    yield from _other_designs(whole, decidable)
    yield from _weeks(whole, decidable)
    if (larger := _effects(whole, failing, decidable)) is not None:
        yield larger
    if 0 in failing and (not_worse := _not_worse(larger or whole, questions, decidable)) is not None:
        yield not_worse


def _other_designs(whole: ProposedChange, decidable: Test) -> Iterator[ProposedChange]:
    even = replace(whole.design, share=0.5)
    looks = replace(whole.design, mode="planned")
    tried = {} if whole.design.share == 0.5 else {"an even split": even}
    if whole.design.mode == "monitor":
        tried["planned looks instead of watching"] = looks
    changes = [
        change for words, design in tried.items() if decidable(change := replace(whole, words=words, design=design))
    ]
    if not changes and len(tried) == 2:
        both = replace(whole, words=" and ".join(tried), design=replace(even, mode="planned"))
        changes = [both] if decidable(both) else []
    yield from changes


def _weeks(whole: ProposedChange, decidable: Test) -> Iterator[ProposedChange]:
    """The fewest whole weeks, up to half a year; with other looks and an even split if that takes less time."""
    looks = "planned" if whole.design.mode == "monitor" else whole.design.mode
    even = replace(whole.design, share=0.5)
    others = {"": whole.design, " with an even split": even, " with planned looks": replace(whole.design, mode=looks)}
    others[" with an even split and planned looks"] = replace(even, mode=looks)
    fewest = MOST_WEEKS + 1
    for words, design in others.items():
        longer = None if design == whole.design and words else _fewest(whole, design, decidable)
        if longer is not None and longer.weeks < fewest:
            fewest = longer.weeks
            yield replace(whole, words=f"{longer.weeks} weeks{words}", design=longer)


def _fewest(whole: ProposedChange, design: Design, decidable: Test) -> Design | None:
    """The design with the fewest additional weeks; ``None`` if it needs none, or too many."""
    few, many = design.weeks, MOST_WEEKS
    if few >= many or not decidable(replace(whole, design=replace(design, weeks=many))):
        return None
    if decidable(replace(whole, design=design)):
        return None
    while many - few > 1:
        middle = (few + many) // 2
        enough = decidable(replace(whole, design=replace(design, weeks=middle)))
        few, many = (few, middle) if enough else (middle, many)
    return replace(design, weeks=many)


def _effects(whole: ProposedChange, failing: Sequence[int], decidable: Test) -> ProposedChange | None:
    """The smallest detectable effect of each failing question, with the others unchanged; two digits, rounded up."""
    # Guardrails first, each alone in the design in which it has the power that it needs among all of them.
    design = replace(whole.design, power=1 - (1 - whole.design.power) / len(whole.questions))
    effects: dict[int, float] = {}
    for number in sorted(failing, reverse=True):
        with_effects = [replace(each, effect=effects.get(at, each.effect)) for at, each in enumerate(whole.questions)]
        others = (with_effects[number], *(each for at, each in enumerate(with_effects) if at != number))
        alone = ProposedChange("", others, whole.design) if number == 0 else ProposedChange("", others[:1], design)
        effect = _smallest(alone, decidable)
        if effect is None:
            return None
        effects[number] = effect
    questions = tuple(
        replace(question, effect=effects[number], planned=None) if number in effects else question
        for number, question in enumerate(whole.questions)
    )
    change = ProposedChange(_describe(whole.questions, effects), questions, whole.design)
    return change if decidable(change) else None


def _not_worse(whole: ProposedChange, before: Sequence[Question], decidable: Test) -> ProposedChange | None:
    """The smallest margin within which the primary metric can be shown not to be worse, instead of better.

    ``before``: the questions as they are now, from which other margins may differ.
    """
    first, *others = whole.questions
    if first.kind != "superior":
        return None
    try:
        question = replace(before[0], kind="not worse", planned=None)
    except ValueError:  # the level is too near the end of the scale
        return None
    change = replace(whole, questions=(question, *others))
    margin = question.effect if decidable(change) else _smallest(change, decidable)
    if margin is None:
        return None
    questions = (replace(question, effect=margin), *others)
    effects = {at: each.effect for at, each in enumerate(questions) if not at or each != before[at]}
    return ProposedChange(f"require: not_worse with {_describe(questions, effects)}", questions, whole.design)


def _smallest(alone: ProposedChange, decidable: Test) -> float | None:
    question = alone.questions[0]

    def decides(effect: float) -> bool:
        return decidable(
            replace(alone, questions=(replace(question, effect=effect, planned=None), *alone.questions[1:]))
        )

    ladder = np.geomspace(question.effect, max(question.effect, _largest(question)), RUNGS)
    # An effect so large that few units have the rarer outcome makes a look impossible. A larger one does not help.
    rung = next((number for number in range(1, RUNGS) if decides(float(ladder[number]))), None)
    if rung is None:
        return None
    low, high = float(ladder[rung - 1]), float(ladder[rung])
    while high / low >= 1.005:
        middle = (low * high) ** 0.5
        low, high = (low, middle) if decides(middle) else (middle, high)
    for steps in range(3):
        effect = _rounded_up(high, steps)
        if effect >= _largest(question):
            return high
        if decides(effect):
            return effect
    return high


def _largest(question: Question) -> float:
    if question.sd is not None:
        return question.effect * LARGEST
    return 0.999 * (question.baseline if question.direction < 0 else 1 - question.baseline)


def _rounded_up(value: float, steps: int) -> float:
    """The value rounded up to two significant digits, plus this many units of the second digit."""
    scale = floor(log10(value)) - 1
    return round((ceil(round(value / 10.0**scale, 9)) + steps) * 10.0**scale, 12)


def _describe(questions: Sequence[Question], effects: dict[int, float]) -> str:
    words = {"superior": "an effect", "not worse": "a margin"}
    phrases = []
    for number, effect in effects.items():
        question = questions[number]
        size = f"{effect:g}" if question.sd is not None else f"{100 * effect:g} points"
        size += f" ({100 * effect / abs(question.baseline):.3g}%)" if question.relative else ""
        phrases.append(f"{words[question.kind]} of {size} for {question.metric}")
    return " and ".join(phrases)


def pairs(question: Question, design: Design, power: float) -> int | None:
    """The number of paired answers to the same requests that decide it with this power, if the time allows.

    Users see only one answer of a pair, so the score can't be their reaction. The answers count as independent, because
    no pairs have been seen yet. The discordance of a fine-tune and its base is lower, and so is the number of pairs
    needed. Returns ``None`` for amounts, for questions that can't be scored this way, and for more pairs than there are
    requests at one a unit.

    Source: Connor (1987), Biometrics 43:207-211; Nam (1997), Biometrics 53:1422-1430, for "not worse".

    >>> pairs(Question("judge.correct", "superior", 0.62, 0.05, scored=True), Design(per_week=900), 0.8)
    1440
    """
    if not question.scored or question.sd is not None:
        return None
    baseline, truth = question.baseline, question.truth
    discordant = baseline * (1 - truth) + truth * (1 - baseline)
    if question.kind == "superior":
        cases = size_of_pairs(discordant, truth - baseline, alpha=design.alpha, power=power)
    else:
        cases = (
            float(scipy.special.ndtri(1 - design.alpha) + scipy.special.ndtri(power)) ** 2
            * discordant
            / question.effect**2
        )
        cases = max(cases, units_without_event(question.effect, alpha=design.alpha))
    return ceil(cases) if cases <= design.most else None
