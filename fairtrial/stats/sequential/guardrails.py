"""A guardrail asks two one-sided questions at every look: is it worse than may be, and is it surely not worse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from typing import Literal

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.always_valid import at_least, at_most, evidence_above
from fairtrial.stats.e_values import EValue
from fairtrial.stats.effects import Effect
from fairtrial.stats.sequential.conversions import conversion_harm, lift_at_least, lift_at_most

__all__ = ["GuardrailFinding", "Limits", "guardrail", "rare_guardrail", "relative_guardrail"]

MIN_EVENTS = 5
"""Events of treatment before it can be stopped for them."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What was promised before the start: ``margin`` > 0 is how much worse still counts as not worse.

    ``stop_margin``: how much worse it must surely be to stop for harm; by default the margin, and 0 for errors and
    safety. Both are absolute, on the metric's scale, or relative (0.2 for 20 %), as the function says. ``bad``: the
    direction that does harm. ``alpha``: the chance to stop wrongly for any of all the ``guardrails`` together
    (Bonferroni; count them once for each variant), and the chance to call this one not worse wrongly (no correction:
    all must hold to ship).

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
            raise ValueError(f"{self} promises nothing: a margin is above 0, alpha between 0 and 0.5")
        if self.bad not in ("up", "down"):
            raise ValueError(f"harm is up or down, not {self.bad!r}")

    @property
    def stop(self) -> float:
        """The margin that stops."""
        return self.margin if self.stop_margin is None else self.stop_margin

    @property
    def alpha_harm(self) -> float:
        """Alpha for harm on this one guardrail."""
        return self.alpha / self.guardrails


@dataclass(frozen=True, slots=True)
class GuardrailFinding:
    """Both answers of one guardrail at one look, each safe to look at as often as one likes.

    ``harm``, ``safe``: the one-sided intervals that they are read from; ``harmed``: surely worse than the margin that
    stops; ``not_worse``: surely not worse than the margin; ``evidence``: of harm, to be latched.

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
        """Harm goes first where both hold: errors that are surely more than 0, and surely fewer than the margin."""
        if self.harmed:
            return "harm"
        return "safe" if self.not_worse else "cannot tell"


def guardrail(effect: Effect | NotEnough, limits: Limits, *, tau: float | None = None) -> GuardrailFinding:
    """The two answers for an effect, treatment − control, with margins on its own scale.

    ``tau`` as in `always_valid`; by default the margin. With not enough, both intervals say so and nothing is
    answered.

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

    ``difference``: that effect for a given scale of control, such as ``lambda scale: mean_difference(control,
    treatment, within=(0, amount), scale=scale)``. ``tau``: on the metric's scale, fixed before the start: the margin
    times the level of control as history knows it. The intervals are of those differences: harm is above 0, safe below.

    Source: as `guardrail`; Fieller (1954), JRSS-B 16:175-185, for testing a ratio by a difference.

    >>> from fairtrial.stats.arms.means import mean_difference
    >>> from fairtrial.stats.sums import Moments
    >>> control, treatment = Moments(400, 40_000.0, 4_160_000.0), Moments(400, 50_000.0, 6_410_000.0)
    >>> dearer = lambda scale: mean_difference(control, treatment, within=(0, 200), scale=scale)
    >>> relative_guardrail(dearer, Limits(margin=0.1), tau=10.0).answer
    'harm'
    """
    sign = 1.0 if limits.bad == "up" else -1.0
    stop, keep = (difference(1 + sign * margin) for margin in (limits.stop, limits.margin))
    return _judged((stop, 0.0), (keep, 0.0), limits, tau=tau)


def rare_guardrail(
    control: int, treatment: int, limits: Limits, *, share: float = 0.5, lift: float = 1.0
) -> GuardrailFinding:
    """The two answers for events that are bad and rare, by their exact e-process, with margins relative to control.

    ``control``, ``treatment``: units with the event, each once; ``share``: of the units that get treatment;
    ``lift``: the harm that it is tuned to find, 1 for twice as many. Nobody is stopped below five events of treatment.
    Without an event of control there is no lift to show, but there may be evidence of harm.

    "Not worse" is about units with the event. Where a unit sends many requests it says little about requests:
    `error_guardrail` declares that safe.

    Source: Lindon & Malek (2022), arXiv:2011.03567, one-sided as `conversion_harm`.

    >>> rare_guardrail(2, 19, Limits(margin=0.2, stop_margin=0.0)).answer
    'harm'
    """
    if limits.bad == "down":
        raise ValueError("rare events are counted where more of them do harm")
    margin, few = limits.margin, _few(control, treatment)
    evidence = few or conversion_harm(control, treatment, lift=lift, share=share, margin=limits.stop)
    same = conversion_harm(treatment, control, lift=margin, share=1 - share, margin=1 / (1 + margin) - 1)
    return GuardrailFinding(
        harm=few or lift_at_least(control, treatment, lift=lift, share=share, alpha=limits.alpha_harm),
        safe=lift_at_most(control, treatment, lift=margin, share=share, alpha=limits.alpha),
        harmed=isinstance(evidence, EValue) and evidence.rejects(limits.alpha_harm),
        not_worse=isinstance(same, EValue) and same.rejects(limits.alpha),
        evidence=evidence,
    )


def _judged(
    stop: tuple[Effect | NotEnough, float], keep: tuple[Effect | NotEnough, float], limits: Limits, *, tau: float
) -> GuardrailFinding:
    """Both questions to effects with the limit that each is held against, in the direction that does harm."""
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


def _few(control: int, treatment: int) -> NotEnough | None:
    if treatment >= MIN_EVENTS:
        return None
    reason = f"{treatment} events of treatment are too few to stop for"
    return NotEnough(reason, f"{MIN_EVENTS - treatment} more, if it does harm", control + treatment)
