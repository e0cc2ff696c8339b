"""Defines the losses of a fine-tune, and finds where its validation loss rose, which is where overfitting began."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, median
from typing import Literal

from fairtrial.domain.errors import UsageError
from fairtrial.domain.wording import counted


class UnreadableLog(UsageError):
    """A file that is not a training log: where, what is wrong, and what is known."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One recorded loss; ``step`` counts updates of the weights, ``epoch`` is ``None`` if the log does not tell it."""

    step: float
    loss: float
    epoch: float | None = None

    @property
    def place(self) -> str:
        """Where it was recorded, such as ``epoch 12`` or, without epochs, ``step 240``."""
        return f"step {self.step:g}" if self.epoch is None else f"epoch {round(self.epoch, 2):g}"


@dataclass(frozen=True, slots=True)
class TrainingLog:
    """One log. ``notes`` say what the file has and this log leaves out."""

    path: str
    format: str
    train: tuple[Evaluation, ...]
    validation: tuple[Evaluation, ...]
    notes: tuple[str, ...] = ()


Course = Literal["turned", "still falling", "levelled off", "too short", "not recorded"]

FEW = 10
"""Below this number of evaluations, the rise has to be `RISE_OF_FEW`, because their noise cannot be estimated well."""
RISE = 0.05
RISE_OF_FEW = 0.10
"""How far the loss has to rise above its minimum, as a share of it: Prechelt's generalization loss (1998), "Early
Stopping - But When?", which he recommends to stop at 5 %."""
NOISE_MULTIPLE = 3.0
"""How many standard deviations of the noise the rise has to exceed."""
MIN_LATER = 2
ENOUGH_LATER = 4
"""With fewer later evaluations, earlier ones are used for the noise too, which overstates it."""
MIN_EVALUATIONS = 3
WIDEST = 25


@dataclass(frozen=True, slots=True)
class TurningPoint:
    """How the validation loss went.

    ``at`` is the evaluation with the lowest smoothed loss. ``rise`` is how far the median of the later losses lies
    above it, as a share of it; ``None`` without later ones. ``noise`` is the standard deviation of one evaluation, on
    the same scale; ``None`` if it is unknown.
    """

    course: Course
    evaluations: int
    at: Evaluation | None = None
    rise: float | None = None
    noise: float | None = None

    @property
    def in_words(self) -> str:
        """One sentence."""
        if self.course == "not recorded":
            return "No validation loss is recorded, so the log cannot show overfitting."
        if self.at is None:
            return f"Only {counted(self.evaluations, 'evaluation')} recorded: too few to see a turn (3 or more)."
        if self.course == "turned":
            rise = f"it later lies {100 * (self.rise or 0):.0f} % higher"
            return f"Validation loss turned at {self.at.place}: {rise}, which is overfitting."
        if self.course == "still falling":
            return f"Validation loss is still falling at the end ({self.at.place})."
        lowest, higher = f"Validation loss is lowest at {self.at.place}.", 100 * (self.rise or 0)
        if higher >= 100 * RISE_OF_FEW and (self.noise is None or higher < 100 * NOISE_MULTIPLE * self.noise):
            return f"{lowest} It later lies {higher:.0f} % higher, but too few evaluations tell this from noise."
        return f"{lowest} It does not rise clearly afterwards ({higher:+.0f} %)."


def turning_point(log: TrainingLog) -> TurningPoint:
    """Where the validation loss turned.

    The minimum is that of a centred moving average, which is one evaluation wide below eight evaluations. The loss has
    turned if three things hold. At least two evaluations follow the minimum. Their median is 5 % above it, or 10 % for
    fewer than ten evaluations. And the rise is at least three times the noise of one evaluation. The noise is estimated
    from second differences after the minimum, which a straight trend does not affect (von Neumann 1941).
    """
    evaluations = log.validation
    if len(evaluations) < MIN_EVALUATIONS:
        return TurningPoint("too short" if evaluations else "not recorded", len(evaluations))
    losses = [evaluation.loss for evaluation in evaluations]
    smoothed = _smoothed(losses)
    lowest = min(range(len(smoothed)), key=smoothed.__getitem__)
    floor, later = smoothed[lowest], losses[lowest + 1 :]
    if not later:
        return TurningPoint("still falling", len(evaluations), evaluations[lowest])
    rise, noise = median(later) - floor, _noise(losses, len(later))
    size = max(abs(floor), 1e-12)
    turned = (
        len(later) >= MIN_LATER
        and noise is not None
        and rise >= max((RISE_OF_FEW if len(evaluations) < FEW else RISE) * size, NOISE_MULTIPLE * noise)
        and losses[-1] > floor + RISE / 2 * size
    )
    noise_share = None if noise is None else noise / size
    return TurningPoint(
        "turned" if turned else "levelled off", len(evaluations), evaluations[lowest], rise / size, noise_share
    )


def _smoothed(losses: Sequence[float]) -> list[float]:
    half = min(len(losses) // 8, WIDEST // 2)
    return [fmean(losses[max(0, at - half) : at + half + 1]) for at in range(len(losses))]


def _noise(losses: Sequence[float], later: int) -> float | None:
    """The standard deviation of one evaluation, from the later ones and, if these are few, the last ones before."""
    tail = losses[-(later if later >= ENOUGH_LATER else later + ENOUGH_LATER - 1) :]
    second = [tail[at] - 2 * tail[at + 1] + tail[at + 2] for at in range(len(tail) - 2)]
    return sqrt(fmean(one * one for one in second) / 6) if second else None
