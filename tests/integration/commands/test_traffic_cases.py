"""`migrate --from-traffic` draws exactly the eligible of 300 requests of the official client, and counts the others."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import openai
import pytest
from click.testing import CliRunner

from evaluators.loading.suite_reader import load
from fairtrial.api.keys import CreateKey
from fairtrial.config.project import Project, load_project
from fairtrial.domain.accounts import Right
from fairtrial.store.access.credentials import create_key
from fairtrial.store.core.database import Database
from fairtrial_cli.main import fairtrial
from fairtrial_cli.processes.private_gateway import project_gateway
from tests.fixtures.services.project_files import write_project
from tests.fixtures.upstream.scripted_upstream import ScriptedUpstream, failing
from tests.fixtures.upstream.server import Script

pytestmark = pytest.mark.release("walks")

LABELS = ("refund", "delivery", "account")
ROUTE = "base"
"""The route has the name of the deployment's model, so a pinned request names it too."""
TOOLS = [{"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}]
GONE = "the user who leaves"
IMAGE = [{"role": "user", "content": [{"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="}]}]
CALLED = [{"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c"}]
SILENT = {"role": "assistant", "content": ""}
LONG = "word " * 60_000


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
    if "silent" in text:
        return {"kind": "json", "answer": {"choices": [{"index": 0, "message": SILENT, "finish_reason": "stop"}]}}
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
    """What the official client sends; ``eligible``: the ids of the requests that can be cases, and their texts.

    ``sent``: how many requests there were.
    """

    def __init__(self, url: str, *keys: str) -> None:
        self.clients = [openai.OpenAI(base_url=url, api_key=key, max_retries=0) for key in keys]
        self.eligible: dict[str, str] = {}
        self.number = self.sent = 0

    def next(self, more: str = "") -> tuple[openai.OpenAI, str]:
        self.number += 1
        return self.clients[self.number % 2], f"ticket {self.number} {more}".strip()

    def continued(self) -> None:
        """A response and what continues it, which must be of the same key."""
        earlier = self.response()
        self.number += 1
        self.response(eligible=False, previous_response_id=earlier)

    def repeated(self) -> None:
        """The same chat twice, of which the newer one is drawn."""
        self.chat(eligible=False)
        self.number -= 1
        self.chat()

    def completion(self) -> None:
        client, text = self.next()
        client.completions.create(model=ROUTE, prompt=text)
        self.sent += 1

    def chat(self, *, more: str = "", eligible: bool = True, **fields: Any) -> None:
        client, text = self.next(more)
        asked = {"model": ROUTE, "messages": [{"role": "user", "content": text}], **fields}
        self.sent += 1
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
        self.sent += 1
        self._read(raw, text, eligible=eligible)
        return "" if fields.get("stream") else str(raw.parse().id)

    def _read(self, raw: Any, text: str, *, eligible: bool) -> None:
        answer = raw.parse()
        if hasattr(answer, "close"):
            list(answer)
        if eligible:
            self.eligible[raw.headers["x-request-id"]] = text


CAN_BE_CASES: Sequence[tuple[int, Callable[[Traffic], object]]] = (
    (26, lambda traffic: traffic.chat(max_tokens=9)),
    (26, lambda traffic: traffic.chat(stream=True, max_tokens=9)),
    (20, lambda traffic: traffic.response(instructions="Name the intent.")),
    (16, lambda traffic: traffic.response(stream=True)),
    (4, Traffic.repeated),
    (6, Traffic.continued),
)
LEFT_OUT: Mapping[str, Sequence[tuple[int, Callable[[Traffic], object]]]] = {
    "error": [(32, lambda traffic: traffic.chat(eligible=False, more="fails"))],
    "erased": [(24, lambda traffic: traffic.chat(eligible=False, user=GONE))],
    "tools": [(22, lambda traffic: traffic.chat(eligible=False, tools=TOOLS))],
    "other_endpoint": [(20, Traffic.completion)],
    "no_question": [
        (20, lambda traffic: traffic.response(CALLED, eligible=False)),
        (16, lambda traffic: traffic.response(IMAGE, eligible=False)),
    ],
    "choices": [(18, lambda traffic: traffic.chat(eligible=False, n=2))],
    "no_text": [(16, lambda traffic: traffic.chat(eligible=False, more="silent"))],
    "suites": [
        (12, lambda traffic: traffic.chat(eligible=False, extra_headers={"x-fairtrial-deployment": "base"})),
        (
            10,
            lambda traffic: traffic.chat(
                eligible=False, model="support-bot", extra_headers={"x-fairtrial-variant": "base"}
            ),
        ),
    ],
    "too_large": [(2, lambda traffic: traffic.chat(eligible=False, more=LONG))],
}
"""By the reason, how many requests of each form; the six that continue a response are sent with it."""
REQUESTS, CASES, CONTINUED = 300, 98, 6


def send(traffic: Traffic) -> None:
    """One request of each form, and again until all are sent, so that the forms mix."""
    turns = [*CAN_BE_CASES, *(turn for turns in LEFT_OUT.values() for turn in turns)]
    while turns:
        for _, act in turns:
            act(traffic)
        turns = [(count - 1, act) for count, act in turns if count > 1]


@pytest.fixture(name="recorded")
def recorded_fixture(tmp_path: Path) -> Iterator[tuple[Project, Traffic]]:
    with ScriptedUpstream(reply) as upstream:
        path = write_project(tmp_path, upstream=upstream.url.removesuffix("/v1"), workers=1)
        text = path.read_text().replace("routes:\n", f"routes:\n  {ROUTE}: {{deployment: base}}\n", 1)
        path.write_text(text.replace("gateway: {", "gateway: {auth: keys, "))
        project = load_project(path, {})
        database = Database.open(project.layout.make())
        rights: tuple[Right, ...] = ("complete", "feedback", "pin")
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
    assert (traffic.sent, len(traffic.eligible)) == (REQUESTS, CASES)
    counts = {reason: sum(count for count, _ in turns) for reason, turns in LEFT_OUT.items()} | {"continued": CONTINUED}
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
    assert len(instructed) == 20
    assert report["left_out"] == counts
    assert (code, report["successors"][0]["decision"]) == (0, "SHIP"), report

    for file in project.layout.traffic_suites.iterdir():
        file.unlink()
    again = json.loads(run(*migrate)[1])
    assert {case.case_id for case in load(drawn)[0].cases} == traffic.eligible.keys()
    asked_by_suites = again["left_out"].pop("suites")
    assert asked_by_suites > counts.pop("suites") + len(traffic.eligible)
    assert again["left_out"] == counts
