"""What a page is: a title, an icon, an address, and a function that draws it. The pages are in `views/`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dashboard.client import Control
from fairtrial.domain.accounts import Role


@dataclass(frozen=True, slots=True)
class View:
    """One page; ``place`` orders the navigation, ``path`` is its address, ``icon`` a Material symbol.

    ``role``: the lowest role that may open it; control enforces it again for everything that the page asks for.
    """

    title: str
    icon: str
    path: str
    place: int
    draw: Callable[[Control], None]
    role: Role = "release-manager"
