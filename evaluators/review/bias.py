"""Estimates position and length bias in preferences, over all votes and for each reviewer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fairtrial.stats.review.preference_model import Judgements, PreferenceModel, preference_model


@dataclass(frozen=True, slots=True)
class ReviewerBias:
    """A reviewer with a position bias, by the alarm of `PreferenceModel`; ``model`` has only their votes."""

    reviewer: str
    name: str
    model: PreferenceModel


@dataclass(frozen=True, slots=True)
class PositionAndLengthBias:
    """The raw and the adjusted win rates, and the biased reviewers; ``model`` is ``None`` if the sides are unknown."""

    model: PreferenceModel | None
    leanings: tuple[ReviewerBias, ...]


def estimate_bias(
    everybody: Judgements | None,
    each: Iterable[tuple[str, Judgements | None]],
    names: Mapping[str, str],
    *,
    level: float,
) -> PositionAndLengthBias:
    """Fit the model to all votes, and to each person's votes."""
    found = [(one, preference_model(votes, level=level)) for one, votes in each if votes is not None]
    return PositionAndLengthBias(
        None if everybody is None else preference_model(everybody, level=level),
        tuple(ReviewerBias(one, names[one], model) for one, model in found if model.position_biased),
    )
