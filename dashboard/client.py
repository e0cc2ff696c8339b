"""The dashboard's only source: the control plane's API over HTTP, as plain values."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

CONTROL_URL = "FAIRTRIAL_CONTROL_URL"
ADMIN_KEY = "FAIRTRIAL_ADMIN_KEY"
ADMIN_KEY_FILE = "FAIRTRIAL_ADMIN_KEY_FILE"
"""The key for a control API that others can reach too: given itself, or in the file that control has written."""
Row = Mapping[str, Any]


class ControlUnreachable(Exception):
    """The control plane does not answer; the message says where it was looked for and why."""


@dataclass(frozen=True, slots=True)
class Control:
    """The control plane at ``url``; each call raises `ControlUnreachable` when it does not answer."""

    url: str
    key: str | None = None

    def services(self) -> Row:
        """The health of every part, as control sees it."""
        found: Row = self._get("/api/services")
        return found

    def stored(self) -> Row:
        """How many rows of each noun the store has."""
        rows: Row = self._get("/api/store")["rows"]
        return rows

    def experiments(self) -> Sequence[Row]:
        """Each experiment with its definition and the traffic of its variants."""
        return self._rows("/api/experiments")

    def verdicts(self, limit: int = 20) -> Sequence[Row]:
        """The latest verdicts, newest first."""
        return self._rows("/api/verdicts", limit=limit, findings="true")

    def _rows(self, path: str, **query: Any) -> Sequence[Row]:
        rows: Sequence[Row] = self._get(path, **query)["rows"]
        return rows

    def _get(self, path: str, **query: Any) -> Any:
        headers = {"authorization": f"Bearer {self.key}"} if self.key else {}
        try:
            answer = httpx.get(self.url + path, params=query, headers=headers, timeout=5, trust_env=False)
            answer.raise_for_status()
        except httpx.HTTPStatusError as error:
            raise ControlUnreachable(f"{self.url}{path} answered {error.response.status_code}") from error
        except httpx.HTTPError as error:
            raise ControlUnreachable(f"{self.url} does not answer ({type(error).__name__})") from error
        return answer.json()


def from_environment() -> Control:
    """The control plane that the environment names, on loopback if it names none."""
    return Control(os.environ.get(CONTROL_URL, "http://127.0.0.1:8081").rstrip("/"), _key())


def _key() -> str | None:
    given = os.environ.get(ADMIN_KEY)
    path = os.environ.get(ADMIN_KEY_FILE)
    if given or not path:
        return given
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except OSError:
        return None
