"""Defines a page by its title, icon, address and draw function. The pages are in `views/`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dashboard.client import Control
from fairtrial.domain.accounts import Role


@dataclass(frozen=True, slots=True)
class View:
    """A page. ``place`` orders the navigation, ``path`` is its address, ``icon`` a Material symbol.

    ``role`` is the lowest role that may open it; ``reading`` is false if the page serves only to change something, so
    that roles that only read may not. Control also enforces roles for all data that the page requests.
    """

    title: str
    icon: str
    path: str
    place: int
    draw: Callable[[Control], None]
    role: Role = "release-manager"
    reading: bool = True
