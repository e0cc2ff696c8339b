"""D1: a response that was made is found again, and what continues it stays with the arm that made it."""

from __future__ import annotations

from typing import Any

import httpx
import openai
import pytest

from tests.conformance.harness.response_streams import Speaks
from tests.conformance.harness.stream_fixture import Pair, sent, sync_client
from tests.fixtures.gateway.gateway_fixture import key
from tests.fixtures.waiting import until

WHOLE = {"model": "plain", "input": "q"}


def _made(port: int, model: str = "plain", **more: Any) -> Any:
    with sync_client(port) as asking:
        return asking.responses.create(model=model, input="q", **more)


def test_d1_a_response_that_was_made_is_retrieved_cancelled_listed_and_deleted_as_straight(pair: Pair) -> None:
    speaks = pair.upstream.script = Speaks()
    ident = _made(pair.gateway).id

    def view(port: int) -> list[Any]:
        with sync_client(port) as asking:
            return [
                sent(asking.responses.retrieve(ident, include=["reasoning.encrypted_content"])),
                sent(asking.responses.cancel(ident)),
                [sent(item) for item in asking.responses.input_items.list(ident, limit=5)],
                asking.responses.delete(ident),
                sent(asking.responses.input_tokens.count(**WHOLE)),
            ]

    straight, through = pair.both(view)
    assert through == straight
    asked = [(one.method, one.path) for one in speaks.seen[1:]]
    assert asked[:5] == asked[5:]


def test_d1_a_response_that_is_not_there_is_not_found_as_straight(pair: Pair) -> None:
    pair.upstream.script = Speaks()
    for view in (
        lambda asking: asking.responses.retrieve("resp_missing"),
        lambda asking: asking.responses.input_items.list("resp_missing"),
    ):
        found = []
        for port in (pair.upstream.port, pair.gateway):
            with sync_client(port) as asking, pytest.raises(openai.NotFoundError) as caught:
                view(asking)
            found.append((caught.value.code, caught.value.param, caught.value.type))
        assert found[1] == found[0]


@pytest.mark.parametrize("field", ["previous_response_id", "conversation", "encrypted_content"])
def test_d1_what_continues_a_response_stays_with_the_arm_that_made_it(pair: Pair, field: str) -> None:
    speaks = pair.upstream.script = Speaks()
    arms = set()
    for number in range(12):
        sealed = f"sealed-{field}-{number}"
        thought = {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": sealed}
        speaks.script = {"output": [thought]}
        conversation = {"conversation": {"id": f"conv_{number}"}} if field == "conversation" else {}
        first = _made(pair.gateway, "bot", user=f"user-{number}", **conversation)
        more: dict[str, Any] = {
            "previous_response_id": {"previous_response_id": f"{first.id}"},
            "conversation": conversation,
            "encrypted_content": {"extra_body": {"input": [thought, {"role": "user", "content": "q"}]}},
        }[field]
        for other in ("a", "b", "c"):
            _made(pair.gateway, "bot", user=f"other-{number}-{other}", **more)
        models = [one.json["model"] for one in speaks.seen[-4:]]
        assert len(set(models)) == 1, models
        arms.add(models[0])
    assert arms == {"base-model", "tuned-model"}, "both arms were seen, so that staying is no accident"


def test_d1_a_key_that_may_not_name_the_route_does_not_find_the_response(pair: Pair) -> None:
    pair.upstream.script = Speaks()
    ident = _made(pair.gateway).id
    pair.publish(pair.upstream.url, key("ft-other", "complete", routes=("hasty",)))
    known = {"authorization": "Bearer ft-other"}
    until(lambda: httpx.get(f"{pair.rig.url}/models", headers=known).status_code == 200)
    with sync_client(pair.gateway, "ft-other") as asking, pytest.raises(openai.NotFoundError):
        asking.responses.retrieve(ident)
