"""The guardrails of errors, by users with an error and errors per request, and of costs, by a capped mean."""

from dataclasses import dataclass, replace
from typing import Literal

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.arms.amounts import Amounts, amount_difference
from fairtrial.stats.arms.means import mean_difference
from fairtrial.stats.arms.ratios_and_quantiles import ratio_difference
from fairtrial.stats.effects import Effect
from fairtrial.stats.sequential.guardrails import (
    GuardrailFinding,
    Limits,
    guardrail,
    rare_guardrail,
    rare_harm,
    relative_guardrail,
)
from fairtrial.stats.sequential.request_errors import RequestErrors
from fairtrial.stats.sums import Moments

__all__ = ["CostFinding", "cost_guardrail", "error_guardrail"]
SHARE = (0.0, 1.0)


def error_guardrail(
    control: RequestErrors,
    treatment: RequestErrors,
    limits: Limits,
    *,
    level: float | None = None,
    share: float = 0.5,
    lift: float = 1.0,
) -> GuardrailFinding:
    """Whether errors, refusals or other bad requests are proven to be more, or to be within the margin, at any look.

    Harm is proven by the exact e-process of `rare_guardrail` on users who met an error, each counted once, with
    ``share`` and ``lift`` as there. Safety is proven by `ratio_difference` of errors per request, by user, if it is
    below the margin. Users alone can't prove it: suppose that the error rate of users with 1 to 200 requests doubles
    from 1 to 2 %. Only a third more of them then meet an error. Safety goes by the pessimistic sums of both
    arms, because requests that an arm never got do not show harm, but may hide some.

    ``level`` is control's historical number of errors per request. With it, margins are relative to control, and τ of
    the safe side is the margin times the level. Without it, the margin is absolute, 0.01 for one request in a hundred,
    and is also τ; the margin that stops is then 0. A relative margin can't be met if control has no errors. Raises
    `ValueError` for arms with different caps, for an absolute margin that stops, and if fewer errors are declared
    harmful.

    Source: as `rare_guardrail`; Deng, Knoblich & Lu (2018), KDD, arXiv:1803.06336, for the ratio by user.

    >>> arms = [RequestErrors.of([0] * 99 + [1], [20] * 100) for _ in range(2)]
    >>> error_guardrail(*arms, Limits(margin=0.01, stop_margin=0.0)).answer
    'cannot tell'
    >>> arms = [RequestErrors.of(([0] * 99 + [1]) * 60, [20] * 6_000) for _ in range(2)]
    >>> error_guardrail(*arms, Limits(margin=0.01, stop_margin=0.0)).answer
    'safe'
    """
    control.check_same(treatment)
    if level is None and limits.stop != 0:
        raise ValueError("an absolute margin can't stop for harm, which is relative: set the margin that stops to 0")
    if level is not None and not level > 0:
        raise ValueError(f"a relative margin needs a level above 0, not {level}")

    def more(scale: float) -> Effect | NotEnough:
        return ratio_difference(control.for_safety, treatment.for_safety, cap=control.cap, scale=scale)

    harm = rare_harm(control.users, treatment.users, limits, share=share, lift=lift)
    safe = (
        guardrail(more(1.0), limits) if level is None else relative_guardrail(more, limits, tau=limits.margin * level)
    )
    return replace(harm, safe=safe.safe, not_worse=safe.not_worse)


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
