"""Declares the operations of blind review, for reviewers and for release managers."""

from typing import Annotated

from msgspec import Meta, Struct

from fairtrial.api.operation import Nothing, Operation, Request, Text
from fairtrial.api.review_answers import (
    ComparedByReview,
    ExportedVote,
    JudgedPair,
    OfferedQueue,
    QueueDetails,
    QueueRow,
    ReviewedPair,
    SavedDraft,
)
from fairtrial.domain.review import Next, Outcome, ReviewedQueue, RubricRow

LONGEST_COMMENT = 10_000
LONGEST_EDIT = 200_000
LARGEST_QUEUE = 5000
DEFAULT_SIZE = 40
"""Pairs of a queue."""
Mark = Annotated[int, Meta(ge=1, le=5)]
Edit = Annotated[str, Meta(max_length=LONGEST_EDIT)]
Comment = Annotated[str, Meta(max_length=LONGEST_COMMENT)]


class CreateQueue(Request, frozen=True, kw_only=True):
    """The requested queue: from the newest runs of two targets on a suite, from two runs by id, or from a shadow.

    ``shadow``: the route whose shadow has the pairs.
    """

    suite: str | None = None
    candidate: str | None = None
    baseline: str | None = None
    candidate_run: str | None = None
    baseline_run: str | None = None
    shadow: str | None = None
    size: Annotated[int, Meta(ge=1, le=LARGEST_QUEUE)] = DEFAULT_SIZE
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None
    title: Text | None = None
    overlap: (
        Annotated[
            float,
            Meta(
                ge=0,
                le=1,
                description="the share that two people judge; default: a fifth, but at least 12 pairs or half of the "
                "queue",
            ),
        ]
        | None
    ) = None


class NameQueue(Request, frozen=True, kw_only=True):
    """A queue."""

    queue_id: str


class TwoTargets(Request, frozen=True, kw_only=True):
    """The two targets that were compared."""

    candidate: str
    baseline: str


class Marks(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The ratings of one answer; null means not applicable."""

    accuracy: Mark | None = None
    tone: Mark | None = None
    usefulness: Mark | None = None


class Ratings(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The ratings of both answers."""

    left: Marks = Marks()
    right: Marks = Marks()


class Edits(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Either answer as edited by the reviewer; null means not edited."""

    left: Edit | None = None
    right: Edit | None = None


# A `Draft` has every side and dimension. Here one may leave them out, and unknown ones are refused.
class DraftOf(Request, frozen=True, kw_only=True):
    """A pair, and a draft or vote on it."""

    item_id: str
    outcome: Outcome | None = None
    ratings: Ratings = Ratings()
    comment: Comment = ""
    edited: Edits = Edits()
    flagged: bool = False


class Skip(Request, frozen=True, kw_only=True):
    """A pair, and why it is skipped."""

    item_id: str
    reason: Comment = ""


queues = Operation(
    name="reviews.queues",
    method="GET",
    path="/reviews/queues",
    role="reviewer",
    request=Nothing,
    response=list[OfferedQueue],
    kind="table",
    description="The queues with titles and counts, without targets, models or runs.",
)
rubric = Operation(
    name="reviews.rubric",
    method="GET",
    path="/reviews/rubric",
    role="reviewer",
    request=Nothing,
    response=tuple[RubricRow, ...],
    kind="table",
    description="The dimensions, each with its question and one sentence per rating from 1 to 5.",
)
next_item = Operation(
    name="reviews.next_item",
    method="POST",
    path="/reviews/queues/{queue_id}/next",
    role="reviewer",
    person=True,
    request=NameQueue,
    response=Next,
    description="Claim the next pair for ten minutes. A pair that is already claimed is returned again with its draft.",
)
undo = Operation(
    name="reviews.undo",
    method="POST",
    path="/reviews/queues/{queue_id}/undo",
    role="reviewer",
    person=True,
    request=NameQueue,
    response=Next,
    description="Undo the latest vote. Its pair is claimed again, with the vote as its draft.",
)
draft = Operation(
    name="reviews.draft",
    method="PUT",
    path="/reviews/items/{item_id}/draft",
    role="reviewer",
    person=True,
    request=DraftOf,
    response=SavedDraft,
    description="Save a draft and extend the claim by ten minutes; 409 if another reviewer has claimed the pair.",
)
submit = Operation(
    name="reviews.submit",
    method="POST",
    path="/reviews/items/{item_id}/submit",
    role="reviewer",
    person=True,
    request=DraftOf,
    response=JudgedPair,
    description="Submit a vote; 400 says what is missing, 409 means that another reviewer has claimed the pair.",
)
skip = Operation(
    name="reviews.skip",
    method="POST",
    path="/reviews/items/{item_id}/skip",
    role="reviewer",
    person=True,
    request=Skip,
    response=JudgedPair,
    description="Skip the pair. It stays available to others and is not shown to this reviewer again.",
)
create = Operation(
    name="reviews.create",
    method="POST",
    path="/reviews/queues",
    role="release-manager",
    request=CreateQueue,
    response=QueueDetails,
    status=201,
    description="Create a queue with pairs of answers to one suite or to a route's requests; 400 says what to run "
    "first. Drawn pairs with equal answers count as ties, and nobody judges them.",
)
one = Operation(
    name="reviews.one",
    method="GET",
    path="/reviews/queues/{queue_id}",
    role="release-manager",
    request=NameQueue,
    response=QueueDetails,
    description="One queue with all details. Preferences are included once it is closed.",
)
close = Operation(
    name="reviews.close",
    method="POST",
    path="/reviews/queues/{queue_id}/close",
    role="release-manager",
    request=NameQueue,
    response=QueueDetails,
    description="Close a queue permanently.",
)
export = Operation(
    name="reviews.export",
    method="GET",
    path="/reviews/queues/{queue_id}/export",
    role="release-manager",
    request=NameQueue,
    response=list[ExportedVote],
    kind="table",
    description="One row per vote of a closed queue, with the models named and reviewers hashed; 409 while it is open. "
    "A pair with equal answers has one row, a tie without a reviewer.",
)
pairs = Operation(
    name="reviews.pairs",
    method="GET",
    path="/reviews/queues/{queue_id}/pairs",
    role="release-manager",
    request=NameQueue,
    response=list[ReviewedPair],
    kind="table",
    description="One row per pair of a closed queue with its votes, for training rows; 409 while it is open. `unit` is "
    "hashed, and known only for cases from recorded traffic.",
)
status = Operation(
    name="reviews.status",
    method="GET",
    path="/reviews/status",
    role="release-manager",
    request=Nothing,
    response=list[QueueRow],
    kind="table",
    description="Every queue with its two targets and its progress, newest first.",
)
votes = Operation(
    name="reviews.votes",
    method="GET",
    path="/reviews/votes",
    role="release-manager",
    request=TwoTargets,
    response=tuple[ReviewedQueue, ...],
    kind="table",
    description="The queues of two targets with their votes as numbers, for a gate. Votes of unfinished queues are "
    "left out.",
)
evidence = Operation(
    name="reviews.evidence",
    method="GET",
    path="/reviews/evidence",
    role="release-manager",
    request=TwoTargets,
    response=ComparedByReview,
    description="The evidence that a gate uses for two targets: queues, votes and figures; null if there is none.",
)
