"""Defines the rubric: the meaning of each rating from 1 to 5, the same for every reviewer."""

from __future__ import annotations

from dataclasses import dataclass

from fairtrial.domain.reviews.review import Dimension


@dataclass(frozen=True, slots=True)
class RubricRow:
    """One dimension: its question, and its anchors from 1 to 5."""

    dimension: Dimension
    question: str
    anchors: tuple[str, str, str, str, str]


RUBRIC: tuple[RubricRow, ...] = (
    RubricRow(
        "accuracy",
        "Is what the answer says true, and true to the question?",
        (
            "Wrong in what matters, or invented.",
            "Some of it is right, but an error would mislead anyone who acts on it.",
            "Mostly right, with a slip that a careful reader must correct.",
            "Right, except for a detail that changes nothing.",
            "Right in every point that can be checked.",
        ),
    ),
    RubricRow(
        "tone",
        "Does it speak to this person as we would want it to?",
        (
            "Rude, careless or alarming; it must not be sent.",
            "Cold, wordy or in the wrong register, so that the person would notice.",
            "Acceptable, but not quite our style.",
            "Friendly and clear, with one phrase to change.",
            "Just as our best colleague would have put it.",
        ),
    ),
    RubricRow(
        "usefulness",
        "Does it get the person what they need?",
        (
            "It does not help, or sends the person the wrong way.",
            "It touches on the need but leaves most of the work to the person.",
            "It helps in part; something needed is missing or hard to use.",
            "It does the job, with something small to add.",
            "It does the whole job and can be used as it stands.",
        ),
    ),
)
