"""The blind review page: lists the queues, then shows one pair of answers at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import streamlit as st

from dashboard.client import Control, Row
from dashboard.components.formatting import plain
from dashboard.review.session import ReviewSession, pending_steps, show_review_app
from dashboard.view import View
from fairtrial.api import reviews
from fairtrial.api.operation import Nothing
from fairtrial.domain.wording import counted

SESSION = "review_session"


def draw(control: Control) -> None:
    """Draw the list of queues, or the review of the queue in the URL."""
    queues = control.call(reviews.queues, Nothing())
    chosen = st.query_params.get("queue")
    queue = next((row for row in queues if row["queue_id"] == chosen), None)
    if queue is not None:
        _review(control, queue)
        return
    st.session_state.pop(SESSION, None)
    st.title("Review")
    if chosen is not None:
        st.warning("This queue no longer exists. Choose another one.", icon=":material/search_off:")
    _queues(queues)


def _queues(queues: Sequence[Row]) -> None:
    if not queues:
        st.info("No queues yet. A release manager creates one from two runs of a suite:", icon=":material/inbox:")
        st.code("fairtrial review enqueue SUITE --candidate tuned --baseline base", language=None)
        return
    st.caption("Compare two answers to the same question. Nobody can see which model wrote which answer.")
    for row in queues:
        with st.container(border=True):
            _queue(row)


def _queue(row: Row) -> None:
    left, done, skipped = row["left"], row["mine"]["done"], row["mine"]["skipped"]
    text, action = st.columns([5, 1], vertical_alignment="center")
    status = "closed" if row["state"] == "closed" else f"{left} left for you" if left else "nothing left for you"
    skipped_text = f", you skipped {skipped}" if skipped else ""
    summary = plain(f"{counted(row['items'], 'pair')}, you judged {done}{skipped_text}, {status}")
    text.markdown(f"**{plain(row['title'])}**  \n:gray[:small[{summary}]]")
    if row["state"] == "open":
        kind: Literal["primary", "secondary"] = "primary" if left else "secondary"
        label = "Continue" if left and done else "Review" if left else "Open"
        key, args = f"open-{row['queue_id']}", (row["queue_id"],)
        action.button(label, key=key, type=kind, width="stretch", on_click=_choose, args=args)


def _choose(queue_id: str) -> None:
    st.query_params["queue"] = queue_id


def _leave() -> None:
    st.query_params.pop("queue", None)


def _review(control: Control, queue: Row) -> None:
    st.button("All queues", key="all_queues", icon=":material/arrow_back:", type="tertiary", on_click=_leave)
    session: ReviewSession | None = st.session_state.get(SESSION)
    if session is None or session.queue_id != queue["queue_id"]:
        rubric, skipped = control.call(reviews.rubric, Nothing()), queue["mine"]["skipped"]
        session = ReviewSession(queue["queue_id"], queue["title"], rubric, skipped=skipped)
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
