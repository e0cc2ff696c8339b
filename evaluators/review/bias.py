"""What a preference owes to the side and the length of the answers, and which reviewers lean to a side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fairtrial.stats.review.preference_model import Judgements, PreferenceModel, preference_model


@dataclass(frozen=True, slots=True)
class Leaning:
    """One person whose votes the side pulls, by the alarm of `PreferenceModel`; ``model``: their votes alone."""

    reviewer: str
    name: str
    model: PreferenceModel


@dataclass(frozen=True, slots=True)
class ReviewPull:
    """The raw win rate beside the adjusted ones, and who leans; ``model`` is ``None`` if sides are not known."""

    model: PreferenceModel | None
    leanings: tuple[Leaning, ...]


def pull_of(
    everybody: Judgements | None,
    each: Iterable[tuple[str, Judgements | None]],
    names: Mapping[str, str],
    *,
    level: float,
) -> ReviewPull:
    """The votes of all, and of each person by themselves."""
    found = [(one, preference_model(votes, level=level)) for one, votes in each if votes is not None]
    return ReviewPull(
        None if everybody is None else preference_model(everybody, level=level),
        tuple(Leaning(one, names[one], model) for one, model in found if model.position_biased),
    )
