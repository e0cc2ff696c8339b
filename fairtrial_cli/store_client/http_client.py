"""Calls operations through control's HTTP API."""

import os
import time

import httpx
import msgspec

from fairtrial.api import store
from fairtrial.api.operation import Operation, Q, R, read_answer, to_http
from fairtrial.config.layout import Layout, written_key
from fairtrial.domain.errors import StoreError, UsageError
from fairtrial.domain.store_reports import Job, OnProgress, ignore_progress

ADMIN_KEY = "FAIRTRIAL_ADMIN_KEY"
"""The environment variable for an `admin` key, for a control process on another machine.

Without it, commands use the key that control wrote for this machine.
"""
POLL_SECONDS = 0.15
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
        return read_answer(operation, self._send(operation, request))

    def follow(self, operation: Operation[Q, R], request: Q, on_progress: OnProgress = ignore_progress) -> R:
        job = msgspec.json.decode(self._send(operation, request), type=Job)
        while job.state == "running":
            if job.step is not None:
                on_progress(job.step)
            time.sleep(POLL_SECONDS)
            job = msgspec.convert(self.call(store.job, store.NameJob(job_id=job.job_id)), Job)
        if job.error is not None:
            raise UsageError(job.error) if job.blame == "caller" else StoreError(job.error)
        return msgspec.convert(job.result, operation.response)

    def publish_plan(self) -> None:
        """Nothing to do: control published it before it answered, and watches the file."""

    def _send(self, operation: Operation[Q, R], request: Q) -> bytes:
        sent = to_http(operation, request)
        headers = {"content-type": "application/json"} if operation.has_body else {}
        try:
            answer = self._client.request(
                operation.method,
                sent.path,
                params=sent.query,
                content=sent.body or None,
                headers=headers,
                timeout=operation.seconds if self._seconds is None else self._seconds,
            )
        except httpx.HTTPError as error:
            raise StoreError(
                f"{self._url}: the control process owns the store but does not respond ({error})"
            ) from error
        if answer.is_success:
            return answer.content
        raise _refusal(answer)


def _refusal(answer: httpx.Response) -> UsageError | StoreError:
    try:
        message = str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        message = f"{answer.request.url}: status {answer.status_code}"
    if answer.status_code == UNAUTHORIZED:
        message += f" (create a key with: fairtrial keys create NAME --right admin, and set it as {ADMIN_KEY})"
    return UsageError(message) if answer.is_client_error else StoreError(message)
