"""`migrate --from-traffic` draws exactly the eligible requests of the official client, and counts the others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from click.testing import CliRunner

from evaluators.loading.suite_reader import load
from fairtrial.api.keys import CreateKey
from fairtrial.config.project import Project, load_project
from fairtrial.store.access.credentials import create_key
from fairtrial.store.core.database import Database
from fairtrial_cli.main import fairtrial
from fairtrial_cli.processes.private_gateway import project_gateway
from tests.fixtures.services.project_files import write_project
from tests.fixtures.upstream.scripted_upstream import ScriptedUpstream, failing
from tests.fixtures.upstream.server import Script

LABELS = ("refund", "delivery", "account")
ROUTE = "base"
"""The route has the name of the deployment's model, so a pinned request names it too."""
TOOLS = [{"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}]
GONE = "the user who leaves"


def label(text: str) -> str:
    return LABELS[int(text.split()[1]) % len(LABELS)]


def question(body: dict[str, Any]) -> str:
    asked = body["messages"][-1]["content"] if "messages" in body else body.get("input", body.get("prompt"))
    return str(asked if isinstance(asked, str) else asked[0]["content"][0]["text"])


def reply(body: dict[str, Any], _: int) -> str | Script:
    if not body.keys() & {"messages", "input", "prompt"}:
        return failing(404)
    text = question(body)
    if "fails" in text:
        return failing(400)
    if "messages" in body:
        return {"kind": "stream", "events": chunks(label(text))} if body.get("stream") else label(text)
    part = {"type": "output_text", "text": label(text), "annotations": []}
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]}
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}
    return {"kind": "json", "output": [thought, message]}


def chunks(text: str) -> list[str]:
    parts: list[tuple[dict[str, str], str | None]] = [({"content": text[:3]}, None), ({"content": text[3:]}, "stop")]
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "base"}
    events = [
        json.dumps(base | {"choices": [{"index": 0, "delta": delta, "finish_reason": end}]}) for delta, end in parts
    ]
    return [f"data: {event}\n\n" for event in [*events, "[DONE]"]]


class Traffic:
    """What the official client sends; ``eligible``: the ids of the requests that can be cases."""

    def __init__(self, url: str, *keys: str) -> None:
        self.clients = [openai.OpenAI(base_url=url, api_key=key, max_retries=0) for key in keys]
        self.eligible: dict[str, str] = {}
        self.number = 0

    def next(self, more: str = "") -> tuple[openai.OpenAI, str]:
        self.number += 1
        return self.clients[self.number % 2], f"ticket {self.number} {more}".strip()

    def continued(self) -> None:
        """A response and what continues it, which must be of the same key."""
        earlier = self.response([])
        self.number += 1
        self.response(eligible=False, previous_response_id=earlier)

    def chat(self, *, more: str = "", eligible: bool = True, **fields: Any) -> None:
        client, text = self.next(more)
        asked = {"model": ROUTE, "messages": [{"role": "user", "content": text}], **fields}
        try:
            raw = client.chat.completions.with_raw_response.create(**asked)
        except openai.BadRequestError:
            assert not eligible
            return
        self._read(raw, text, eligible=eligible)

    def response(self, given: Any = None, *, eligible: bool = True, **fields: Any) -> str:
        client, text = self.next()
        asked = text if given is None else [{"role": "user", "content": [{"type": "input_text", "text": text}]}, *given]
        raw = client.responses.with_raw_response.create(model=ROUTE, input=asked, **fields)
        self._read(raw, text, eligible=eligible)
        return "" if fields.get("stream") else str(raw.parse().id)

    def _read(self, raw: Any, text: str, *, eligible: bool) -> None:
        answer = raw.parse()
        if hasattr(answer, "close"):
            list(answer)
        if eligible:
            self.eligible[raw.headers["x-request-id"]] = text


def send(traffic: Traffic) -> None:
    for _ in range(18):
        traffic.chat(max_tokens=9)
        traffic.chat(stream=True, max_tokens=9)
    for _ in range(10):
        traffic.response(instructions="Name the intent.")
        traffic.response(stream=True)
    for _ in range(2):
        traffic.chat(eligible=False, tools=TOOLS)
        traffic.chat(eligible=False, n=2)
        traffic.chat(eligible=False, user=GONE)
        traffic.chat(eligible=False, more="fails")
        traffic.continued()
        traffic.response([{"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c"}], eligible=False)
        client, text = traffic.next()
        client.completions.create(model=ROUTE, prompt=text)
        traffic.chat(eligible=False, extra_headers={"x-fairtrial-deployment": "base"})
        traffic.chat(eligible=False, model="support-bot", extra_headers={"x-fairtrial-variant": "base"})


LEFT_OUT = {
    "suites": 4,
    "tools": 2,
    "choices": 2,
    "erased": 2,
    "error": 2,
    "continued": 2,
    "no_question": 2,
    "other_endpoint": 2,
}


@pytest.fixture(name="recorded")
def recorded_fixture(tmp_path: Path) -> Iterator[tuple[Project, Traffic]]:
    with ScriptedUpstream(reply) as upstream:
        path = write_project(tmp_path, upstream=upstream.url.removesuffix("/v1"), workers=1)
        text = path.read_text().replace("routes:\n", f"routes:\n  {ROUTE}: {{deployment: base}}\n", 1)
        path.write_text(text.replace("gateway: {", "gateway: {auth: keys, "))
        project = load_project(path, {})
        database = Database.open(project.layout.make())
        rights = ("complete", "feedback", "pin")
        keys = [create_key(database, CreateKey(name=name, rights=rights), now_us=1) for name in ("app", "bot")]
        database.close()
        with project_gateway(project) as url:
            traffic = Traffic(url, *(key.secret for key in keys))
            send(traffic)
            for client in traffic.clients:
                client.close()
        yield project, traffic


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(fairtrial, list(arguments))
    assert done.exception is None or isinstance(done.exception, SystemExit), (done.output, done.exception)
    return done.exit_code, done.stdout


def test_exactly_the_eligible_requests_become_cases_and_the_others_are_counted(
    recorded: tuple[Project, Traffic],
) -> None:
    project, traffic = recorded
    config = ("--config", str(project.path))
    code, said = run("store", "erase-unit", GONE, "--yes", *config)
    assert code == 0, said
    migrate = ("migrate", "base", "tuned", "--from-traffic", "100", *config, "--json")
    code, said = run(*migrate)
    report = json.loads(said)
    drawn = project.layout.traffic_suites / "traffic-base.yaml"
    [suite] = load(drawn)
    assert {case.case_id: case.messages[-1]["content"] for case in suite.cases} == traffic.eligible
    assert all(case.expected == label(traffic.eligible[case.case_id]) for case in suite.cases)
    instructed = [case for case in suite.cases if case.messages[0]["role"] == "system"]
    assert len(instructed) == 10
    assert report["left_out"] == LEFT_OUT
    assert (code, report["successors"][0]["decision"]) == (0, "SHIP"), report

    for file in project.layout.traffic_suites.iterdir():
        file.unlink()
    again = json.loads(run(*migrate)[1])
    assert {case.case_id for case in load(drawn)[0].cases} == traffic.eligible.keys()
    asked_by_suites = again["left_out"].pop("suites")
    assert asked_by_suites > LEFT_OUT["suites"] + len(traffic.eligible)
    assert again["left_out"] == {name: count for name, count in LEFT_OUT.items() if name != "suites"}
