"""Schemas of the request bodies that reviewers send."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from fairtrial.domain.reviews.review import DIMENSIONS, SIDES, Draft, Outcome

LONGEST_COMMENT = 10_000
LONGEST_EDIT = 200_000

Mark = Annotated[int | None, Field(ge=1, le=5)]
Edit = Annotated[str | None, Field(max_length=LONGEST_EDIT)]


class MarksBody(BaseModel):
    """The ratings of one answer; null means not applicable."""

    model_config = ConfigDict(extra="forbid", strict=True)

    accuracy: Mark = None
    tone: Mark = None
    usefulness: Mark = None


class RatingsBody(BaseModel):
    """The ratings of both answers."""

    model_config = ConfigDict(extra="forbid", strict=True)

    left: MarksBody = MarksBody()
    right: MarksBody = MarksBody()


class EditsBody(BaseModel):
    """Either answer as edited by the reviewer; null means not edited."""

    model_config = ConfigDict(extra="forbid", strict=True)

    left: Edit = None
    right: Edit = None


class DraftBody(BaseModel):
    """A reviewer's draft or vote."""

    model_config = ConfigDict(extra="forbid", strict=True)

    outcome: Outcome | None = None
    ratings: RatingsBody = RatingsBody()
    comment: str = Field(default="", max_length=LONGEST_COMMENT)
    edited: EditsBody = EditsBody()
    flagged: bool = False

    @property
    def draft(self) -> Draft:
        return Draft(
            outcome=self.outcome,
            ratings={side: {row: getattr(getattr(self.ratings, side), row) for row in DIMENSIONS} for side in SIDES},
            comment=self.comment,
            edited={side: getattr(self.edited, side) for side in SIDES},
            flagged=self.flagged,
        )


class SkipBody(BaseModel):
    """Why an item is skipped."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: str = Field(default="", max_length=LONGEST_COMMENT)
