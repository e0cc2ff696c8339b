"""Calls operations through control's HTTP API."""

import os
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

import httpx
import msgspec

from fairtrial.api import store
from fairtrial.api.operation import Operation, Q, R, read_answer
from fairtrial.config.layout import Layout, written_key
from fairtrial.config.owner_lock import read_note
from fairtrial.domain.errors import ControlSilent, StoreError, UnreadableAnswer, UsageError
from fairtrial.domain.limits.constants import CONTROL_SECONDS
from fairtrial.domain.store_reports import Job, OnProgress, ignore_progress
from fairtrial.domain.wording import WITHOUT_CONTROL
from fairtrial.http_calls import error_message, send, unknown_answer

ADMIN_KEY = "FAIRTRIAL_ADMIN_KEY"
"""The environment variable for an `admin` key, for a control process on another machine.

Without it, commands use the key that control wrote for this machine.
"""
POLL_SECONDS = 0.15
T = TypeVar("T")
UNAUTHORIZED = 401


class HttpClient:
    """A `StoreClient` over HTTP. ``seconds``: how long it waits for any answer; by default, as operations say."""

    def __init__(self, control_url: str, layout: Layout, *, seconds: float | None = None) -> None:
        key = os.environ.get(ADMIN_KEY) or written_key(layout.admin_key)
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self.layout = layout
        self._url = control_url
        self._seconds = seconds
        self._client = httpx.Client(base_url=control_url, headers=headers, trust_env=False)

    def __enter__(self) -> "HttpClient":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def call(self, operation: Operation[Q, R], request: Q) -> R:
        answer = self._send(operation, request)
        return _read(answer, lambda: read_answer(operation, answer.content))

    def follow(self, operation: Operation[Q, R], request: Q, on_progress: OnProgress = ignore_progress) -> R:
        answer = self._send(operation, request)
        job = _read(answer, lambda: msgspec.json.decode(answer.content, type=Job))
        while job.state == "running":
            if job.step is not None:
                on_progress(job.step)
            time.sleep(POLL_SECONDS)
            job = self.call(store.job, store.NameJob(job_id=job.job_id))
        if job.error is not None:
            raise UsageError(job.error) if job.blame == "caller" else StoreError(job.error)
        result = job.result
        return _read(answer, lambda: msgspec.convert(result, operation.response))

    def publish_plan(self) -> None:
        """Nothing to do: control published it before it answered, and watches the file."""

    def _send(self, operation: Operation[Q, R], request: Q) -> httpx.Response:
        self._require_life("The request was not sent.")
        answers: SimpleQueue[httpx.Response | Exception] = SimpleQueue()
        Thread(target=lambda: answers.put(self._answer(operation, request)), daemon=True).start()
        while True:
            try:
                answer = answers.get(timeout=CONTROL_SECONDS)
                break
            except Empty:  # an operation may take minutes, but a hung process never ends it
                self._require_life("It may still do what was requested if it runs again.")
        if isinstance(answer, Exception):
            raise self._silent(answer, "Whether it did what was requested is unknown.") from answer
        if answer.is_success:
            return answer
        raise _refusal(answer)

    def _answer(self, operation: Operation[Q, R], request: Q) -> httpx.Response | Exception:
        try:
            return send(self._client, operation, request, seconds=self._seconds)
        except Exception as error:  # noqa: BLE001 - the caller's thread raises it, unless it has closed the client
            return error

    def _require_life(self, known: str) -> None:
        """Raise `ControlSilent` unless control answers at all; ``known``: what became of the request."""
        try:
            self._client.get("/livez", timeout=CONTROL_SECONDS)
        except httpx.HTTPError as error:
            raise self._silent(error, known) from error

    def _silent(self, error: Exception, known: str) -> ControlSilent:
        note = read_note(self.layout)
        process = "" if note is None else f" Its process has the pid {note.pid}; if it hangs, end it."
        return ControlSilent(f"{self._url}: control does not answer ({error})\n{known} {WITHOUT_CONTROL}{process}")


def _read(answer: httpx.Response, read: Callable[[], T]) -> T:
    try:
        return read()
    except msgspec.DecodeError as error:
        raise UnreadableAnswer(unknown_answer(answer, error)) from error


def _refusal(answer: httpx.Response) -> UsageError | StoreError:
    message = error_message(answer)
    if answer.status_code == UNAUTHORIZED:
        message += f" (create a key with: fairtrial keys create NAME --right admin, and set it as {ADMIN_KEY})"
    return UsageError(message) if answer.is_client_error else StoreError(message)
