"""Computes from which volume a variant pays, and how far that depends on prices, volume and the length of answers."""

from collections.abc import Iterator
from math import ceil

from msgspec import Struct

from fairtrial.api.cost_answers import BreakEven, Change, Pays, Range, Sensitivity
from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.always_valid import asymptotic
from fairtrial.stats.arms.means import too_few_in_arm
from fairtrial.stats.arms.ratios_and_quantiles import few_equal, ratio_difference
from fairtrial.stats.effects import Effect
from fairtrial.stats.sums import JointMoments

FACTORS = (0.5, 2.0)
DIGITS = 12
"""Digits of a dollar beyond which equal costs differ by rounding alone."""


class Terms(Struct, frozen=True, kw_only=True):
    """What is known beside the costs of requests. ``fixed_usd``: a month's training and hosting beyond the control's.

    ``volume``: the requests of a month. ``control_answer`` and ``answer``: US dollars of the output of a request.
    """

    fixed_usd: float
    volume: int
    control_answer: float | None
    answer: float | None


def interval_at_any_time(effect: Effect | NotEnough, *arms: JointMoments) -> Range | None:
    """The estimate with its interval; ``None`` while the arms have too few users.

    Costs have no bound that was fixed before, so that heavy users count as they are. The number of equal users must
    therefore be as large as that of users elsewhere.
    """
    if isinstance(effect, NotEnough) or any(too_few_in_arm(arm.n) or few_equal(arm) for arm in arms):
        return None
    estimate = asymptotic(Effect(effect.value, effect.variance, effect.n, effect.method))
    if isinstance(estimate, NotEnough):
        return None
    return Range(value=estimate.value, low=estimate.low, high=estimate.high)


def break_even(variant: str, control: JointMoments, arm: JointMoments, terms: Terms) -> BreakEven:
    """The volume at which what a variant saves pays for its training and its hosting."""
    saved = interval_at_any_time(ratio_difference(arm, control, cap=None, within=None), arm, control)
    if saved is None:
        saved = Range(value=round(control.x / control.y - arm.x / arm.y, DIGITS), low=None, high=None)
    requests = _requests(saved, terms.fixed_usd)
    return BreakEven(
        variant=variant,
        fixed_usd=terms.fixed_usd,
        saved=saved,
        requests=requests,
        volume=terms.volume,
        pays=_pays(saved, requests, terms.volume, terms.fixed_usd),
        sensitivity=list(_sensitivity(saved, terms)),
    )


def _sensitivity(saved: Range, terms: Terms) -> Iterator[Sensitivity]:
    for change, factor, then, volume in _changes(saved, terms):
        requests = _requests(then, terms.fixed_usd)
        pays = _pays(then, requests, volume, terms.fixed_usd)
        yield Sensitivity(change=change, factor=factor, requests=requests, volume=volume, pays=pays)


def _changes(saved: Range, terms: Terms) -> Iterator[tuple[Change, float, Range, int]]:
    """What a request saves, and the volume, after each change of one thing.

    Answers of another length change the cost of the output alone, which counts as known, so that the interval moves.
    """
    for factor in FACTORS:
        yield "prices", factor, _moved(saved, factor, 0.0), terms.volume
    for factor in FACTORS:
        yield "volume", factor, saved, round(factor * terms.volume)
    if terms.control_answer is not None and terms.answer is not None:
        for factor in FACTORS:
            more = (factor - 1) * (terms.control_answer - terms.answer)
            yield "answers", factor, _moved(saved, 1.0, more), terms.volume


def _moved(saved: Range, factor: float, more: float) -> Range:
    low, high = (None if end is None else factor * end + more for end in (saved.low, saved.high))
    return Range(value=factor * saved.value + more, low=low, high=high)


def _requests(saved: Range, fixed_usd: float) -> Range | None:
    """The volume at which the saving equals the fixed costs; ``None`` if a request saves nothing."""
    if saved.value <= 0:
        return None
    return Range(
        value=max(0, ceil(fixed_usd / saved.value)),
        low=None if saved.high is None else max(0, ceil(fixed_usd / saved.high)),
        high=max(0, ceil(fixed_usd / saved.low)) if saved.low is not None and saved.low > 0 else None,
    )


def _pays(saved: Range, requests: Range | None, volume: int, fixed_usd: float) -> Pays:
    if saved.high is not None and saved.high <= 0 and fixed_usd >= 0:
        return "never"
    if requests is None or requests.low is None:
        return "unclear"
    if requests.high is not None and volume >= requests.high:
        return "yes"
    return "no" if volume < requests.low else "unclear"
