"""Everything that a reviewer's browser receives and sends is read, and none of it tells one model from the other."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Response, WebSocket, expect

from tests.fixtures.dashboard.reviewing import Reviewing
from tests.fixtures.dashboard.site import BASELINE, CANDIDATE, Site
from tests.fixtures.dashboard.visits import Visitors

pytestmark = pytest.mark.release("browser")

TELLING = (
    BASELINE,
    CANDIDATE,
    "openai/",
    "latency",
    "cost_usd",
    "tokens_out",
    "candidate",
    "baseline",
    "run_id",
    "case_id",
    "case-",
)
"""Names of targets and models, the provider, and the fields that differ between the two."""


class Received:
    """All that crosses the wire to and from one page, as bytes: what is the program's own and no data is left out."""

    def __init__(self, page: Page, site: Site) -> None:
        self.parts: list[tuple[str, bytes]] = []
        self._site = site
        page.on("response", self._response)
        page.on("websocket", self._websocket)

    def _response(self, response: Response) -> None:
        path = response.url.removeprefix(self._site.dashboard)
        self.parts.append((f"url {path}", path.encode()))
        self.parts.append((f"headers {path}", repr(response.headers).encode()))
        if not path.startswith("/static/") and response.status < 300 and response.request.method == "GET":
            self.parts.append((f"body {path}", response.body()))

    def _websocket(self, socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: self._frame("received", frame))
        socket.on("framesent", lambda frame: self._frame("sent", frame))

    def _frame(self, way: str, frame: str | bytes) -> None:
        self.parts.append((f"frame {way}", frame.encode() if isinstance(frame, str) else frame))

    def telling(self, *more: str) -> list[str]:
        """What was found, each with the bytes around it."""
        found = []
        for where, part in self.parts:
            plain = _without_program(part)
            for word in (*TELLING, *more):
                for hit in re.finditer(rb"(?<![A-Za-z])" + re.escape(word.encode()), plain, re.IGNORECASE):
                    found.append(f"{where}: {plain[max(0, hit.start() - 60) : hit.end() + 40]!r}")
        return found


def _without_program(part: bytes) -> bytes:
    """The desk's own script and style are files of the package, the same for everybody."""
    from dashboard.views.review import sources

    for source in sources():
        part = part.replace(source.strip().encode(), b"").replace(source.encode(), b"")
    return part


def test_nothing_that_the_browser_gets_or_sends_for_a_pair_tells_the_models_apart(
    visitors: Visitors, site: Site
) -> None:
    queue = site.enqueue(3)
    page = visitors.new_page("Anna")
    received = Received(page, site)
    desk = Reviewing(page, site.dashboard).open(queue)
    desk.press("1", "5", "3", "n").write("fine").press("Escape", "Enter").wait_count(1, 3)
    desk.press("u").wait_count(0, 3).press("Enter").wait_count(1, 3).press("s").wait_saved()
    desk.press("2", "Enter")
    expect(page.locator(".end")).to_be_visible()
    frames = [part for where, part in received.parts if where == "frame received"]
    assert any(b"Question " in part for part in frames), "the pairs came by another way than the one that is read here"
    runs = list(site.runs().values())
    assert len(runs) == 2
    assert received.telling(*runs) == []
    html = page.content() + page.locator(".review-app").evaluate("desk => desk.outerHTML")
    assert not [word for word in (*TELLING, *runs) if word in html]


def test_the_same_reading_finds_the_names_where_they_are(visitors: Visitors, site: Site) -> None:
    page = visitors.new_page("Rita")
    received = Received(page, site)
    page.goto(f"{site.dashboard}/overview")
    expect(page.get_by_text("quokka-vs-plover").first).to_be_visible()
    assert received.telling()


@pytest.mark.release("browser")
def test_what_the_desk_is_sent_has_the_same_shape_whatever_the_models_are_called(page: Page, site: Site) -> None:
    queue = site.enqueue(8)
    desk = Reviewing(page, site.dashboard).open(queue)
    sides = set()
    for done in range(8):
        desk.wait_count(done, 8)
        sides.add("sorry" in desk.answer("left"))
        desk.press("2", "Enter")
    assert sides == {True, False}, "each model stands on either side"
