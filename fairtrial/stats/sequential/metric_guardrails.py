"""The guardrail of costs, by a capped mean and the share above the cap."""

from dataclasses import dataclass, replace
from typing import Literal

from fairtrial.stats.arms.amounts import Amounts, amount_difference
from fairtrial.stats.arms.means import mean_difference
from fairtrial.stats.sequential.guardrails import (
    GuardrailFinding,
    Limits,
    guardrail,
    rare_guardrail,
    relative_guardrail,
)
from fairtrial.stats.sums import Moments

__all__ = ["CostFinding", "cost_guardrail"]
SHARE = (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class CostFinding:
    """The findings of both parts: ``mean`` of the capped amounts, and ``above``, the share of units over the cap.

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
        """Harm if either part shows it; safe only if both do."""
        if self.mean.harmed or self.above.harmed:
            return "harm"
        return "safe" if self.mean.not_worse and self.above.not_worse else "cannot tell"


def cost_guardrail(
    control: Amounts, treatment: Amounts, limits: Limits, *, level: float, above_margin: float, share: float = 0.5
) -> CostFinding:
    """Whether a cost, or the tokens per unit, is proven to exceed or not to exceed what is allowed, at any look.

    ``limits`` has margins relative to control, 0.2 for 20 %. The alpha of harm is divided between the two parts.
    ``level`` is control's historical mean of the capped amounts, on the metric's scale; τ of the mean's part is the
    margin times it. ``above_margin`` is how much larger the share of units above the limit may be, in absolute terms:
    0.01 for one more in a hundred. ``share`` is the share of units assigned to treatment. All of them are frozen at the
    start.

    The mean is judged by `relative_guardrail` on `amount_difference`. Harm by the share above the limit is exact
    (`rare_guardrail`, tuned for twice as many). Safety is read from the difference of the shares, which has a bound
    even where no unit is above the limit. Raises `ValueError` for arms with different limits, and if lower costs are
    declared harmful.

    Source: as `guardrail` and `rare_guardrail`; the two parts of a capped mean: Kohavi, Tang & Xu (2020), Trustworthy
    Online Controlled Experiments.

    >>> usual = Amounts.of([1.0, 3.0] * 1_000, limit=10)
    >>> runaway = Amounts.of([1.0, 2.0] * 980 + [250.0] * 40, limit=10)
    >>> cost_guardrail(usual, runaway, Limits(margin=0.2), level=2.0, above_margin=0.01).answer
    'harm'
    """
    control.check_same(treatment)
    if limits.bad == "down":
        raise ValueError("for costs, the direction of harm must be up")
    if not (level > 0 and above_margin > 0):
        raise ValueError(f"the level and the margin must be above 0, not {level} and {above_margin}")
    halved = replace(limits, guardrails=2 * limits.guardrails)

    exact = rare_guardrail(control.above, treatment.above, halved, share=share)
    shares = (
        Moments(above.n, above.successes, above.successes) for above in (control.share_above, treatment.share_above)
    )
    allowed = guardrail(mean_difference(*shares, within=SHARE), Limits(above_margin, alpha=limits.alpha))
    return CostFinding(
        mean=relative_guardrail(
            lambda scale: amount_difference(control, treatment, scale=scale), halved, tau=limits.margin * level
        ),
        above=replace(exact, safe=allowed.safe, not_worse=allowed.not_worse),
    )
