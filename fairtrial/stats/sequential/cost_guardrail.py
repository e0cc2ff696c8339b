"""The guardrail of a cost has two lines: the mean up to a frozen amount, and the share of units above that amount."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.arms.amounts import Amounts
from fairtrial.stats.arms.means import mean_difference
from fairtrial.stats.effects import Effect
from fairtrial.stats.sequential.guardrails import (
    GuardrailFinding,
    Limits,
    guardrail,
    rare_guardrail,
    relative_guardrail,
)
from fairtrial.stats.sums import Moments, Successes

__all__ = ["CostFinding", "cost_guardrail"]

SHARE = (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class CostFinding:
    """The findings of both lines: ``mean`` of the capped amounts, and ``above``, the share of units over the limit.

    Source: as `cost_guardrail`.

    >>> amounts = Amounts.of([1.0, 3.0] * 3_000, limit=10)
    >>> found = cost_guardrail(amounts, amounts, Limits(margin=0.2), level=2.0, above_margin=0.01)
    >>> found.mean.answer, found.above.answer, found.answer
    ('safe', 'safe', 'safe')
    """

    mean: GuardrailFinding
    above: GuardrailFinding

    @property
    def answer(self) -> Literal["harm", "safe", "cannot tell"]:
        """Harm if one line says so; safe only if both do."""
        if self.mean.harmed or self.above.harmed:
            return "harm"
        return "safe" if self.mean.not_worse and self.above.not_worse else "cannot tell"


def cost_guardrail(
    control: Amounts, treatment: Amounts, limits: Limits, *, level: float, above_margin: float, share: float = 0.5
) -> CostFinding:
    """Whether a cost, or the tokens of a unit, is surely more than may be, or surely not more; at any look.

    ``limits``: margins relative to control, 0.2 for 20 %; the alpha of harm is divided between the two lines.
    ``level``: control's mean of the capped amounts as history knows it, on the metric's scale; τ of the mean's line is
    the margin times it. ``above_margin``: how much larger the share of units above the limit may be, absolute: 0.01
    for one in a hundred more. ``share``: of the units that get treatment. All of them are frozen at the start.

    The mean's line is `relative_guardrail` on `mean_difference`. Harm by the share above is exact (`rare_guardrail`,
    tuned for twice as many); that it is not larger is read from the difference of the shares, which has a bound also
    where no unit is above. `ValueError` for arms whose limits differ, and for a cost of which less does harm.

    Source: as `guardrail` and `rare_guardrail`; the two parts of a capped mean: Kohavi, Tang & Xu (2020), Trustworthy
    Online Controlled Experiments.

    >>> usual = Amounts.of([1.0, 3.0] * 1_000, limit=10)
    >>> runaway = Amounts.of([1.0, 2.0] * 980 + [250.0] * 40, limit=10)
    >>> cost_guardrail(usual, runaway, Limits(margin=0.2), level=2.0, above_margin=0.01).answer
    'harm'
    """
    control.check_same(treatment)
    if limits.bad == "down":
        raise ValueError("a cost does harm where there is more of it")
    if not (level > 0 and above_margin > 0):
        raise ValueError(f"a level of {level} and a margin of {above_margin} are to be above 0")
    halved = replace(limits, guardrails=2 * limits.guardrails)

    def capped(scale: float) -> Effect | NotEnough:
        return mean_difference(control.capped, treatment.capped, within=control.within, scale=scale)

    exact = rare_guardrail(control.above, treatment.above, halved, share=share)
    shares = (_zero_one(arm.share_above) for arm in (control, treatment))
    more = mean_difference(*shares, within=SHARE)
    allowed = guardrail(more, Limits(above_margin, alpha=limits.alpha))
    return CostFinding(
        mean=relative_guardrail(capped, halved, tau=limits.margin * level),
        above=replace(exact, safe=allowed.safe, not_worse=allowed.not_worse),
    )


def _zero_one(arm: Successes) -> Moments:
    return Moments(arm.n, arm.successes, arm.successes)
