"""Names who calls an operation, and how records name the caller."""

from __future__ import annotations

from dataclasses import dataclass

from fairtrial.config.local_user import local_actor
from fairtrial.domain.accounts import LOCAL, Role

KEY = "key:"


@dataclass(frozen=True, slots=True)
class Caller:
    """The person or program that sent a request. ``is_command``: a command of this machine's user.

    Such a command opens the store, or uses the key in a file that only this user can read.
    """

    account_id: str
    name: str
    role: Role
    is_command: bool = False

    @property
    def is_person(self) -> bool:
        """False for an API key, even if a person created it."""
        return not self.account_id.startswith(KEY)

    @property
    def author(self) -> str:
        """The caller as entries of the audit trail name it."""
        return COMMAND_LINE.name if self.is_command else self.name


COMMAND_LINE = Caller(f"{KEY}command line", "command line", "admin", is_command=True)
"""A command that opens the store."""

CONTROL = Caller(f"{KEY}control", "control", "admin")
"""Control itself."""


def actor_of(caller: Caller) -> str:
    """The caller as records name it: an account, a key's name, or the local user."""
    if caller.is_command or caller.account_id == LOCAL.account_id:
        return local_actor()
    return f"account {caller.name}" if caller.is_person else f"key {caller.name}"
