"""Uses the store through control's HTTP API."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
import msgspec

from evaluators.engine.run_events import run_of
from fairtrial.config.layout import Layout
from fairtrial.domain.errors import StoreError, UsageError
from fairtrial.domain.run import Run
from fairtrial.domain.storage import verdict_json
from fairtrial.domain.storage.keys import KeyOptions, NewKey
from fairtrial.domain.storage.overview import IngestResult, Overview
from fairtrial.domain.storage.traffic import AmountHistory, ServedBefore, Traffic
from fairtrial.domain.verdict import Verdict
from fairtrial.journal.reader import decode
from fairtrial_cli.store_client.remote.accounts import RemoteAccounts
from fairtrial_cli.store_client.remote.data_audits import RemoteDataAudits
from fairtrial_cli.store_client.remote.experiments import RemoteExperiments
from fairtrial_cli.store_client.remote.maintenance import RemoteMaintenance
from fairtrial_cli.store_client.remote.reviews import RemoteReviews
from fairtrial_cli.store_client.remote.runs import RemoteRuns
from fairtrial_cli.store_client.remote.verdicts import RemoteVerdicts

if TYPE_CHECKING:
    from evaluators.results.run_table import RunTable
    from evaluators.suite import Suite
    from fairtrial.config.project import Project
    from gateway.control.operations.requests.judgement import JudgeRequest

ADMIN_KEY = "FAIRTRIAL_ADMIN_KEY"
"""The environment variable for an `admin` key, for a control process on another machine.

