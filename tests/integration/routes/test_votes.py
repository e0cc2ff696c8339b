"""Tokens of votes: asked for by a request, good for its answer only, and refused in every other form."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest

from gateway.proxy.routes.fastapi_app import MOST_VOTES
from gateway.proxy.routing.vote_tokens import LONGEST_TOKEN, Ballot, write_token
from tests.fixtures.gateway.gateway_fixture import Rig, key, plan_for, running
from tests.fixtures.upstream.server import FakeUpstream

SECRET, MUTE = "ft-app", "ft-mute"
CHAT = {"model": "base-direct", "messages": [{"role": "user", "content": "Hello?"}]}
FAR = 4_000_000_000


@pytest.fixture(name="upstream", scope="module")
def upstream_fixture() -> Iterator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


@pytest.fixture(name="rig", scope="module")
def rig_fixture(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Rig]:
    with running(tmp_path_factory.mktemp("votes")) as rig:
        rig.publish(plan_for(upstream.url), key(SECRET, "complete", "feedback"), key(MUTE, "complete"))
        yield rig


def asked(rig: Rig, wish: str | None = "thumbs, reason", secret: str = SECRET, **body: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {secret}", **({"x-fairtrial-vote": wish} if wish is not None else {})}
    return httpx.post(f"{rig.url}/chat/completions", json=CHAT | body, headers=headers)


def vote(rig: Rig, token: str, url: str = "/feedback/vote", **changes: Any) -> httpx.Response:
    body = {"token": token, "key": "thumbs", "value": True, "vote_id": "0123456789"} | changes
    return httpx.post(rig.url + url, json=body)


def code(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["code"])


def test_a_request_that_asks_gets_a_token_and_no_server_sees_that_it_asked(rig: Rig, upstream: FakeUpstream) -> None:
    whole, streamed, unasked = asked(rig), asked(rig, stream=True), asked(rig, None)
    assert "x-fairtrial-vote" not in unasked.headers
    assert not any("x-fairtrial-vote" in str(seen.headers).lower() for seen in upstream.seen)
    for answer in (whole, streamed):
        token = answer.headers["x-fairtrial-vote"]
        accepted = vote(rig, token, value=False)
        assert (accepted.status_code, accepted.json()["object"]) == (202, "feedback")
        event = rig.await_events("feedback", 1)[-1]
        assert (event["request_id"], event["key_id"]) == (answer.headers["x-request-id"], "id-app")
        assert (event["key"], event["boolean"], token in str(event)) == ("thumbs", False, False)
        rig.forget()
    assert vote(rig, whole.headers["x-fairtrial-vote"], key="reason", value="late").status_code == 202


WISHES = {
    "no keys": "",
    "a blank key": "thumbs,,x",
    "many keys": ",".join(map(str, range(11))),
    "a long key": "x" * 201,
    "no time": "thumbs; max-age=0",
    "a long time": "thumbs; max-age=700000",
    "another parameter": "thumbs; path=/",
}


@pytest.mark.parametrize("wish", WISHES.values(), ids=WISHES)
def test_a_wish_that_makes_no_sense_is_refused_before_the_model_is_asked(
    rig: Rig, upstream: FakeUpstream, wish: str
) -> None:
    seen = len(upstream.seen)
    answer = asked(rig, wish)
    assert (answer.status_code, code(answer)) == (400, "invalid_vote_header")
    assert len(upstream.seen) == seen


def test_a_key_that_may_not_send_feedback_gets_no_token(rig: Rig) -> None:
    assert code(asked(rig, secret=MUTE)) == "right_missing"


def test_every_changed_field_of_a_token_makes_it_invalid(rig: Rig) -> None:
    content, mac = asked(rig).headers["x-fairtrial-vote"].split(".")
    ballot = msgspec.json.decode(urlsafe_b64decode(content + "=" * (-len(content) % 4)), type=Ballot)
    for changes in ({"request_id": "r"}, {"key_id": "id-mute"}, {"keys": ("resolved",)}, {"expires_s": FAR}):
        forged = urlsafe_b64encode(msgspec.json.encode(msgspec.structs.replace(ballot, **changes))).rstrip(b"=")
        answer = vote(rig, f"{forged.decode()}.{mac}", key="resolved")
        assert (answer.status_code, code(answer)) == (401, "invalid_vote_token"), changes
    wrong = ("", ".", content, f"{content}.", f".{mac}", f"{content}.{mac[:-1]}", write_token("another pepper", ballot))
    for token in (*wrong, "é.x"):
        assert code(vote(rig, token)) == "invalid_vote_token", token
    assert vote(rig, "x" * (LONGEST_TOKEN + 1)).status_code == 422


def test_a_token_ends_with_its_time_and_with_its_key(rig: Rig) -> None:
    def made(**changes: Any) -> str:
        ballot = Ballot("r", "id-app", ("thumbs",), FAR)
        return write_token("pepper", msgspec.structs.replace(ballot, **changes))  # by hand: as an earlier time made it

    assert vote(rig, made()).status_code == 202
    assert code(vote(rig, made(expires_s=1))) == "vote_token_expired"
    for key_id in ("gone", None):
        assert "no longer valid" in vote(rig, made(key_id=key_id)).json()["error"]["message"]
    assert code(vote(rig, made(key_id="id-mute"))) == "right_missing"


def test_a_vote_has_its_own_limits(rig: Rig) -> None:
    token = asked(rig).headers["x-fairtrial-vote"]
    assert "in the body" in vote(rig, token, f"/feedback/vote?token={token}").json()["error"]["message"]
    for changes in ({"comment": "a text"}, {"value": None}, {"value": "x" * 201}, {"vote_id": "short"}, {"unit": "u"}):
        assert vote(rig, token, **changes).status_code == 422, changes
    assert vote(rig, token, value="x" * 10_000).status_code == 413
    assert code(vote(rig, token, key="resolved")) == "vote_key_not_allowed"
    plain = httpx.post(f"{rig.url}/feedback/vote", content=b"{}", headers={"content-type": "text/plain"})
    assert plain.status_code in (400, 415)
    assert httpx.get(f"{rig.url}/feedback/vote").status_code == 401
    script = httpx.get(f"{rig.url}/feedback/vote.js")
    assert script.headers["content-type"].startswith("text/javascript") and "fairtrial-vote" in script.text


def test_an_answer_gets_so_many_votes_and_no_more(rig: Rig) -> None:
    tokens = [asked(rig).headers["x-fairtrial-vote"] for _ in range(2)]
    for number in range(MOST_VOTES):
        assert vote(rig, tokens[0], vote_id=f"vote-{number:04}").status_code == 202
    for _ in range(2):
        refused = vote(rig, tokens[0], vote_id="one-more")
        assert (refused.status_code, code(refused)) == (429, "too_many_votes")
    assert vote(rig, tokens[1]).status_code == 202
