"""The reader of an answer votes on it in a real Chromium, on a page of another origin that has no API key."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from fairtrial.domain.limits.server_settings import CorsSettings
from tests.fixtures.gateway.gateway_fixture import Rig, key, plan_for, running
from tests.fixtures.store.erasing import erase_unit
from tests.fixtures.store.votes import stored_votes, with_votes
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import until

pytestmark = pytest.mark.release("browser")

SECRET, OTHER_SECRET = "ft-page", "ft-other"
CHAT = {"model": "base-direct", "user": "Rosa", "messages": [{"role": "user", "content": "Hello?"}]}
PAGE = """<!doctype html><html lang="en"><title>an application</title>
<script src="{root}/v1/feedback/vote.js" defer></script>
<fairtrial-vote token="{token}"></fairtrial-vote></html>"""
POLICY = "default-src 'none'; script-src {root}; connect-src {root}"
POST = """async ([url, body]) => {
  const headers = {"content-type": "application/json"};
  const answer = await fetch(url, {method: "POST", body: JSON.stringify(body), headers, credentials: "omit"});
  return [answer.status, (await answer.json()).error?.code];
}"""


class Application(ThreadingHTTPServer):
    """The application's own server: its page holds the token of one answer, under a strict policy for scripts."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Pages)
        self.page, self.policy = "", ""
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Pages(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        application: Any = self.server
        self.send_response(200)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-security-policy", application.policy)
        self.end_headers()
        self.wfile.write(application.page.encode())

    def log_message(self, *_: Any) -> None:
        """Nothing on the error stream of the tests."""


@pytest.fixture(name="application", scope="module")
def application_fixture() -> Iterator[Application]:
    application = Application()
    yield application
    application.shutdown()
    application.server_close()


@pytest.fixture(name="rig", scope="module")
def rig_fixture(tmp_path_factory: pytest.TempPathFactory, application: Application) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("votes")
    with FakeUpstream() as upstream, running(folder, cors=CorsSettings((application.origin,))) as rig:
        keys = [key(secret, "complete", "feedback") for secret in (SECRET, OTHER_SECRET)]
        rig.publish(plan_for(upstream.url), *keys)
        yield rig


def answered(rig: Rig, wish: str = "thumbs", secret: str = SECRET, **body: Any) -> tuple[str, str]:
    """The request id and the token of an answer that the application's server has got."""
    headers = {"authorization": f"Bearer {secret}", "x-fairtrial-vote": wish}
    answer = httpx.post(f"{rig.url}/chat/completions", json=CHAT | body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.headers["x-request-id"], answer.headers["x-fairtrial-vote"]


def test_a_reader_votes_changes_the_vote_and_can_do_nothing_else(
    rig: Rig, application: Application, browser: Browser
) -> None:
    request_id, token = answered(rig, stream=True)
    other_id, other = answered(rig, secret=OTHER_SECRET)
    application.page, application.policy = PAGE.format(root=rig.root, token=token), POLICY.format(root=rig.root)
    with browser.new_context() as context:
        page = context.new_page()
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.post_data or "") if request.method == "POST" else None)
        page.goto(application.origin)
        up, down = page.get_by_role("button", name="Good answer"), page.get_by_role("button", name="Bad answer")
        up.press("Enter")
        expect(page.locator("output")).to_have_text("Thank you.")
        expect(up).to_have_attribute("aria-pressed", "true")
        down.click()
        expect(down).to_have_attribute("aria-pressed", "true")
        expect(up).to_have_attribute("aria-pressed", "false")
        vote = f"{rig.url}/feedback/vote"
        first = httpx.Response(200, content=sent[0]).json()
        assert page.evaluate(POST, [vote, first]) == [202, None]  # a replay of the first vote
        content, code = token.split(".")
        own, foreign = ({**first, "vote_id": f"another-{n}"} for n in (1, 2))
        refusals = {
            "another response's content": {**own, "token": f"{other.split('.')[0]}.{code}"},
            "another response's code": {**foreign, "token": f"{content}.{other.split('.')[1]}"},
        }
        for body in refusals.values():
            assert page.evaluate(POST, [vote, body]) == [401, "invalid_vote_token"]
        assert page.evaluate(POST, [vote, {**own, "key": "resolved"}]) == [403, "vote_key_not_allowed"]
        check_expiry(page, rig, application)
    rig.await_events("feedback", 3)
    with with_votes(rig.layout) as database:
        given = request_id, "id-page", "thumbs"
        votes = [vote for vote in stored_votes(database) if vote[0] == request_id]
        assert votes == [(*given, True), (*given, False)]
        unit = str(database.rows("SELECT any_value(unit) FROM requests WHERE unit IS NOT NULL")[0][0])
        erase_unit(database, "Rosa", unit)
        assert not {request_id, other_id} & {row[0] for row in stored_votes(database)}


def check_expiry(page: Page, rig: Rig, application: Application) -> None:
    """A page that was open for too long says so and presses no button."""
    _, token = answered(rig, "thumbs; max-age=1")
    application.page = PAGE.format(root=rig.root, token=token)
    page.goto(application.origin)
    button = page.get_by_role("button", name="Good answer")

    def expired() -> bool:
        button.click()
        expect(page.locator("output")).not_to_be_empty()
        expect(button).to_be_enabled()
        return page.locator("output").inner_text() == "vote: the token has expired"

    until(expired, "the token to expire")
