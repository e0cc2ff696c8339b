"""Manages review queues for commands, through control's API."""

from __future__ import annotations

import msgspec

from fairtrial.domain.plan import Plan
from fairtrial.domain.reviews.evidence import ReviewedQueue, ReviewEvidence
from fairtrial_cli.store_client.remote.request import Row, SendRequest


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
