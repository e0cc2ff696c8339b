"""Declares how the parts of the remote store send requests to control."""

from __future__ import annotations

from typing import Any, Protocol

Row = dict[str, Any]


class SendRequest(Protocol):
    """Sends a request of a `RemoteStore`."""

    def __call__(
        self, method: str, path: str, *, params: dict[str, Any] | None = None, content: bytes | None = None
    ) -> bytes:
        """The response body; raises `UsageError`, `StoreError`."""
