"""Guardrails: two one-sided questions at every look, whether harm is proven and whether safety is."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from typing import Literal

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.promises import MIN_CONVERSIONS
from fairtrial.stats.always_valid import at_least, at_most, evidence_above
from fairtrial.stats.e_values import EValue
from fairtrial.stats.effects import Effect
from fairtrial.stats.sequential.conversions import conversion_harm, lift_at_least, lift_at_most, stopping_evidence

__all__ = ["GuardrailFinding", "Limits", "guardrail", "rare_guardrail", "relative_guardrail"]


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits agreed before the start: ``margin`` > 0 is the decline that still counts as not worse.

    ``stop_margin`` is how much worse the metric must provably be to stop for harm. It is the margin by default; use 0
    for errors and safety. Both are absolute, on the metric's scale, or relative (0.2 for 20 %), as the function says.
    ``bad`` is the direction that does harm. ``alpha`` is the probability of wrongly stopping for any of the
    ``guardrails`` together (Bonferroni; count them once for each variant). It is also the probability of wrongly
    calling this one not worse, which has no correction because all must hold to ship.

    >>> round(Limits(margin=0.02, stop_margin=0.0, guardrails=3).alpha_harm, 4)
    0.0167
    """

    margin: float
    stop_margin: float | None = None
    bad: Literal["up", "down"] = "up"
    alpha: float = 0.05
    guardrails: int = 1

    def __post_init__(self) -> None:
        if not (0 < self.margin < inf and 0 <= self.stop < inf and 0 < self.alpha < 0.5 and self.guardrails >= 1):
            raise ValueError(f"margins must be above 0, and alpha between 0 and 0.5, not {self}")
        if self.bad not in ("up", "down"):
            raise ValueError(f"the direction of harm must be up or down, not {self.bad!r}")

    @property
    def stop(self) -> float:
        """The margin for stopping."""
        return self.margin if self.stop_margin is None else self.stop_margin

    @property
    def alpha_harm(self) -> float:
        """The error probability for harm on this guardrail."""
        return self.alpha / self.guardrails


@dataclass(frozen=True, slots=True)
class GuardrailFinding:
    """Both answers of one guardrail at one look, valid for any number of looks.

    ``harm`` and ``safe`` are the one-sided intervals that give the answers. ``harmed`` means provably worse than the
    margin that stops, and ``not_worse`` provably not worse than the margin. ``evidence`` is the evidence of harm, which
    the caller latches.

    >>> guardrail(Effect(-0.01, 0.00004, 2_000, "difference of rates"), Limits(margin=0.02)).answer
    'safe'
    """

    harm: Estimate | NotEnough
    safe: Estimate | NotEnough
    harmed: bool
    not_worse: bool
    evidence: EValue | NotEnough

    @property
    def answer(self) -> Literal["harm", "safe", "cannot tell"]:
        """Harm takes precedence where both hold, as for errors that are proven to be above 0 and below the margin."""
        return "harm" if self.harmed else "safe" if self.not_worse else "cannot tell"


def guardrail(effect: Effect | NotEnough, limits: Limits, *, tau: float | None = None) -> GuardrailFinding:
    """The two answers for an effect, treatment − control, with margins on its own scale.

    ``tau`` is as in `always_valid`; by default it is the margin. Without enough data, both intervals are `NotEnough`,
    and neither harm nor safety is shown.

    Source: Howard et al. (2021), Ann. Stat. 49(2), one-sided sequences; Schultzberg, Ankargren & Frånberg (2024),
    arXiv:2402.11609, for which alpha is divided.

    >>> errors = Effect(value=0.04, variance=0.0001, n=900, method="difference of rates")
    >>> found = guardrail(errors, Limits(margin=0.02, stop_margin=0.0))
    >>> print(found.answer, found.harm, sep=": ")
    harm: 0.04 (0.01193 to inf; 90 %, n = 900, difference of rates, always valid, one-sided)
    """
    tau = limits.margin if tau is None else tau
    return _judged((effect, limits.stop), (effect, limits.margin), limits, tau=tau)


def relative_guardrail(
    difference: Callable[[float], Effect | NotEnough], limits: Limits, *, tau: float
) -> GuardrailFinding:
    """The two answers with margins that are shares of control's level: treatment − (1 ± margin) · control against 0.

    ``difference`` returns that effect for a given scale of control, such as
    ``lambda scale: mean_difference(control, treatment, within=(0, amount), scale=scale)``. ``tau`` is on the metric's
    scale and fixed before the start: the margin times control's historical level. The intervals are those of the
    differences: harm is above 0, safety below.

    Source: as `guardrail`; Fieller (1954), JRSS-B 16:175-185, for testing a ratio by a difference.

    >>> from fairtrial.stats.arms.means import mean_difference
    >>> from fairtrial.stats.sums import Moments
    >>> control, treatment = Moments(400, 40_000.0, 4_160_000.0), Moments(400, 50_000.0, 6_410_000.0)
    >>> costs = lambda scale: mean_difference(control, treatment, within=(0, 200), scale=scale)
    >>> relative_guardrail(costs, Limits(margin=0.1), tau=10.0).answer
    'harm'
    """
    sign = 1.0 if limits.bad == "up" else -1.0
    stop, keep = (difference(1 + sign * margin) for margin in (limits.stop, limits.margin))
    return _judged((stop, 0.0), (keep, 0.0), limits, tau=tau)


