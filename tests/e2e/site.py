"""A running project for the browser tests: gateway, control and dashboard, and the runs of two models in the store."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from fairtrial.cli.running import RunOptions, load_suites, run_suites
from fairtrial.cli.services import Services
from tests.integration.fake_upstream import FakeUpstream

CASES = 40
SUITE = """\
suite: tickets
data: rows.jsonl
score:
  - contains: {any: refund}
gate:
  - contains >= 1%
"""
GATE = "version: 1\ngate: release\nsuites: [tickets]\n"


@dataclass(frozen=True)
class Site:
    """The project's services, and control as a release manager asks it."""

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

    def enqueue(self, size: int, *, title: str = "Tickets of the week", overlap: float = 0.0) -> str:
        """The id of a new queue of pairs of the two models' answers."""
        wish = {"suite": "tickets", "candidate": "tuned", "baseline": "base", "size": size}
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
            self.services.project, suites, ["base", "tuned"], base_url=self.services.urls.api, options=RunOptions()
        )


def say(text: str) -> dict[str, Any]:
    """The upstream's answer with this text."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"kind": "json", "answer": {"system_fingerprint": "weights-1", "choices": [choice]}}


def answer_by_model(asked: dict[str, Any]) -> dict[str, Any]:
    """What the two fake models say: alike in form, different in words, and never their own name."""
    question = str(asked["messages"][-1]["content"]).split(":")[0]
    warm = f"{question}: of course, we will send your refund today, and I am sorry that you had to wait for it."
    short = f"{question}: your refund goes out today."
    return say(warm if asked["model"] == "tuned" else short)
