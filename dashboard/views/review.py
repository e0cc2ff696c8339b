"""Draws the blind review page: lists the queues, then mounts the review app, which shows one pair at a time."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from statistics import median
from typing import Any, Literal

import streamlit as st
from msgspec import Struct, ValidationError, convert, to_builtins

from dashboard.client import Control, ControlUnreachable, Refused
from dashboard.components.formatting import plain
from dashboard.components.tables import suggest_command
from dashboard.view import View
from fairtrial.api import reviews
from fairtrial.api.operation import Nothing
from fairtrial.api.review_answers import OfferedQueue
from fairtrial.domain.review import Draft, Next, Progress, RubricRow, ShownItem
from fairtrial.domain.wording import drawn_pairs

IDLE_SECONDS = 180.0
"""A pause counts as at most this much work on a pair."""
PACE_WINDOW = 20
PUBLIC_FIELDS = ("item_id", "prompt", "reference", "answers", "draft", "masked")
"""The only fields of an item that the browser receives, whatever else the API returns."""

SIGN_IN = "Your session has expired. Your work is kept in this tab: sign in again, then return to this page."
AWAY = "Not saved yet: the control plane does not respond. Nothing is lost, and this page retries automatically."
SCRIPTS = ("model", "step_queue", "diff", "elements", "pair", "panel", "shortcut_help", "page", "keys", "app")
"""The scripts in load order. They are concatenated into one module."""
KEY = "review"
SESSION = "review_session"


class Step(Struct, frozen=True):
    """One action of the reviewer: ``n`` is its number, ``kind`` its verb; `review_app/step_queue.js` makes it."""

    n: int
    kind: str
    item_id: str | None = None
    draft: dict[str, Any] | None = None


class Problem(Struct, frozen=True):
    """A failure that the page shows once; each one has another ``id``."""

    id: int
    kind: str
    words: str


@dataclass(slots=True)
class ReviewSession:
    """One reviewer working on one queue in one browser session. `apply` changes it and calls only control.

    ``done`` is the number of the last applied step. ``turn`` changes whenever a pair must be drawn again.
    """

    queue_id: str
    title: str
    rubric: Sequence[RubricRow]
    clock: Callable[[], float] = time.monotonic
    done: int = 0
    turn: int = 0
    item: ShownItem | None = None
    progress: Progress = field(default_factory=partial(Progress, 0, 0, 0))
    waiting: int = 0
    skipped: int = 0
    ended: str | None = None
    problem: Problem | None = None
    pace: list[float] = field(default_factory=list)
    since: float = 0.0

    def take_next(self, control: Control) -> None:
        """Claim the next pair. If the queue was closed in the meantime, the session ends with a message."""
        try:
            self._set_item(control.call(reviews.next_item, reviews.NameQueue(queue_id=self.queue_id)))
        except Refused as error:
            if error.status != 409:
                raise
            self.ended = "This queue has been closed. All your submitted votes count. Thank you."
            self._set_item(Next(None, self.progress, 0))

    def apply(self, control: Control, steps: Sequence[Step]) -> None:
        """Apply the new steps. After a temporary failure, the remaining steps wait for the next attempt."""
        for step in without_old_drafts([step for step in steps if step.n > self.done]):
            try:
                self._apply_step(control, step)
            except ControlUnreachable:
                self._notify("away", AWAY)
                return
            except Refused as error:
                if not self._handle_refusal(control, step, error):
                    return
            self.done = step.n

    def state(self) -> dict[str, Any]:
        """The state sent to the browser. Nothing in it reveals which model wrote which answer."""
        item = None if self.item is None else {name: getattr(self.item, name) for name in PUBLIC_FIELDS}
        shown = {
            "title": self.title,
            "rubric": self.rubric,
            "done": self.done,
            "turn": self.turn,
            "item": item,
            "progress": self.progress,
            "minutes_left": self._minutes_left(),
            "waiting": self.waiting,
            "skipped": self.skipped,
            "ended": self.ended,
            "problem": self.problem,
        }
        state: dict[str, Any] = to_builtins(shown)
        return state

    def _apply_step(self, control: Control, step: Step) -> None:
        kind = step.kind
        if kind == "draft":
            control.call(reviews.draft, _draft(step))
            if self.item is not None and self.item.item_id == step.item_id:
                # For a page that is redrawn in this session.
                self.item = replace(self.item, draft=convert(step.draft, Draft))
        elif kind in ("submit", "skip"):
            if kind == "submit":
                control.call(reviews.submit, _draft(step))
            else:
                control.call(reviews.skip, reviews.Skip(item_id=str(step.item_id)))
            self.skipped += kind == "skip"
            self._record_pace()
            self.done = step.n  # the vote is stored, even if the next pair is unavailable
            self.take_next(control)
        elif kind == "undo":
            self._set_item(control.call(reviews.undo, reviews.NameQueue(queue_id=self.queue_id)))
        elif kind == "next":
            self.take_next(control)

    def _handle_refusal(self, control: Control, step: Step, error: Refused) -> bool:
        """Report the refusal. Returns whether the step is finished."""
        if error.status in (401, 403):
            self._notify("denied", SIGN_IN if error.status == 401 else f"Not saved: {error}")
            return False
        if error.status >= 500:
            self._notify("away", f"Not saved yet: {error}. This page retries automatically.")
            return False
        lost = error.status in (404, 409) and step.kind != "undo"
        self._notify("lost" if lost else "refused", str(error))
        if lost:
            self.take_next(control)
        return True

    def _notify(self, kind: str, words: str) -> None:
        number = self.problem.id + 1 if self.problem else 1
        self.problem = Problem(number, kind, words[:1].upper() + words[1:])

    def _set_item(self, item: Next) -> None:
        self.item, self.progress, self.waiting = item.item, item.progress, item.waiting
        self.turn += 1
        self.since = self.clock()

    def _record_pace(self) -> None:
        self.pace = [*self.pace, min(self.clock() - self.since, IDLE_SECONDS)][-PACE_WINDOW:]

    def _minutes_left(self) -> float | None:
        left = self.progress.total - self.progress.done
        return median(self.pace) * left / 60 if self.pace and left > 0 and self.item is not None else None


def without_old_drafts(steps: Sequence[Step]) -> list[Step]:
    """The steps, without drafts that the next step of the same pair replaces."""
    following = [*steps, None][1:]
    return [
        step
        for step, after in zip(steps, following, strict=True)
        if not (
            step.kind == "draft"
            and after is not None
            and after.kind in ("draft", "submit")
            and after.item_id == step.item_id
        )
    ]


def _draft(step: Step) -> reviews.DraftOf:
    """The input that the browser sent; control checks it."""
    given = step.draft or {}
    known = {name: given[name] for name in ("outcome", "ratings", "comment", "edited", "flagged") if name in given}
    return reviews.DraftOf(item_id=str(step.item_id), **known)


FOLDER = Path(__file__).parents[1] / "review_app"


@lru_cache(maxsize=1)
def sources() -> tuple[str, str]:
    """The script and the style sheet.

    They contain no text of a model or a user, because Streamlit runs the script in the page.
    """
    script = "\n".join((FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    return script, (FOLDER / "app.css").read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def component() -> Any:
    """The component, declared once per process."""
    script, style = sources()
    return st.components.v2.component("fairtrial_review", js=script, css=style)


def pending_steps() -> Sequence[Step]:
    """The steps that the browser sent without having seen an acknowledgement."""
    sent = (st.session_state.get(KEY) or {}).get("sent") or {}
    try:
        return convert(sent.get("steps", ()), list[Step])
    except ValidationError:
        return []


def show_review_app(data: Mapping[str, Any]) -> None:
    # The empty callback declares `sent` as a value that the browser may set.
    component()(key=KEY, data=data, on_sent_change=lambda: None)


def draw(control: Control) -> None:
    """Draw the list of queues, or the review of the queue in the URL."""
    queues = control.call(reviews.queues, Nothing())
    chosen = st.query_params.get("queue")
    queue = next((row for row in queues if row.queue_id == chosen), None)
    if queue is not None:
        _review(control, queue)
        return
    st.session_state.pop(SESSION, None)
    st.title("Review")
    if chosen is not None:
        st.warning("This queue no longer exists. Choose another one.", icon=":material/search_off:")
    _queues(queues)


def _queues(queues: Sequence[OfferedQueue]) -> None:
    if not queues:
        suggest_command(
            "No queues yet. A release manager creates one from two runs of a suite:",
            "fairtrial review enqueue SUITE --candidate tuned --baseline base",
            icon=":material/inbox:",
        )
        return
    st.caption("Compare two answers to the same question. Nobody can see which model wrote which answer.")
    for row in queues:
        with st.container(border=True):
            _queue(row)


def _queue(row: OfferedQueue) -> None:
    left, done, skipped = row.left, row.mine.done, row.mine.skipped
    text, action = st.columns([5, 1], vertical_alignment="center")
    status = "closed" if row.state == "closed" else f"{left} left for you" if left else "nothing left for you"
    skipped_text = f", you skipped {skipped}" if skipped else ""
    summary = plain(f"{drawn_pairs(row.items, row.equal)}, you judged {done}{skipped_text}, {status}")
    text.markdown(f"**{plain(row.title)}**  \n:gray[:small[{summary}]]")
    if row.state == "open":
        kind: Literal["primary", "secondary"] = "primary" if left else "secondary"
        label = "Continue" if left and done else "Review" if left else "Open"
        key, args = f"open-{row.queue_id}", (row.queue_id,)
        action.button(label, key=key, type=kind, width="stretch", on_click=_choose, args=args)


def _choose(queue_id: str) -> None:
    st.query_params["queue"] = queue_id


def _leave() -> None:
    st.query_params.pop("queue", None)


def _review(control: Control, queue: OfferedQueue) -> None:
    st.button("All queues", key="all_queues", icon=":material/arrow_back:", type="tertiary", on_click=_leave)
    session: ReviewSession | None = st.session_state.get(SESSION)
    if session is None or session.queue_id != queue.queue_id:
        rubric = control.call(reviews.rubric, Nothing())
        session = ReviewSession(queue.queue_id, queue.title, rubric, skipped=queue.mine.skipped)
        session.take_next(control)
        st.session_state[SESSION] = session
    _review_pairs(control, session)


@st.fragment
def _review_pairs(control: Control, session: ReviewSession) -> None:
    """Only this fragment reruns on a key press. `ReviewSession.apply` calls no Streamlit, so no rerun interrupts it."""
    session.apply(control, pending_steps())
    show_review_app(session.state())


view = View(
    title="Review", icon=":material/rate_review:", path="review", place=5, draw=draw, role="reviewer", reading=False
)
