"""Plans one question in one mode by the rule that decides it, and says how many units it needs."""

from __future__ import annotations

from dataclasses import replace

from fairtrial.stats.planning.plans import (
    by_conversions,
    by_shares,
    conversions,
    normal_units,
    planned_looks,
    shares,
    single_look,
    watched,
    with_tail,
)
from fairtrial.stats.planning.question import BEYOND, RARE, Design, Option, Question, Rule, whole_weeks
from fairtrial.stats.sizes import units_without_event

__all__ = ["rule_of", "units_needed"]


def rule_of(question: Question, design: Design) -> Rule:
    """The rule that decides a question, as the monitor decides it. It depends only on the plan, never on the data.

    A rate of requests is decided by each unit's share of bad ones. Whether a share below 2 % becomes better is decided
    exactly, by conversions. Otherwise the mode decides, but guardrails are always watched.

    Source: Waudby-Smith & Ramdas (2024), JRSS-B 86(1); Lindon & Malek (2022), arXiv:2011.03567; Waudby-Smith et al.
    (2024), arXiv:2103.06476; O'Brien & Fleming (1979), Biometrics 35:549-556.

    >>> rule_of(Question("feedback.bought", "superior", 0.01, 0.005), Design(per_week=4000))
    'conversion e-process'
    """
    is_watched = design.mode == "monitor" or question.guardrail
    if is_watched and question.rate:
        return "shares of units"
    if is_watched and question.sd is None and question.kind == "superior" and question.baseline < RARE:
        return "conversion e-process"
    return "normal mixture" if is_watched else "O'Brien-Fleming" if design.mode == "planned" else "one look"


def option(question: Question, design: Design, power: float, *, beyond: bool = True) -> Option:
    """What the question needs for this power in the design's mode.

    ``beyond`` says whether units are also searched past the longest duration, which informs but does not change whether
    it fits.
    """
    design = replace(design, lag=question.window_days / 7)
    if question.guardrail:
        design = replace(design, alpha=design.guardrail_alpha)
    rule, multiples = rule_of(question, design), BEYOND if beyond else ()
    if design.most <= 0:  # no unit counts in time; a longer trial says how many it takes
        later = option(replace(question, window_days=0.0), design, power, beyond=beyond)
        weeks = None if later.units is None else whole_weeks(later.units, design)
        return replace(later, weeks=weeks, power=0.0, excluded=None, weekly=(0.0,) * design.weeks)
    if question.response is not None:
        return _with_worst_case(question, design, power, beyond=beyond)
    if rule == "conversion e-process":
        return by_conversions(question, design, power, multiples)
    if rule == "shares of units":
        return by_shares(question, design, power, multiples)
    if rule == "normal mixture":
        return with_tail(watched(question, design, power), question, design, power)
    return planned_looks(question, design, power) if rule == "O'Brien-Fleming" else single_look(question, design, power)


def _with_worst_case(question: Question, design: Design, power: float, *, beyond: bool) -> Option:
    """What the units with feedback need, and the worst case of the others, both of which must agree."""
    found = option(replace(question, response=None), design, power, beyond=beyond)
    worst = question.in_worst_case(design.share)
    if worst is None:
        none = (0.0,) * design.weeks
        return replace(
            found,
            units=None,
            weeks=None,
            power=0.0,
            mean_stop=design.most,
            exaggeration=None,
            excluded=None,
            weekly=none,
        )
    more = option(worst, design, power, beyond=beyond)
    units = None if found.units is None or more.units is None else max(found.units, more.units)
    return replace(
        found,
        units=units,
        weeks=None if units is None else whole_weeks(units, design),
        power=min(found.power, more.power),
        mean_stop=max(found.mean_stop, more.mean_stop),
        excluded=None,
        weekly=tuple(map(min, found.weekly, more.weekly)),
    )


def units_needed(question: Question, *, share: float, alpha: float, power: float) -> float | None:
    """The units in both arms with which a watched question has this power, however fast they arrive.

    Page, status and plan state this number. ``None`` if no number of units that could be planned suffices.

    Source: as `rule_of`.

    >>> round(units_needed(Question("solved", "superior", 0.60, 0.10), share=0.5, alpha=0.05, power=0.9))
    1512
    """
    if question.response is not None:
        worst = question.in_worst_case(share)
        both = [replace(question, response=None), *([] if worst is None else [worst])]
        sizes = [units_needed(one, share=share, alpha=alpha, power=power) for one in both]
        return None if worst is None or None in sizes else max(one or 0.0 for one in sizes)
    design = Design(per_week=1.0, share=share, alpha=alpha, guardrail_alpha=alpha)
    rule = rule_of(question, design)
    if rule == "normal mixture":
        return normal_units(question, design, power)
    first = units_without_event(question.effect, alpha=alpha) / min(share, 1 - share)
    for times in (1, *BEYOND, 64, 256):
        far = replace(design, per_week=times * first / design.weeks)
        course = shares(question, far) if rule == "shares of units" else conversions(question, far)
        if (units := course.needed(power)) is not None:
            return units
    return None
