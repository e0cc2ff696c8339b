"""How far the people who judged the same pairs agree on what they judged, and what may not rest on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from evaluators.gate_lines import GateLine, Versus
from evaluators.review_fit import PREFERENCE
from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.review import ARMS, DIMENSIONS, Preference
from fairtrial.domain.review_evidence import ReviewedQueue, Vote
from fairtrial.domain.verdict import Finding
from fairtrial.stats.agreement_quality import NOT_MEASURED, Quality, agreement_quality
from fairtrial.stats.alpha import alpha
from fairtrial.stats.chance_agreement import gwet_ac
from fairtrial.stats.rating_table import RatingTable, Value

MARKS = (1, 2, 3, 4, 5)
SAID: dict[Preference, str] = {"candidate": "candidate", "baseline": "baseline", "tie": "even", "both_bad": "even"}
"""What a vote is as a preference: both bad prefers neither, as in the win rate, and can't judge says nothing."""

QUALITIES: dict[Quality, str] = {
    "good": "good",
    "tentative": "enough for tentative conclusions",
    "low": "low",
    "not measured": "so low that it is not measured",
    "unknown": "not known",
}


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement on one metric over the pairs that two people or more have judged.

    ``alpha``: Krippendorff's, nominal for preferences, ordinal for marks; ``gwet``: AC1 or AC2, which stays high where
    nearly all say the same; ``people``: who judged a pair that another judged too.
    """

    alpha: Estimate | NotEnough
    gwet: Estimate | NotEnough
    quality: Quality
    pairs: int
    people: int


def agreement_of(queues: Sequence[ReviewedQueue], metric: str) -> Agreement:
    """How far people agree on ``review.preference``, or on a dimension's marks of both answers.

    Cases of one cluster are resampled together, and so are the two answers of a pair.
    """
    rows = list(_rows(queues, metric))
    table = RatingTable.of(*zip(*[row[:4] for row in rows], strict=True)) if rows else RatingTable.of([], [], [])
    judged: dict[str, set[str]] = {}
    for _, person, _, _, pair in rows:
        judged.setdefault(pair, set()).add(person)
    twice = [people for people in judged.values() if len(people) > 1]
    if metric == PREFERENCE:
        found, gwet = alpha(table), gwet_ac(table, scale=sorted(set(SAID.values())))
    else:
        found, gwet = alpha(table, metric="ordinal"), gwet_ac(table, scale=MARKS, weights="ordinal")
    people = len(set().union(*twice))
    return Agreement(found, gwet, agreement_quality(found), len(twice), people)


def agreement_says(found: Agreement, people: int) -> str:
    """``; 2 people agree over 24 shared pairs: alpha 0.71 (0.52 to 0.83), AC2 0.93: enough for …``; "" for one."""
    if people < 2:
        return ""
    if not found.pairs:
        return "; no pair was judged by two, so how far they agree is not known"
    pairs = "1 shared pair" if found.pairs == 1 else f"{found.pairs} shared pairs"
    gwet = ""
    if isinstance(found.gwet, Estimate):
        gwet = f", {'AC1' if 'AC1' in found.gwet.method else 'AC2'} {found.gwet.value:.2f}"
    if isinstance(found.alpha, NotEnough):
        return f"; how far they agree can't be told from {pairs}{gwet and ' (' + gwet[2:] + ')'}"
    interval = f"{found.alpha.value:.2f} ({found.alpha.low:.2f} to {found.alpha.high:.2f})"
    return f"; agreement over {pairs}: alpha {interval}{gwet}, {QUALITIES[found.quality]}"


def measured(line: GateLine, found: Finding, agreement: Agreement) -> Finding:
    """A pass on what people do not agree on can't be told; a failure stands.

    A dimension is not measured as `agreement_quality` says. Of a preference two experts may well think differently,
    and chance makes no model better: only that it is "not worse" may be guessed, and only where the whole interval of
    alpha lies below the limit.
    """
    if found.result != "pass" or agreement.quality != "not measured":
        return found
    if line.metric == PREFERENCE:
        better = isinstance(line.test, Versus) and line.test.question == "better"
        if better or not isinstance(agreement.alpha, Estimate) or agreement.alpha.high >= NOT_MEASURED:
            return found
    says = f"{found.says}; nothing passes on what is not measured"
    needed = "people who agree: settle over a few pairs what each mark means, then fill a new review"
    return replace(found, result="cannot tell", says=says, needed=needed)


def _rows(queues: Sequence[ReviewedQueue], metric: str) -> Iterator[tuple[str, str, Value, str, str]]:
    """What was judged, by whom, what they gave, what it is resampled with, and the pair; a person's last word on it."""
    last: dict[tuple[str, str], tuple[str, Vote]] = {}
    for queue in queues:
        for vote in queue.votes:
            last[f"{queue.queue_id}:{vote.item_id}", vote.reviewer] = f"{queue.suite}:{vote.cluster}", vote
    for (pair, person), (group, vote) in last.items():
        for part, value in _given(vote, metric):
            yield f"{pair}:{part}", person, value, group, pair


def _given(vote: Vote, metric: str) -> Iterator[tuple[str, Value]]:
    if metric == PREFERENCE:
        if vote.preference in SAID:
            yield PREFERENCE, SAID[vote.preference]
        return
    dimension = next(one for one in DIMENSIONS if metric == f"review.{one}")
    for arm in ARMS:
        mark = vote.ratings.get(arm, {}).get(dimension)
        if mark is not None:
            yield arm, mark