Without it, commands use the key that control wrote for this machine.
"""

SECONDS = 120.0
JUDGE_SECONDS = 3600.0
"""A gate with many lines on large runs takes minutes, and may wait for other gates."""
T = TypeVar("T")


class RemoteStore:
    """A `StoreClient` over control's HTTP API. ``seconds``: how long it waits for an answer."""

    def __init__(self, control_url: str, layout: Layout, *, seconds: float = SECONDS) -> None:
        key = os.environ.get(ADMIN_KEY) or _written_key(layout)
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self._url = control_url
        self._layout = layout
        self.maintenance = RemoteMaintenance(self._send)
        self.accounts = RemoteAccounts(self._send)
        self.reviews = RemoteReviews(self._send)
        self.experiments = RemoteExperiments(self._send)
        self.verdicts = RemoteVerdicts(self._send)
        self.runs = RemoteRuns(self._send)
        self.data_audits = RemoteDataAudits(self._send)
        self._client = httpx.Client(base_url=control_url, headers=headers, timeout=seconds, trust_env=False)

    def __enter__(self) -> RemoteStore:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def ingest_now(self) -> IngestResult:
        return msgspec.json.decode(self._send("POST", "/api/ingest"), type=IngestResult)

    def publish_plan(self) -> None:
        """Nothing to do: control published it before it answered, and watches the file."""

    def overview(self) -> Overview:
        return msgspec.json.decode(self._send("GET", "/api/store"), type=Overview)

    def record_suites(self, suites: Sequence[Suite]) -> None:
        from fairtrial_cli.store_client.journal_events import write_new_texts

        if write_new_texts(self._layout, suites, self._knows_text):
            self.ingest_now()

    def judge(self, request: JudgeRequest, project: Project) -> Verdict:  # noqa: ARG002 - control reads its own
        content = request.model_dump_json(exclude_none=True).encode()
        return verdict_json.decode(self._send("POST", "/api/verdicts", content=content, seconds=JUDGE_SECONDS))

    def list_verdicts(
        self, *, gate: str | None = None, candidate: str | None = None, limit: int = 100
    ) -> tuple[Verdict, ...]:
        rows = self._rows("/api/verdicts", msgspec.Raw, gate=gate, candidate=candidate, limit=limit, findings=True)
        return tuple(verdict_json.decode(bytes(row)) for row in rows)

    def load_run(self, run_id: str) -> Run:
        lines = self._send("GET", f"/api/runs/{run_id}/events").split(b"\n")
        return run_of(decode(line) for line in lines if line)

    def load_table(self, run_id: str) -> RunTable:
        from evaluators.results.stored_table import table_from

        def details(scorer: str) -> Any:
            return self._arrow(f"/api/runs/{run_id}/details", scorer=scorer)

        return table_from(self._arrow(f"/api/runs/{run_id}/columns"), details)

    def list_runs(
        self, *, suite: str | None = None, target: str | None = None, limit: int = 100
    ) -> list[dict[str, Any]]:
        return self._rows("/api/runs", dict[str, Any], suite=suite, target=target, limit=limit)

    def latest_runs(
        self, *, suite: str | None = None, target: str | None = None, suite_digest: str | None = None
    ) -> list[Run]:
        return [self.load_run(run_id) for run_id in self.latest_ids(suite, target, suite_digest)]

    def latest_ids(
        self, suite: str | None = None, target: str | None = None, suite_digest: str | None = None
    ) -> list[str]:
        params = {"suite": suite, "target": target, "suite_digest": suite_digest}
        return msgspec.json.decode(self._send("GET", "/api/runs/latest", params=params), type=list[str])

    def traffic(self, *, experiment: str | None = None, since_us: int = 0) -> list[Traffic]:
        return self._rows("/api/traffic", Traffic, experiment=experiment, since_us=since_us)

    def amounts(self, before: ServedBefore, metrics: Sequence[str]) -> list[AmountHistory]:
        return self._rows("/api/traffic/amounts", AmountHistory, metric=list(metrics), **asdict(before))

    def create_key(self, name: str, options: KeyOptions) -> NewKey:
        wish = {"name": name} | msgspec.to_builtins(options)
        return msgspec.json.decode(self._send("POST", "/api/keys", content=msgspec.json.encode(wish)), type=NewKey)

    def list_keys(self) -> list[dict[str, Any]]:
        return self._rows("/api/keys", dict[str, Any], limit=1000)

    def revoke_key(self, key_id: str) -> None:
        self._send("DELETE", f"/api/keys/{key_id}")

    def _knows_text(self, suite_digest: str, text_digest: str) -> bool:
        rows = self._rows("/api/suites", dict[str, Any], suite_digest=suite_digest, text_digest=text_digest)
        return bool(rows)

    def _arrow(self, path: str, **params: Any) -> Any:
        import pyarrow

        with pyarrow.ipc.open_stream(self._send("GET", path, params=params)) as stream:
            return stream.read_all()

    def _rows(self, path: str, kind: type[T], **params: Any) -> list[T]:
        answer = self._send("GET", path, params=params)
        rows: dict[str, list[T]] = msgspec.json.decode(answer, type=dict[str, list[kind]])  # type: ignore[valid-type]
        return rows["rows"]

    def _send(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, Any] | None = None,
        content: bytes | None = None,
        seconds: float | None = None,
    ) -> bytes:
        parameters = {name: value for name, value in (params or {}).items() if value is not None}
        headers = {"content-type": "application/json"} if content is not None else {}
        try:
            answer = self._client.request(
                method,
                path,
                params=parameters,
                content=content,
                headers=headers,
                timeout=self._client.timeout if seconds is None else seconds,
            )
        except httpx.HTTPError as error:
            raise StoreError(
                f"{self._url}: the control process owns the store but does not respond ({error})"
            ) from error
        if answer.is_success:
            return answer.content
        raise _refusal(answer)


def _written_key(layout: Layout) -> str | None:
    try:
        return layout.admin_key.read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def _refusal(answer: httpx.Response) -> UsageError | StoreError:
    try:
        message = str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        message = f"{answer.request.url}: status {answer.status_code}"
    if answer.status_code in (401, 403):
        message += f" (create a key with: fairtrial keys create NAME --right admin, and set it as {ADMIN_KEY})"
    return UsageError(message) if answer.is_client_error else StoreError(message)
