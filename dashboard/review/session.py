"""A reviewer's desk on the server: the steps that the page sends, done once each and in their order."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any
from urllib.parse import quote

from dashboard.client import Control, ControlUnreachable, Refused

IDLE_SECONDS = 180.0
"""A longer pause is not counted as work on a pair."""
PACE_OF = 20
SHOWN = ("item_id", "prompt", "reference", "answers", "draft", "masked")
"""All that the browser gets of an item, whatever else an answer may come to hold."""

Step = Mapping[str, Any]
SIGN_IN = "Your sign-in has ended. What you wrote is kept in this tab: sign in again, then come back to this page."
AWAY = "Not saved yet: the control plane does not answer. Nothing is lost; this page tries again by itself."


@dataclass(slots=True)
class Desk:
    """One reviewer at one queue in one browser session; changed only by `work`, which calls control and nothing else.

    ``done``: the last step that was done; ``turn`` changes whenever another pair, or the same one anew, is to be drawn.
    """

    queue_id: str
    title: str
    rubric: Sequence[Mapping[str, Any]]
    clock: Callable[[], float] = time.monotonic
    done: int = 0
    turn: int = 0
    item: Mapping[str, Any] | None = None
    progress: Mapping[str, int] = field(default_factory=lambda: {"done": 0, "total": 0, "mine_done": 0})
    waiting: int = 0
    skipped: int = 0
    ended: str | None = None
    problem: dict[str, Any] | None = None
    pace: list[float] = field(default_factory=list)
    since: float = 0.0

    def take_next(self, control: Control) -> None:
        """Ask for the next pair; a queue that was closed meanwhile ends the session kindly."""
        try:
            self._show(control.send("POST", f"/api/reviews/queues/{quote(self.queue_id, safe='')}/next"))
        except Refused as error:
            if error.status != 409:
                raise
            self.ended = "This queue was closed. Every vote that you submitted counts; thank you."
            self._show({"item": None, "progress": self.progress, "waiting": 0})

    def work(self, control: Control, steps: Sequence[Step]) -> None:
        """Do the steps that are new; on a failure that may pass, the rest stays for the next try."""
        for step in without_old_drafts([step for step in steps if step["n"] > self.done]):
            try:
                self._do(control, step)
            except ControlUnreachable:
                self._tell("away", AWAY)
                return
            except Refused as error:
                if not self._met(control, step, error):
                    return
            self.done = step["n"]

    def shown(self) -> dict[str, Any]:
        """What the browser gets: nothing in it tells the two models apart."""
        item = {name: self.item.get(name) for name in SHOWN} if self.item is not None else None
        return {
            "title": self.title,
            "rubric": list(self.rubric),
            "done": self.done,
            "turn": self.turn,
            "item": item,
            "progress": dict(self.progress),
            "minutes_left": self._minutes_left(),
            "waiting": self.waiting,
            "skipped": self.skipped,
            "ended": self.ended,
            "problem": self.problem,
        }

    def _do(self, control: Control, step: Step) -> None:
        kind, path = step["kind"], f"/api/reviews/items/{quote(str(step.get('item_id')), safe='')}"
        if kind == "draft":
            control.send("PUT", f"{path}/draft", step["draft"])
            if self.item is not None and self.item["item_id"] == step.get("item_id"):
                self.item = {**self.item, "draft": step["draft"]}  # for a page that is drawn anew in this session
        elif kind in ("submit", "skip"):
            control.send("POST", f"{path}/{kind}", step["draft"] if kind == "submit" else {})
            self.skipped += kind == "skip"
            self._keep_pace()
            self.done = step["n"]  # done for good, even if what is next can't be had now
            self.take_next(control)
        elif kind == "undo":
            self._show(control.send("POST", f"/api/reviews/queues/{quote(self.queue_id, safe='')}/undo"))
        elif kind == "next":
            self.take_next(control)

    def _met(self, control: Control, step: Step, error: Refused) -> bool:
        """Say what was refused; whether the step is over."""
        if error.status in (401, 403):
            self._tell("denied", SIGN_IN if error.status == 401 else f"Not saved: {error}")
            return False
        if error.status >= 500:
            self._tell("away", f"Not saved yet: {error}. This page tries again by itself.")
            return False
        lost = error.status in (404, 409) and step["kind"] != "undo"
        self._tell("lost" if lost else "refused", str(error))
        if lost:
            self.take_next(control)
        return True

    def _tell(self, kind: str, words: str) -> None:
        number = self.problem["id"] + 1 if self.problem else 1
        self.problem = {"id": number, "kind": kind, "words": words[:1].upper() + words[1:]}

    def _show(self, found: Mapping[str, Any]) -> None:
        self.item, self.progress, self.waiting = found["item"], found["progress"], found["waiting"]
        self.turn += 1
        self.since = self.clock()

    def _keep_pace(self) -> None:
        self.pace = [*self.pace, min(self.clock() - self.since, IDLE_SECONDS)][-PACE_OF:]

    def _minutes_left(self) -> float | None:
        left = self.progress["total"] - self.progress["done"]
        return median(self.pace) * left / 60 if self.pace and left > 0 and self.item is not None else None


def without_old_drafts(steps: Sequence[Step]) -> list[Step]:
    """The steps without each draft that a later step of the same pair says again and more."""
    following = [*steps, None][1:]
    return [
        step
        for step, after in zip(steps, following, strict=True)
        if not (
            step["kind"] == "draft"
            and after is not None
            and after["kind"] in ("draft", "submit")
            and after.get("item_id") == step.get("item_id")
        )
    ]
