"""A running project for the browser tests: gateway, control and dashboard, and the runs of two models in the store."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from dashboard.client import SESSION_COOKIE
from fairtrial.cli.running import RunOptions, load_suites, run_suites
from fairtrial.cli.services import Services
from fairtrial.config.layout import Layout
from fairtrial.domain.verdict import Verdict
from tests.integration.project_files import write_project
from tests.integration.stored_verdict import store_verdict
from tests.upstream.server import FakeUpstream

CASES = 40
BASELINE, CANDIDATE = "plover", "quokka"
"""The two deployments; their models are called so too."""
SUITE = """\
suite: tickets
data: rows.jsonl
score:
  - contains: {any: refund}
gate:
  - contains >= 1%
"""
GATE = "version: 1\ngate: release\nsuites: [tickets]\n"


PEOPLE = {"Anna": "reviewer", "Ben": "reviewer", "Rita": "release-manager", "Ada": "admin"}
PASSWORD = "a few words are easy to remember"


@dataclass(frozen=True)
class Site:
    """The project's services, and control as this machine's key may ask it."""

    services: Services
    upstream: FakeUpstream

    @property
    def dashboard(self) -> str:
        assert self.services.urls.dashboard is not None
        return self.services.urls.dashboard

    @property
    def control(self) -> str:
        return self.services.urls.control

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Control's answer as JSON, asked with the key of this machine; an error fails the test with its words."""
        key = self.services.project.layout.admin_key
        headers = {"authorization": f"Bearer {key.read_text().strip()}"} if key.exists() else {}
        answer = httpx.request(method, f"{self.control}{path}", json=body, headers=headers, timeout=30)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def welcome(self) -> None:
        """Make the accounts: each is invited, and sets a password by the link."""
        for name, role in PEOPLE.items():
            token = self.ask("POST", "/api/accounts", {"name": name, "role": role})["token"]
            form = {"name": name, "password": PASSWORD, "again": PASSWORD}
            answer = httpx.post(f"{self.control}/invitation/{token}", data=form, timeout=30)
            assert answer.status_code == 303, answer.text

    def session(self, name: str) -> str:
        """The cookie of a new session of this person."""
        answer = httpx.post(f"{self.control}/sign-in", data={"name": name, "password": PASSWORD}, timeout=30)
        assert answer.status_code == 303, answer.text
        return str(answer.cookies[SESSION_COOKIE])

    def enqueue(self, size: int, *, title: str = "Tickets of the week", overlap: float = 0.0) -> str:
        """The id of a new queue of pairs of the two models' answers."""
        wish = {"suite": "tickets", "candidate": CANDIDATE, "baseline": BASELINE, "size": size}
        made = self.ask("POST", "/api/reviews/queues", {**wish, "title": title, "overlap": overlap, "seed": 7})
        return str(made["queue_id"])

    def votes(self, queue_id: str) -> list[dict[str, Any]]:
        """The votes of a queue, unblinded; this closes it."""
        self.ask("POST", f"/api/reviews/queues/{queue_id}/close")
        rows: list[dict[str, Any]] = self.ask("GET", f"/api/reviews/queues/{queue_id}/export")["rows"]
        return rows

    def run_suite(self, folder: Path) -> None:
        """Ask both models every case of the suite, through the gateway."""
        rows = [
            {"id": f"case-{i}", "input": f"Question {i}: where is my order?", "expected": "refund"}
            for i in range(CASES)
        ]
        (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (folder / "suite.yaml").write_text(SUITE)
        (folder / "gate.yaml").write_text(GATE)
        suites = load_suites([folder / "suite.yaml"])
        run_suites(
            self.services.project, suites, [BASELINE, CANDIDATE], base_url=self.services.urls.api, options=RunOptions()
        )


@contextmanager
def a_site(
    folder: Path, answers: Callable[[dict[str, Any]], dict[str, Any]], verdict: Verdict | None = None
) -> Iterator[Site]:
    """A running project whose models give these answers, with everybody's account and a run of each model.

    ``verdict`` is in its store before it starts.
    """
    with FakeUpstream() as upstream:
        upstream.script = answers
        path = write_project(folder, upstream=upstream.url.removesuffix("/v1"), workers=1)
        path.write_text(with_names(path.read_text()))
        if verdict is not None:
            store_verdict(Layout(folder / "fairtrial.duckdb"), verdict)
        with Services(path, workers=1) as services:
            site = Site(services, upstream)
            site.welcome()
            with ThreadPoolExecutor(1) as aside:  # Playwright's event loop may run in this thread
                aside.submit(site.run_suite, folder).result()
            yield site


def with_names(text: str) -> str:
    """The project with names that nothing else is called, so that a test may look for them in all that is sent."""
    for name, ours in (("base", BASELINE), ("tuned", CANDIDATE)):
        text = re.sub(rf"\b{name}\b", ours, text.replace(f"openai/{name}", f"openai/{ours}-7b"))
    return text


def say(text: str) -> dict[str, Any]:
    """The upstream's answer with this text."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"kind": "json", "answer": {"system_fingerprint": "weights-1", "choices": [choice]}}


def answer_by_model(asked: dict[str, Any]) -> dict[str, Any]:
    """What the two fake models say: alike in form, different in words, and never their own name."""
    question = str(asked["messages"][-1]["content"]).split(":")[0]
    warm = f"{question}: of course, we will send your refund today, and I am sorry that you had to wait for it."
    short = f"{question}: your refund goes out today."
    return say(warm if asked["model"].startswith(CANDIDATE) else short)
