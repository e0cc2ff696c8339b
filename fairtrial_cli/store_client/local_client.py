"""Calls operations in this process, which opens the store itself because no control process runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fairtrial.api.encoding import from_http, read_answer, to_http
from fairtrial.api.operation import Operation, Q, R
from fairtrial.config.layout import Layout
from fairtrial.domain.errors import RequestError, StoreError, UsageError
from fairtrial.domain.limits.constants import FIRST_SERVER_ERROR
from fairtrial.domain.storage.maintenance import OnProgress, ignore_progress
from gateway.control.answer import Work, answer, implementation
from gateway.control.context import COMMAND_LINE, Context

if TYPE_CHECKING:
    from fairtrial_cli.store_client.local_owner import LocalOwner


class LocalClient:
    """A `StoreClient` on the store that this process owns.

    Requests and answers are encoded and decoded as over HTTP, so that constraints, types and errors are the same.
    """

    def __init__(self, owner: LocalOwner) -> None:
        self.owner = owner
        self._context = Context(self.owner, COMMAND_LINE)

    def __enter__(self) -> LocalClient:
        return self

    @property
    def layout(self) -> Layout:
        return self.owner.database.layout

    def __exit__(self, *_: object) -> None:
        self.owner.close()

    def call(self, operation: Operation[Q, R], request: Q) -> R:
        try:
            return read_answer(operation, answer(operation, self._context, _received(operation, request)).content)
        except RequestError as error:
            raise _refusal(error) from error

    def follow(self, operation: Operation[Q, R], request: Q, on_progress: OnProgress = ignore_progress) -> R:
        try:
            work: Work = implementation(operation)(self._context, _received(operation, request))
            result = work.run(on_progress)
        except RequestError as error:
            raise _refusal(error) from error
        return msgspec.json.decode(msgspec.json.encode(result), type=operation.response)

    def publish_plan(self) -> None:
        self.owner.publish_plan()


def _received(operation: Operation[Q, R], request: Q) -> Q:
    """The request as HTTP would deliver it."""
    sent = to_http(operation, request)
    return from_http(operation, sent.named, sent.query, sent.body)


def _refusal(error: RequestError) -> UsageError | StoreError:
    return UsageError(error.message) if error.status < FIRST_SERVER_ERROR else StoreError(error.message)
