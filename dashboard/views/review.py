"""Blind review: choose a queue, then judge one pair of answers after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import streamlit as st

from dashboard.client import Control, Row
from dashboard.components.formatting import plain
from dashboard.review import component as review_page
from dashboard.review.session import Desk
from dashboard.view import View

DESK = "review_desk"
WIDE = "<style>.block-container {max-width: 1560px; padding-top: 1.4rem; padding-bottom: 1.5rem}</style>"


def draw(control: Control) -> None:
    """Draw the queues, or the desk of the one that the address names."""
    queues = control.rows("/api/reviews/queues")
    chosen = st.query_params.get("queue")
    queue = next((row for row in queues if row["queue_id"] == chosen), None)
    if queue is not None:
        _desk(control, queue)
        return
    st.session_state.pop(DESK, None)
    st.title("Review")
    if chosen is not None:
        st.warning("There is no such queue any more. Choose one of these.", icon=":material/search_off:")
    _queues(queues)


def _queues(queues: Sequence[Row]) -> None:
    if not queues:
        st.info("No queue yet. A release manager fills one from two runs of a suite:", icon=":material/inbox:")
        st.code("fairtrial review enqueue SUITE --candidate tuned --baseline base", language=None)
        return
    st.caption("Two answers to the same question, side by side. Which model wrote which is hidden, from everybody.")
    for row in queues:
        with st.container(border=True):
            _queue(row)


def _queue(row: Row) -> None:
    left, done, skipped = row["left"], row["mine"]["done"], row["mine"]["skipped"]
    words, door = st.columns([5, 1], vertical_alignment="center")
    waits = "closed" if row["state"] == "closed" else f"{left} wait for you" if left else "nothing for you now"
    passed = f", skipped {skipped}" if skipped else ""
    told = plain(f"{row['items']} pairs, you judged {done}{passed}, {waits}")
    words.markdown(f"**{plain(row['title'])}**  \n:gray[:small[{told}]]")
    if row["state"] == "open":
        kind: Literal["primary", "secondary"] = "primary" if left else "secondary"
        word = "Go on" if left and done else "Review" if left else "Open"
        key, args = f"open-{row['queue_id']}", (row["queue_id"],)
        door.button(word, key=key, type=kind, width="stretch", on_click=_choose, args=args)


def _choose(queue_id: str) -> None:
    st.query_params["queue"] = queue_id


def _leave() -> None:
    st.query_params.pop("queue", None)


def _desk(control: Control, queue: Row) -> None:
    st.html(WIDE)
    st.button("All queues", icon=":material/arrow_back:", type="tertiary", on_click=_leave)
    desk: Desk | None = st.session_state.get(DESK)
    if desk is None or desk.queue_id != queue["queue_id"]:
        rubric, skipped = control.rows("/api/reviews/rubric"), queue["mine"]["skipped"]
        desk = Desk(queue["queue_id"], queue["title"], rubric, skipped=skipped)
        desk.take_next(control)
        st.session_state[DESK] = desk
    _work(control, desk)


@st.fragment
def _work(control: Control, desk: Desk) -> None:
    """Only this is run again at a key; `Desk.work` never touches Streamlit, so that no other run can cut it short."""
    desk.work(control, review_page.said())
    review_page.show(desk.shown())


view = View(title="Review", icon=":material/rate_review:", path="review", place=5, draw=draw, role="reviewer")
