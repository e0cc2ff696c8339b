"""The Responses API by the official client: made, found where it was made, continued by the arm that made it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from fairtrial.domain.plan import Experiment, Plan, Route
from fairtrial.experiments.assignment import assign
from fairtrial.journal.response_map import FILE
from tests.fixtures.gateway.gateway_fixture import EXPERIMENT, Rig, deployment, key, plan_for, running
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import until


@pytest.fixture(name="servers", scope="module")
def servers_fixture() -> Iterator[dict[str, FakeUpstream]]:
    """The base and the tuned model on servers of their own."""
    with FakeUpstream() as base, FakeUpstream() as tuned:
        yield {"base": base, "tuned": tuned}


@pytest.fixture(name="plan", scope="module")
def plan_fixture(servers: dict[str, FakeUpstream]) -> Plan:
    return plan_for(
        servers["base"].url,
        deployments={name: deployment(name, server.url) for name, server in servers.items()}
        | {"cloud": deployment("cloud", "http://127.0.0.1:1", provider="anthropic")},
        routes={
            "bot": Route("bot", experiment=EXPERIMENT),
            "base-direct": Route("base-direct", deployment="base"),
            "cloud": Route("cloud", deployment="cloud"),
        },
    )


@pytest.fixture(name="worker", scope="module")
def worker_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with running(tmp_path_factory.mktemp("responses")) as rig:
        yield rig


@pytest.fixture(name="rig")
def rig_fixture(worker: Rig, plan: Plan, servers: dict[str, FakeUpstream]) -> Rig:
    worker.publish(plan)
    worker.forget()
    for server in servers.values():
        server.seen.clear()
    return worker


@pytest.fixture(name="client")
def client_fixture(rig: Rig) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=rig.url, api_key="any", max_retries=0) as found:
        yield found


def user_of(plan: Plan, arm: str, start: int = 0) -> str:
    """A user whom the experiment gives this arm."""
    trial: Experiment = plan.experiments[EXPERIMENT]
    return next(name for n in range(start, start + 100) if assign(trial, name := f"user-{n}").served == arm)


def make(client: openai.OpenAI, ident: str, **fields: Any) -> Any:
    answer = {"id": ident, **fields.pop("answer", {})}
    extra = {"fake": {"kind": "json", "answer": answer}, **fields.pop("extra_body", {})}
    return client.responses.create(**{"model": "bot", "input": "Hello?", **fields}, extra_body=extra)


def test_a_response_is_routed_metered_and_recorded_like_a_chat(client: openai.OpenAI, rig: Rig, plan: Plan) -> None:
    made = make(client, "resp_a", user=user_of(plan, "tuned"))
    assert made.output_text == "Hello" and made.usage.input_tokens == 7
    event = rig.await_events("request", 1)[0]
    assert (event["endpoint"], event["variant_served"], event["reason"]) == ("/responses", "tuned", "assigned")
    assert (event["tokens_in"], event["tokens_out"], event["usage_source"]) == (7, 4, "provider")
    assert (event["response_id"], event["finish_reason"], event["refused"]) == ("resp_a", "completed", False)
    assert rig.events("exposure")[0]["assigned"] == "tuned"


@pytest.mark.parametrize("arm", ["base", "tuned"])
def test_d1_what_is_asked_of_a_response_goes_to_the_deployment_that_made_it(
    client: openai.OpenAI, servers: dict[str, FakeUpstream], plan: Plan, arm: str
) -> None:
    ident = f"resp_{arm}"
    make(client, ident, user=user_of(plan, arm))
    for server in servers.values():
        server.seen.clear()
    assert client.responses.retrieve(ident, include=["reasoning.encrypted_content"]).id == ident
    assert client.responses.cancel(ident).status == "cancelled"
    assert client.responses.input_items.list(ident, limit=5, order="asc").data[0].id == "msg_in"
    client.responses.delete(ident)
    seen = [(each.method, each.path) for each in servers[arm].seen]
    assert seen == [
        ("GET", f"/v1/responses/{ident}?include[]=reasoning.encrypted_content"),
        ("POST", f"/v1/responses/{ident}/cancel"),
        ("GET", f"/v1/responses/{ident}/input_items?limit=5&order=asc"),
        ("DELETE", f"/v1/responses/{ident}"),
    ] or seen[0][1].startswith(f"/v1/responses/{ident}?include%5B%5D=reasoning")
    assert not servers["tuned" if arm == "base" else "base"].seen


def test_d1_a_retrieved_stream_comes_as_it_is(
    client: openai.OpenAI, servers: dict[str, FakeUpstream], plan: Plan
) -> None:
    make(client, "resp_again", user=user_of(plan, "base"))
    told = {"type": "response.completed", "sequence_number": 7, "response": {"id": "resp_again", "output": []}}
    script = {"kind": "stream", "events": [f"event: response.completed\ndata: {json.dumps(told)}\n\n"]}
    servers["base"].scripts["again"] = script
    stream = client.responses.retrieve("resp_again", stream=True, starting_after=6, extra_query={"fake": "again"})
    assert [event.sequence_number for event in stream] == [7]
    assert "starting_after=6" in servers["base"].seen[-1].path


def test_d1_a_streamed_response_can_be_found(
    client: openai.OpenAI, servers: dict[str, FakeUpstream], plan: Plan
) -> None:
    with client.responses.stream(model="bot", input="Hello?", user=user_of(plan, "tuned")) as stream:
        assert stream.get_final_response().id == "resp_fake"
    servers["tuned"].seen.clear()
    client.responses.retrieve("resp_fake")
    assert len(servers["tuned"].seen) == 1


def test_d1_a_response_can_be_cancelled_while_it_streams(client: openai.OpenAI, plan: Plan) -> None:
    created = {"type": "response.created", "sequence_number": 0, "response": {"id": "resp_going", "output": []}}
    events = [f"data: {json.dumps(created)}\n\n", *[": wait\n\n"] * 100]
    extra = {"fake": {"kind": "stream", "delay": 0.05, "events": events}}
    with client.responses.create(
        model="bot", input="Hello?", user=user_of(plan, "tuned"), stream=True, background=True, extra_body=extra
    ) as stream:
        first = next(iter(stream))
        assert first.type == "response.created"
        assert client.responses.cancel(first.response.id).status == "cancelled"


def test_d1_an_id_that_nobody_made_is_not_found(client: openai.OpenAI, servers: dict[str, FakeUpstream]) -> None:
    with pytest.raises(openai.NotFoundError) as told:
        client.responses.retrieve("resp_of_nobody")
    assert told.value.body == {
        "message": "Response with id 'resp_of_nobody' not found.",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }
    assert told.value.request_id
    assert not any(server.seen for server in servers.values())


def test_d1_the_only_deployment_there_is_may_know_what_the_map_does_not(
    rig: Rig, servers: dict[str, FakeUpstream]
) -> None:
    rig.publish(plan_for(servers["base"].url), key("ft-direct", "complete", routes=("base-direct",)))
    with openai.OpenAI(base_url=rig.url, api_key="ft-direct", max_retries=0) as client:
        assert client.responses.retrieve("resp_older").id == "resp_older"


def test_d1_a_key_finds_and_continues_only_what_its_routes_made(rig: Rig, plan: Plan) -> None:
    keys = key("ft-all", "complete"), key("ft-direct", "complete", routes=("base-direct",))
    rig.publish(plan_for("", deployments=plan.deployments, routes=plan.routes, retain_days=31), *keys)
    with openai.OpenAI(base_url=rig.url, api_key="ft-all", max_retries=0) as client:
        make(client, "resp_private", user=user_of(plan, "base"))
        assert client.responses.retrieve("resp_private").id == "resp_private"
    with openai.OpenAI(base_url=rig.url, api_key="ft-direct", max_retries=0) as client:
        for ask in (client.responses.retrieve, client.responses.delete, client.responses.cancel):
            with pytest.raises(openai.NotFoundError):
                ask("resp_private")
        with pytest.raises(openai.NotFoundError) as told:
            make(client, "resp_x", model="base-direct", previous_response_id="resp_private")
        assert told.value.code == "previous_response_id_not_found"


def sealed(name: str) -> dict[str, Any]:
    return {"id": f"rs_{name}", "type": "reasoning", "summary": [], "encrypted_content": f"sealed-{name}"}


@pytest.mark.parametrize(
    ("kind", "made", "continued"),
    [
        ("previous", {}, {"previous_response_id": "resp_previous"}),
        ("conversation", {"conversation": {"id": "conv_1"}}, {"extra_body": {"conversation": "conv_1"}}),
        ("object", {"conversation": {"id": "conv_2"}}, {"extra_body": {"conversation": {"id": "conv_2"}}}),
        ("sealed", {"output": [sealed("a")]}, {"input": [sealed("a"), {"role": "user", "content": "And?"}]}),
    ],
)
def test_d1_what_continues_a_response_stays_with_the_arm_that_made_it(
    client: openai.OpenAI, rig: Rig, plan: Plan, kind: str, made: dict[str, Any], continued: dict[str, Any]
) -> None:
    tuned, base = user_of(plan, "tuned"), user_of(plan, "base")
    make(client, f"resp_{kind}", user=tuned, answer=made)
    make(client, f"resp_{kind}_2", user=base, **continued)
    second = rig.await_events("request", 2)[1]
    assert (second["variant_assigned"], second["variant_served"], second["reason"]) == ("base", "tuned", "continued")
    exposure = rig.events("exposure")[1]
    assert (exposure["assigned"], exposure["served"], exposure["reason"]) == ("base", "tuned", "continued")
    make(client, f"resp_{kind}_3", user=tuned, **continued)
    assert rig.await_events("request", 3)[2]["reason"] == "assigned"


def test_d1_a_killed_experiment_serves_its_control_whatever_came_before(
    client: openai.OpenAI, rig: Rig, plan: Plan, servers: dict[str, FakeUpstream]
) -> None:
    make(client, "resp_before", user=user_of(plan, "tuned"))
    killed = plan_for(
        servers["base"].url, experiment={"state": "killed"}, deployments=plan.deployments, routes=plan.routes
    )
    rig.publish(killed)
    make(client, "resp_after", user=user_of(plan, "tuned"), previous_response_id="resp_before")
    assert rig.await_events("request", 2)[1]["reason"] == "kill"
    assert rig.events("request")[1]["variant_served"] == "base"


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({"input": "Hello?"}, {"instructions": "Be kind.", "input": "Hello?"}),
        ({"input": "Hello?", "instructions": "Be brief."}, {"instructions": "Be kind.", "input": "Hello?"}),
        (
            {"input": [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hello?"}]},
            {"input": [{"role": "developer", "content": "Be kind."}, {"role": "user", "content": "Hello?"}]},
        ),
    ],
)
def test_an_arms_prompt_takes_the_place_of_the_applications(
    client: openai.OpenAI,
    servers: dict[str, FakeUpstream],
    plan: Plan,
    asked: dict[str, Any],
    sent: dict[str, Any],
) -> None:
    make(client, "resp_prompt", user=user_of(plan, "tuned"), **asked)
    went = servers["tuned"].seen[-1].json
    assert {name: went.get(name) for name in ("instructions", "input")} == {"instructions": None} | sent
    assert (went["model"], went["temperature"]) == ("tuned-model", 0.2)


def test_d1_tokens_are_counted_by_the_arm_that_would_serve_and_nothing_is_recorded(
    client: openai.OpenAI, rig: Rig, servers: dict[str, FakeUpstream], plan: Plan
) -> None:
    counted = client.responses.input_tokens.count(
        model="bot", input="Hello?", extra_body={"user": user_of(plan, "tuned")}
    )
    assert counted.input_tokens == 7
    assert servers["tuned"].seen[-1].json["instructions"] == "Be kind."
    assert not rig.events()


def test_d5_nothing_is_translated_into_a_response(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as told:
        client.responses.create(model="cloud", input="Hello?")
    assert told.value.code == "endpoint_not_served"
    with pytest.raises(openai.BadRequestError) as told:
        client.responses.input_tokens.count(model="cloud", input="Hello?")
    assert told.value.code == "endpoint_not_served"


def test_ids_that_would_lead_elsewhere_are_not_found(rig: Rig, servers: dict[str, FakeUpstream]) -> None:
    rig.publish(plan_for(servers["base"].url), key("ft-direct", "complete", routes=("base-direct",)))
    unknown, ambiguous = ("..", "a%3Fb", "x" * 300), ("%2e%2e", "a%2Fb", "..%2Ffiles", "a%0d%0ab")
    for ident in (*unknown, *ambiguous):
        answer = httpx.get(f"{rig.url}/responses/{ident}/input_items", headers={"authorization": "Bearer ft-direct"})
        assert answer.status_code == (404 if ident in unknown else 400) and set(answer.json()) == {"error"}, ident
    assert not servers["base"].seen


@pytest.mark.release("stories")
def test_the_map_outlives_a_worker_that_was_killed(client: openai.OpenAI, rig: Rig, plan: Plan) -> None:
    make(client, "resp_kept", user=user_of(plan, "tuned"))
    before = rig.worker_pids()

    os.kill(before[0], signal.SIGKILL)
    until(lambda: rig.worker_pids() != before and rig.ready_with(plan.plan_hash))
    assert client.responses.retrieve("resp_kept").id == "resp_kept"
    assert (rig.layout.folder / FILE).stat().st_mode & 0o777 == 0o600
