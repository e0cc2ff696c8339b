"""Makes training rows of the pairs of a closed review, and gives the reason for each pair that is left out."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fairtrial.api.review_answers import ReviewedPair
from fairtrial.domain.promises import LOW_RATING
from fairtrial.domain.review import ARMS, Arm, Preference, other_arm
from fairtrial.privacy.masking import mask

TrainingForm = Literal["dpo", "kto", "sft"]


class LeftOut(Exception):
    """A pair gives no row; the message is the reason."""


@dataclass(frozen=True, slots=True)
class PairLeftOut:
    """A pair without a row, and why."""

    item_id: str
    case_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """The rows, the pair of each row, the pairs left out, and how many texts of each kind were masked."""

    rows: Sequence[dict[str, Any]]
    pairs: Sequence[ReviewedPair]
    left_out: Sequence[PairLeftOut]
    masked: Mapping[str, int]

    @property
    def reasons(self) -> dict[str, int]:
        """The number of pairs that were left out for each reason, the most frequent first."""
        return dict(Counter(out.reason for out in self.left_out).most_common())


def training_rows(pairs: Iterable[ReviewedPair], form: TrainingForm, *, min_votes: int = 1) -> TrainingRows:
    """The rows of all pairs on which the reviewers agree, with masked texts and without duplicates.

    ``min_votes``: how many votes other than "can't judge" a pair needs.
    """
    rows: dict[str, tuple[dict[str, Any], ReviewedPair]] = {}
    left_out: list[PairLeftOut] = []
    masked: Counter[str] = Counter()
    make = _MAKERS[form]
    for pair in pairs:
        try:
            made = [mask(row, masked) | {"provenance": _provenance(pair) | more} for row, more in make(pair, min_votes)]
        except LeftOut as reason:
            left_out.append(PairLeftOut(pair.item_id, pair.case_id, str(reason)))
            continue
        new = {text: (row, pair) for row in made if (text := _content(row)) not in rows}
        rows |= new
        if not new:
            left_out.append(PairLeftOut(pair.item_id, pair.case_id, "duplicate of an earlier pair"))
    return TrainingRows([row for row, _ in rows.values()], [pair for _, pair in rows.values()], left_out, dict(masked))


def preferred(pair: ReviewedPair, min_votes: int = 1) -> Arm:
    """The model that all reviewers prefer; raises `LeftOut`."""
    preference = _agreed(pair, min_votes)
    if preference not in ARMS:
        raise LeftOut({"tie": "tie", "both_bad": "both bad"}[preference])
    return "candidate" if preference == "candidate" else "baseline"


def _agreed(pair: ReviewedPair, min_votes: int) -> Preference:
    """The preference of all reviewers; raises `LeftOut`."""
    votes = pair.votes
    if not pair.has_texts:
        raise LeftOut("texts erased or no longer kept")
    if pair.equal_answers:
        raise LeftOut("the answers are the same")
    if not votes:
        raise LeftOut("skipped by all" if pair.skips else "not judged")
    if any(vote.flagged for vote in votes):
        raise LeftOut("flagged")
    preferences = [vote.preference for vote in votes if vote.preference != "cant_judge"]
    if not preferences:
        raise LeftOut("can't judge")
    if len(preferences) < min_votes:
        raise LeftOut("not enough votes")
    if len(set(preferences)) > 1:
        raise LeftOut("disagreement")
    return preferences[0]


_Made = Iterator[tuple[dict[str, Any], dict[str, Any]]]
"""Each row, and its own part of the provenance."""


def _dpo(pair: ReviewedPair, min_votes: int) -> _Made:
    chosen = preferred(pair, min_votes)
    rejected = other_arm(chosen)
    _require_different(pair)
    answers = {"chosen": _answer(pair.output(chosen)), "rejected": _answer(pair.output(rejected))}
    targets = {"chosen_by": pair.target(chosen), "rejected_by": pair.target(rejected)}
    runs = {"chosen_run": pair.run(chosen), "rejected_run": pair.run(rejected)}
    yield {"prompt": pair.asked, **answers}, targets | runs


def _kto(pair: ReviewedPair, min_votes: int) -> _Made:
    if _agreed(pair, min_votes) == "both_bad":
        labels: dict[Arm, bool] = dict.fromkeys(ARMS, False)
    else:
        chosen = preferred(pair, min_votes)
        _require_different(pair)
        labels = {chosen: True, other_arm(chosen): False}
    for arm, label in labels.items():
        row = {"prompt": pair.asked, "completion": _answer(pair.output(arm)), "label": label}
        yield row, _written_by(pair, arm)


def _sft(pair: ReviewedPair, min_votes: int) -> _Made:
    """A correction by a reviewer, or else the preferred answer if nobody gave it a low rating."""
    preference = _agreed(pair, min_votes)
    corrections = {
        (arm, text)
        for vote in pair.votes
        for arm in ARMS
        if (text := vote.edited(arm)) and preference in (arm, "tie", "both_bad")
    }
    if len(corrections) > 1:
        raise LeftOut("corrected in different ways")
    if corrections:
        [(arm, text)] = corrections
    else:
        arm = preferred(pair, min_votes)
        text = pair.output(arm)
        marks = (mark for vote in pair.votes for mark in vote.ratings.get(arm, {}).values())
        if any(mark <= LOW_RATING for mark in marks):
            raise LeftOut(f"preferred, but rated {LOW_RATING} or less")
    yield {"messages": [*pair.asked, *_answer(text)]}, _written_by(pair, arm) | {"corrected": bool(corrections)}


_MAKERS: Mapping[TrainingForm, Callable[[ReviewedPair, int], _Made]] = {"dpo": _dpo, "kto": _kto, "sft": _sft}


def _require_different(pair: ReviewedPair) -> None:
    if pair.candidate_output == pair.baseline_output:
        raise LeftOut("the answers are the same")


def _answer(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def _written_by(pair: ReviewedPair, arm: Arm) -> dict[str, Any]:
    return {"variant": pair.target(arm), "run": pair.run(arm)}


def _provenance(pair: ReviewedPair) -> dict[str, Any]:
    """Where a pair comes from, and who judged it: reviewers as hashes, and the share of votes that agree."""
    votes = pair.votes
    decided = sum(vote.preference != "cant_judge" for vote in votes)
    return {
        "queue_id": pair.queue_id,
        "suite": pair.suite,
        "case_id": pair.case_id,
        "item_id": pair.item_id,
        "probability": pair.probability,
        "unit": pair.unit,
        "votes": len(votes),
        "agreement": decided / len(votes),
        "reviewers": sorted({vote.reviewer for vote in votes}),
    }


def _content(row: Mapping[str, Any]) -> str:
    return json.dumps({name: value for name, value in row.items() if name != "provenance"}, sort_keys=True)
