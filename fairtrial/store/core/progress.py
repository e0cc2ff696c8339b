"""How long work on the store tells how far it is: one small value, given to whoever asked to be told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """``done`` of ``total`` of what is being done now, in whatever unit the work counts."""

    what: str
    done: int
    total: int


OnStep = Callable[[Step], None]


def silent(_: Step) -> None:
    """For those who don't want to know."""
