"""Manages review queues for commands, in the open store."""

from __future__ import annotations

import msgspec
from pydantic import ValidationError

from fairtrial.domain.errors import UsageError
from fairtrial.domain.plan import Plan
from fairtrial.domain.reviews.evidence import ReviewEvidence
from fairtrial.store.core.database import Database
from fairtrial.store.reviews import evidence, queues
from fairtrial_cli.store_client.local.conversion import ACTOR, Clock, Row, plain, usage_errors


class LocalReviews:
    """Review queues in the open store; ``now_us`` returns microseconds since 1970, UTC."""

    def __init__(self, database: Database, now_us: Clock) -> None:
        self._database = database
        self._now_us = now_us

    def enqueue(self, fields: Row, plan: Plan) -> Row:
        from gateway.control.operations.fill_review_queue import fill_review_queue
        from gateway.control.operations.requests.review_queue import QueueRequest

        try:
            request = QueueRequest(**fields)
        except ValidationError as error:
            first = error.errors()[0]
            raise UsageError(f"reviews: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
        queue_id = fill_review_queue(self._database, request, plan=plan, by=ACTOR, now_us=self._now_us())
        return self._details(queue_id)

    def listing(self) -> list[Row]:
        rows: list[Row] = msgspec.to_builtins(queues.list_details(self._database))
        return rows

    def close(self, queue_id: str) -> Row:
        with usage_errors():
            queues.close(self._database, queue_id, by=ACTOR, now_us=self._now_us())
            return self._details(queue_id)

    def rows(self, queue_id: str) -> list[Row]:
        with usage_errors():
            rows: list[Row] = msgspec.to_builtins(evidence.export_rows(self._database, queue_id))
        return rows

    def evidence(self, candidate: str, baseline: str) -> ReviewEvidence:
        return evidence.read_evidence(self._database, candidate, baseline)

    def _details(self, queue_id: str) -> Row:
        return plain(queues.details(self._database, queue_id))