def rare_guardrail(
    control: int, treatment: int, limits: Limits, *, share: float = 0.5, lift: float = 1.0
) -> GuardrailFinding:
    """The two answers for rare harmful events, by their exact e-process, with margins relative to control.

    ``control`` and ``treatment`` count the units with the event, each once. ``share`` is the share of units assigned to
    treatment. ``lift`` is the harm that the test is tuned to find, 1 for twice as many. Nothing is stopped below five
    events of treatment. Without an event in control there is no lift to show, but there may be evidence of harm.

    "Not worse" refers to units with the event. Where a unit sends many requests, it says little about requests; use
    `share_difference` to show their safety.

    Source: Lindon & Malek (2022), arXiv:2011.03567, one-sided as `conversion_harm`.

    >>> rare_guardrail(2, 19, Limits(margin=0.2, stop_margin=0.0)).answer
    'harm'
    """
    finding = rare_harm(control, treatment, limits, share=share, lift=lift)
    margin = limits.margin
    same = conversion_harm(treatment, control, lift=margin, share=1 - share, margin=1 / (1 + margin) - 1)
    return replace(
        finding,
        safe=lift_at_most(control, treatment, lift=margin, share=share, alpha=limits.alpha),
        not_worse=isinstance(same, EValue) and same.rejects(limits.alpha),
    )


def rare_harm(
    control: int, treatment: int, limits: Limits, *, share: float = 0.5, lift: float = 1.0
) -> GuardrailFinding:
    """The half of `rare_guardrail` that stops; its ``safe`` is `NotEnough`, because these events can't show it.

    Source: as `rare_guardrail`.

    >>> rare_harm(2, 19, Limits(margin=0.2, stop_margin=0.0)).answer
    'harm'
    """
    evidence = rare_evidence(control, treatment, limits, share=share, lift=lift)
    few = evidence if isinstance(evidence, NotEnough) and treatment < MIN_CONVERSIONS else None
    return GuardrailFinding(
        harm=few or lift_at_least(control, treatment, lift=lift, share=share, alpha=limits.alpha_harm),
        safe=NotEnough("units with the event show harm only", "events by request", control + treatment),
        harmed=isinstance(evidence, EValue) and evidence.rejects(limits.alpha_harm),
        not_worse=False,
        evidence=evidence,
    )


def rare_evidence(
    control: int, treatment: int, limits: Limits, *, share: float = 0.5, lift: float = 1.0
) -> EValue | NotEnough:
    """The evidence of harm alone, as in `rare_guardrail`; `NotEnough` below five events of treatment.

    Source: as `rare_guardrail`.

    >>> rare_evidence(2, 19, Limits(margin=0.2, stop_margin=0.0)).rejects(0.01)
    True
    """
    if limits.bad == "down":
        raise ValueError("for rare events, the direction of harm must be up")
    return stopping_evidence(control, treatment, lift=lift, share=share, margin=limits.stop)


def _judged(
    stop: tuple[Effect | NotEnough, float], keep: tuple[Effect | NotEnough, float], limits: Limits, *, tau: float
) -> GuardrailFinding:
    """Both answers for effects and their limits, in the direction of harm."""
    (harmful, above), (harmless, below) = stop, keep
    up = limits.bad == "up"
    worse, better = (at_least, at_most) if up else (at_most, at_least)
    harm = worse(harmful, tau=tau, alpha=limits.alpha_harm)
    safe = better(harmless, tau=tau, alpha=limits.alpha)
    evidence = evidence_above(harmful if up else _mirrored(harmful), tau=tau, null=above)
    return GuardrailFinding(
        harm=harm,
        safe=safe,
        harmed=isinstance(harm, Estimate) and (harm.low > above if up else harm.high < -above),
        not_worse=isinstance(safe, Estimate) and (safe.high < below if up else safe.low > -below),
        evidence=evidence,
    )


def _mirrored(effect: Effect | NotEnough) -> Effect | NotEnough:
    if isinstance(effect, NotEnough):
        return effect
    (least, most), (low, high) = effect.within, effect.unseen
    return replace(effect, value=-effect.value, within=(-most, -least), unseen=(high, low))
