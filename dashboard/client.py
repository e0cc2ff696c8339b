"""The dashboard's only source: the control plane's API over HTTP, as plain values, with the rights of its visitor."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx

CONTROL_URL = "FAIRTRIAL_CONTROL_URL"
SESSION_COOKIE = "fairtrial_session"
"""The cookie that control sets at the sign-in; the dashboard only passes it on, and has no rights of its own."""
SECONDS = 30.0
JSON = "application/json"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,100}")
Row = Mapping[str, Any]


class ControlUnreachable(Exception):
    """The control plane does not answer; the message says where it was looked for and why."""


class Refused(Exception):
    """The control plane answered with an error: its HTTP status and its message, which is fit to be shown."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Control:
    """The control plane at ``url``, asked for the visitor whose ``session`` this is (``None``: nobody signed in).

    Each call raises `ControlUnreachable` when there is no answer and `Refused` when the answer is an error.
    """

    url: str
    session: str | None = None

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of ``GET path``; a parameter that is ``None`` is left out."""
        return self._ask("GET", path, params={name: value for name, value in query.items() if value is not None})

    def send(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of a request that changes something; ``body`` is sent as JSON."""
        return self._ask(method, path, json=body)

    def rows(self, path: str, **query: Any) -> Sequence[Row]:
        """The rows of a listing."""
        found: Sequence[Row] = self.get(path, **query)["rows"]
        return found

    def _ask(self, method: str, path: str, **how: Any) -> Any:
        headers = {"content-type": JSON} if method != "GET" else {}
        if self.session and _TOKEN.fullmatch(self.session):
            headers["cookie"] = f"{SESSION_COOKIE}={self.session}"
        try:
            answer = _client(self.url).request(method, path, headers=headers, **how)
        except httpx.HTTPError as error:
            raise ControlUnreachable(f"{self.url} does not answer ({type(error).__name__})") from error
        if answer.is_success:
            return answer.json()
        raise Refused(answer.status_code, _message(answer))


def from_environment(session: str | None = None) -> Control:
    """The control plane that the environment names, on loopback if it names none."""
    return Control(os.environ.get(CONTROL_URL, "http://127.0.0.1:8081").rstrip("/"), session)


@functools.cache
def _client(url: str) -> httpx.Client:
    """One for all visitors, because making one takes longer than asking; so it keeps nobody's cookies."""
    none = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    return httpx.Client(base_url=url, cookies=none, timeout=SECONDS, trust_env=False)


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"{answer.request.url.path} answered {answer.status_code}"
