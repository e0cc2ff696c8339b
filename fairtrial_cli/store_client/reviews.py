"""Manages review queues for commands, in the open store or through control's API."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec
from pydantic import ValidationError

from fairtrial.domain.errors import RequestError, UsageError
from fairtrial.domain.plan import Plan
from fairtrial.domain.reviews.evidence import ReviewedQueue, ReviewEvidence
from fairtrial.store.core.database import Database
from fairtrial.store.reviews import evidence, queues

Row = dict[str, Any]


class SendRequest(Protocol):
    """Sends a request of a `RemoteStore`."""

    def __call__(
        self, method: str, path: str, *, params: dict[str, Any] | None = None, content: bytes | None = None
    ) -> bytes:
        """The response body; raises `UsageError`, `StoreError`."""


class LocalReviews:
    """Review queues in the open store; ``now_us`` returns microseconds since 1970, UTC."""

    def __init__(self, database: Database, now_us: Any) -> None:
        self._database = database
        self._now_us = now_us

    def enqueue(self, fields: Row, plan: Plan) -> Row:
        from gateway.control.operations.fill_review_queue import QueueRequest, fill_review_queue

        try:
            request = QueueRequest(**fields)
        except ValidationError as error:
            first = error.errors()[0]
            raise UsageError(f"reviews: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
        queue_id = fill_review_queue(self._database, request, plan=plan, by="command line", now_us=self._now_us())
        return self._details(queue_id)

    def listing(self) -> list[Row]:
        rows: list[Row] = msgspec.to_builtins(queues.list_details(self._database))
        return rows

    def close(self, queue_id: str) -> Row:
        try:
            queues.close(self._database, queue_id, by="command line", now_us=self._now_us())
            return self._details(queue_id)
        except RequestError as error:
            raise UsageError(error.message) from error

    def rows(self, queue_id: str) -> list[Row]:
        try:
            found: list[Row] = msgspec.to_builtins(evidence.export_rows(self._database, queue_id))
        except RequestError as error:
            raise UsageError(error.message) from error
        return found

    def evidence(self, candidate: str, baseline: str) -> ReviewEvidence:
        return evidence.read_evidence(self._database, candidate, baseline)

    def _details(self, queue_id: str) -> Row:
        found: Row = msgspec.to_builtins(queues.details(self._database, queue_id))
        return found


class RemoteReviews:
    """Review queues through control's API."""

    def __init__(self, send: SendRequest) -> None:
        self._send = send

    def enqueue(self, fields: Row, plan: Plan) -> Row:  # noqa: ARG002 - control has its own plan
        return self._one("POST", "/api/reviews/queues", msgspec.json.encode(fields))

    def listing(self) -> list[Row]:
        return self._rows("/api/reviews/status")

    def close(self, queue_id: str) -> Row:
        return self._one("POST", f"/api/reviews/queues/{queue_id}/close")

    def rows(self, queue_id: str) -> list[Row]:
        return self._rows(f"/api/reviews/queues/{queue_id}/export")

    def evidence(self, candidate: str, baseline: str) -> ReviewEvidence:
        params = {"candidate": candidate, "baseline": baseline}
        answer = self._send("GET", "/api/reviews/votes", params=params)
        return tuple(msgspec.json.decode(answer, type=dict[str, list[ReviewedQueue]])["rows"])

    def _one(self, method: str, path: str, content: bytes | None = None) -> Row:
        return msgspec.json.decode(self._send(method, path, content=content), type=Row)

    def _rows(self, path: str) -> list[Row]:
        return msgspec.json.decode(self._send("GET", path), type=dict[str, list[Row]])["rows"]
