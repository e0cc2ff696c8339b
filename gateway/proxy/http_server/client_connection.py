"""A caller's connection, as the requests on it see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Line(Protocol):
    """See above."""

    @property
    def date(self) -> bytes:
        """The ``date`` header, with its line's end."""
        ...

    @property
    def reserved(self) -> bool:
        """Whether it has a descriptor of the reserve."""
        ...

    @property
    def full(self) -> bool:
        """Whether the caller doesn't read what it was sent."""
        ...

    async def drain(self) -> None:
        """Wait until it does, or has left."""
        ...

    async def leave(self, *, idle: float) -> None:
        """Wait until it has read nearly all; one that takes none of it for ``idle`` seconds has left itself."""
        ...

    @property
    def write(self) -> Callable[[bytes], None]:
        """The transport's own, which costs a call less."""
        ...

    def close(self) -> None:
        """Close when what was written has left."""
        ...

    def abort(self) -> None:
        """Close at once."""
        ...

    def hold_back(self, *, unread: int) -> None:
        """Read no more where too much waits, and on where it doesn't."""
        ...

    def address(self, name: str) -> tuple[str, int] | None: ...

    def answered(self) -> None:
        """The next one's turn."""
        ...
