"""Every case straight to the fake upstream and through the gateway, with every client; and what differs."""

from __future__ import annotations

import gzip
import http.client
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from fairtrial.domain.plan import Deployment, Plan, Route
from fairtrial.domain.settings import Timeouts
from tests.conformance.cases.all import CASES
from tests.conformance.cases.case import MODEL, Case
from tests.conformance.harness.allowed import REQUEST_HEADERS, REQUEST_PREFIXES, RESPONSE_HEADERS, STREAM_HEADERS
from tests.conformance.harness.combinations import combinations
from tests.fixtures.gateway.gateway_fixture import EXPERIMENT, Rig, called_once, deployment, key, plan_for
from tests.fixtures.locked_environment import environment
from tests.fixtures.paths import ROOT
from tests.fixtures.upstream.seen import Seen
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE

STRAIGHT = "fake"
"""The target without a gateway."""

GATEWAY = "gateway"

METERED = ("/v1/chat/completions", "/v1/completions")
UPSTREAM_ID = "req_upstream"
UPSTREAM_MODEL = "fake-2026-01-01"
KEYS = (
    key("ft-good", "complete", "feedback", "pin"),
    key("ft-limited", "complete", routes=(MODEL,)),
)


def plan(fake: FakeUpstream) -> Plan:
    """One route that works, and one for each way in which an upstream can't be reached."""
    places: dict[str, Deployment] = {
        MODEL: deployment("base", fake.url, api_key="sk-upstream"),
        "acme/fake:tuned": deployment("tuned", fake.url, shutdown_date="2027-01-31"),
        "dead-route": deployment("dead", "http://127.0.0.1:1/v1"),
        "nameless-route": deployment("nameless", "http://nowhere.invalid/v1"),
        "tls-route": deployment("tls", fake.url.replace("http:", "https:")),
        "hasty-route": deployment("hasty", fake.url, timeouts=Timeouts(2.0, 0.4, 5.0, 30.0)),
    }
    routes = {name: Route(name, deployment=place.name) for name, place in places.items()}
    routes["arms"] = Route("arms", experiment=EXPERIMENT)
    deployments = {place.name: place for place in places.values()}
    return called_once(replace(plan_for(fake.url), deployments=deployments, routes=routes))


@dataclass(frozen=True)
class Wired:
    """An answer on the wire, out of its framing."""

    status: int
    headers: dict[str, list[str]]
    body: bytes


class Differential:
    """Both targets: the upstream itself, and the gateway. A client runs all of its cases once."""

    def __init__(self, fake: FakeUpstream, rig: Rig) -> None:
        self.fake, self.rig = fake, rig
        fake.model = UPSTREAM_MODEL
        fake.scripts.update({case.key_name: with_id(case.script) for case in CASES})
        self.results = cache(self._results)

    def publish(self) -> None:
        """The plan that the cases are run with."""
        self.rig.publish(plan(self.fake), *KEYS)

    def _results(self, version: str) -> dict[tuple[str, str, str], Any]:
        """By client, target and case: what became of it."""
        jobs = list(self._jobs(f"openai{version}"))
        python = sys.executable if version == "3" else str(environment(f"openai{version}") / "python")
        command = [python, "-m", "tests.conformance.harness.client_run"]
        done = subprocess.run(command, input=json.dumps(jobs), capture_output=True, text=True, cwd=ROOT, timeout=300)
        assert done.returncode == 0, done.stderr[-3000:]
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return {(line["who"], line["target"], line["case"]): line["result"] for line in lines}

    def _jobs(self, version: str) -> Iterator[dict[str, Any]]:
        """What each client of this version runs: its cases on the upstream, and through the gateway."""
        chosen: defaultdict[tuple[str, str], dict[str, None]] = defaultdict(dict)
        for case, client in combinations():
            if client.startswith(version):
                chosen[client, GATEWAY][case.key_name] = None
                if not case.only_gateway:
                    chosen[client, STRAIGHT][case.key_name] = None
        for (client, target), cases in chosen.items():
            url = self.fake.url if target == STRAIGHT else self.rig.url
            yield {"who": client, "mode": client.partition("-")[2], "target": target, "url": url, "cases": list(cases)}

    def run_all(self) -> None:
        """Run every client now, before a test changes the plan."""
        for version in "23":
            self.results(version)

    def result(self, case: Case, client: str, target: str) -> Any:
        """What the client made of the case."""
        return self.results(client[len("openai")])[client, target, case.key_name]

    def requests(self, case: Case, client: str, target: str) -> list[Seen]:
        """What reached the upstream of the case."""
        self.results(client[len("openai")])
        return self.fake.of(f"{client}/{target}/{case.key_name}")

    def wired(self, case: Case, client: str, target: str) -> Wired:
        """The answer to the request that the client sent, on its own connection; straight or through the gateway."""
        sent = self.requests(case, client, STRAIGHT)[0]
        port = self.fake.port if target == STRAIGHT else self.rig.supervisor.port
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        headers = {name: value for name, value in sent.headers if name.lower() not in ("host", "x-fake-key")}
        connection.request(sent.method, sent.path, sent.body or None, headers)
        answer = connection.getresponse()
        found: dict[str, list[str]] = {}
        for name, value in answer.getheaders():
            found.setdefault(name.lower(), []).append(value)
        body = answer.read()
        connection.close()
        return Wired(answer.status, found, body)


