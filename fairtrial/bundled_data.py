"""Finds the data that ships with the product: suites, project templates and the support example."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent
INSTALLED = _PACKAGE / "bundled"
"""Where the wheel's build puts the data; an editable install has none of it."""
CHECKOUT = _PACKAGE.parent


def bundled_data(name: str) -> Path:
    """The folder or file of that name below the repository's root, such as ``examples/init``, wherever it is installed.

    An editable install reads the repository itself; an installed wheel reads ``fairtrial/bundled``.
    """
    root = INSTALLED if INSTALLED.is_dir() else CHECKOUT
    return root / name
