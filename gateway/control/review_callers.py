"""Who asks the review API: for now whoever the guard lets in, as the one person of this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends


@dataclass(frozen=True, slots=True)
class Caller:
    """The person behind a request."""

    account_id: str
    name: str


def _local() -> Caller:
    return Caller("local", "local")


Reviewer = Annotated[Caller, Depends(_local)]
Manager = Annotated[Caller, Depends(_local)]
