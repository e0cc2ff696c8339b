"""Names this machine's user, as records name the person who ran a command."""

from __future__ import annotations

import os
import pwd

LOCAL_USER = "local user "
"""How records begin the name of this machine's user."""


def local_user(uid: int | None = None) -> str:
    """The operating system's user with this number, by default the one that runs this process.

    A container may have no name for the number.
    """
    number = os.getuid() if uid is None else uid
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def local_actor(uid: int | None = None) -> str:
    """The user as the actor of a record."""
    return f"{LOCAL_USER}{local_user(uid)}"