def with_id(script: Mapping[str, Any]) -> dict[str, Any]:
    """The script, with the name that an upstream gives a request."""
    if script.get("kind") == "sequence":
        return {**script, "scripts": [with_id(each) for each in script["scripts"]]}
    headers = script.get("headers") or ({"content-type": "application/json"} if script.get("kind") == "bytes" else {})
    return {"kind": "json", **script, "headers": {**headers, "x-request-id": UPSTREAM_ID}}


def same_request(straight: Seen, through: Seen) -> None:
    """What the upstream saw is the same but for what may differ."""
    assert (straight.method, straight.path) == (through.method, through.path)
    assert _headers(straight) == _headers(through)
    if straight.body:
        asked, sent = straight.json, through.json
        assert asked.pop("model") == MODEL and sent.pop("model") == "base-model"
        if asked.get("stream") and straight.path.partition("?")[0] in METERED:
            asked, sent = _without_usage(asked), _without_usage(sent)
        assert _strict(asked) == _strict(sent)


def _without_usage(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields without the usage request, which alone may differ; the other stream options may not."""
    options = {name: value for name, value in (fields.get("stream_options") or {}).items() if name != "include_usage"}
    return {**fields, "stream_options": options}


def same_answer(straight: Wired, through: Wired) -> None:
    """Status, headers and bytes are the same but for what may differ."""
    assert len(through.headers["x-request-id"]) == 1 and through.headers["x-request-id"] != [UPSTREAM_ID]
    packed = straight.headers.get("content-encoding") == ["gzip"]
    assert through.status == straight.status
    expected = gzip.decompress(straight.body) if packed else straight.body
    streams = straight.headers["content-type"][0].startswith("text/event-stream")
    null = b', "usage": null' if streams else b""
    assert through.body.replace(null, b"") == expected.replace(null, b"")
    apart = RESPONSE_HEADERS | STREAM_HEADERS if streams else RESPONSE_HEADERS
    before, after = ({name: v for name, v in one.headers.items() if name not in apart} for one in (straight, through))
    assert after == before


def comparable(result: Any) -> Any:
    """A result without the request's name, which must be there."""
    if isinstance(result, dict) and "request_id" in result:
        return {**result, "request_id": bool(result["request_id"])}
    return result


def _headers(seen: Seen) -> dict[str, str]:
    pairs = {name.lower(): value for name, value in seen.headers}
    return {
        name: value
        for name, value in pairs.items()
        if name not in REQUEST_HEADERS and not name.startswith(REQUEST_PREFIXES)
    }


def _strict(fields: Any) -> str:
    """JSON in which 0, 0.0 and false are three things; key order and white space are none."""
    return json.dumps(fields, sort_keys=True)


MAX_BODY = 24 * 2**20
