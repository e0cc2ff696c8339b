"""Declares the result of an experiment for people: an answer, sentences, and the next step with its changes."""

from typing import Literal

from fairtrial.api.operation import Answer
from fairtrial.domain.settings import PersonsAction

Tone = Literal["success", "info", "warning", "error"]
Label = Literal[
    "State", "Error", "Split", "Guardrails", "Result", "Sources", "Missing feedback", "Over time", "Accepted",
    "Kept away", "Lost records", "Models", "Shadow", "Stage", "Next",
]  # fmt: skip


class StepPart(Answer, frozen=True):
    """A part of a next step in words, and the change of the experiment that does it."""

    words: str
    action: PersonsAction | None = None


class NextStep(Answer, frozen=True):
    """What happens next. ``needed``: whether it waits for a person."""

    parts: tuple[StepPart, ...] = ()
    needed: bool = False

    @property
    def actions(self) -> tuple[PersonsAction, ...]:
        """The changes that it names, the recommended one first."""
        return tuple(part.action for part in self.parts if part.action is not None)

    @property
    def text(self) -> str:
        """The step without commands, for a page that draws buttons."""
        words = "".join(part.words for part in self.parts)
        return words if words.endswith(".") else f"{words}."

    def sentence(self, experiment: str) -> str:
        """The step with the command of each change."""
        command = f": fairtrial experiment {{}} {experiment} --why …"
        return "".join(part.words + (command.format(part.action) if part.action else "") for part in self.parts)


class Box(Answer, frozen=True):
    """The result for people. ``lines`` are labelled sentences, and ``notes`` the conditions and caveats.

    ``next``: the line of that label as a value. ``doubts``: what looks harmful although nothing is proven.
    """

    headline: str
    tone: Tone
    lines: tuple[tuple[Label, str], ...]
    notes: tuple[str, ...] = ()
    next: NextStep = NextStep()
    doubts: str = ""
