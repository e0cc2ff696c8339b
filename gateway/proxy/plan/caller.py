"""Who was let in: what a key may do, and which routes it may name."""

from __future__ import annotations

from dataclasses import dataclass

from fairtrial.domain.errors import NotAllowed
from fairtrial.domain.plan import RIGHTS, Key, Right


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller that was let in; ``key_id`` and ``name`` are ``None`` where the gateway is open.

    Empty ``routes`` means all.
    """

    key_id: str | None
    rights: frozenset[Right]
    routes: frozenset[str]
    name: str | None = None

    def require(self, right: Right) -> None:
        """`NotAllowed` unless the caller has this right."""
        if right not in self.rights:
            raise NotAllowed(
                f"this key may not {_WORDS[right]} (its rights: {', '.join(sorted(self.rights)) or 'none'})",
                code="right_missing",
            )

    def may_name(self, route: str) -> bool:
        """Whether the caller may name this route."""
        return not self.routes or route in self.routes

    def may_continue(self, route: str, owner: str | None) -> bool:
        """Whether the caller may read and continue what a key of this name made on this route.

        The name decides, so that a key that replaces another one under its name keeps its conversations.
        """
        return self.may_name(route) and (owner is None or owner == self.name)


_WORDS: dict[Right, str] = {
    "complete": "ask models",
    "feedback": "send feedback",
    "pin": "force a variant or a deployment",
    "see_variant": "see variants",
    "admin": "use the control plane",
}
ANYONE = Caller(key_id=None, rights=frozenset(RIGHTS), routes=frozenset())


def caller_of(key: Key) -> Caller:
    """What the holder of a key may do."""
    return Caller(key_id=key.key_id, rights=frozenset(key.rights), routes=frozenset(key.routes), name=key.name)
