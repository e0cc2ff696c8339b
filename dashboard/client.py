"""Requests data from the control API, the only data source, with the visitor's session; caches what never changes."""

import functools
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from time import monotonic
from typing import Any

import httpx
import msgspec
import streamlit as st

from fairtrial.api.operation import Operation, Q, R, read_answer
from fairtrial.domain.limits.constants import CONTROL_SECONDS
from fairtrial.http_calls import error_message, send, unknown_answer

CONTROL_URL = "FAIRTRIAL_CONTROL_URL"
SESSION_COOKIE = "fairtrial_session"
"""The session cookie that control sets at sign-in. The dashboard only forwards it and has no further rights."""
_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,100}")
Row = Mapping[str, Any]
MINUTES = 30
MAX_ENTRIES = 400


class ControlUnreachable(Exception):
    """The control plane does not answer. The message gives the address and the reason."""


class Refused(Exception):
    """The control plane returned an error, with an HTTP status and a message for the visitor."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Control:
    """A client of the control plane at ``url`` with the visitor's ``session`` (``None``: not signed in).

    ``only_reads``: the visitor's role changes nothing, so pages draw no buttons for changes.
    Each call raises `ControlUnreachable` if there is no response, and `Refused` if the response is an error.
    """

    url: str
    session: str | None = None
    only_reads: bool = False

    def call(self, operation: Operation[Q, R], request: Q) -> R:
        """The answer of an operation."""
        signed_in = self.session and _TOKEN.fullmatch(self.session)
        headers = {"cookie": f"{SESSION_COOKIE}={self.session}"} if signed_in else {}
        self._require_life()
        try:
            answer = send(_client(self.url), operation, request, headers=headers)
        except httpx.HTTPError as error:
            raise ControlUnreachable(f"{self.url} does not answer ({type(error).__name__})") from error
        if not answer.is_success:
            raise Refused(answer.status_code, error_message(answer))
        try:
            return read_answer(operation, answer.content)
        except msgspec.DecodeError as error:
            raise Refused(answer.status_code, unknown_answer(answer, error)) from error

    def _require_life(self) -> None:
        """Raise `ControlUnreachable` within seconds if control hangs; for as long again, do so at once."""
        if monotonic() < _hangs_until.get(self.url, 0.0):
            raise ControlUnreachable(f"{self.url} has just not answered")
        try:
            _client(self.url).get("/livez", timeout=CONTROL_SECONDS)
        except httpx.HTTPError as error:
            if isinstance(error, httpx.TimeoutException):
                _hangs_until[self.url] = monotonic() + CONTROL_SECONDS
            raise ControlUnreachable(f"{self.url} does not answer ({type(error).__name__})") from error


_hangs_until: dict[str, float] = {}
"""When each address is asked again after a timeout, so that a page does not wait for each of its parts."""


def from_environment(session: str | None = None) -> Control:
    """The control plane that the environment names, by default on loopback."""
    return Control(os.environ.get(CONTROL_URL, "http://127.0.0.1:8081").rstrip("/"), session)


@functools.cache
def _client(url: str) -> httpx.Client:
    """One client for all visitors, because creating one is slow. It stores no cookies, which belong to visitors."""
    none = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    return httpx.Client(base_url=url, cookies=none, trust_env=False)


def cached_call(control: Control, operation: Operation[Q, R], request: Q) -> R:
    """The answer of an operation, cached because finished runs and verdicts never change.

    The session is part of the cache key, so that no visitor gets data that only another one may see.
    """
    key = operation.name, msgspec.json.encode(request)
    answer: R = _fetch(control.url, control.session, key, operation, request)
    return answer


@st.cache_data(ttl=60 * MINUTES, max_entries=MAX_ENTRIES, show_spinner=False)
def _fetch(url: str, session: str | None, key: tuple[str, bytes], _operation: Any, _request: Any) -> Any:  # noqa: ARG001
    return Control(url, session).call(_operation, _request)
