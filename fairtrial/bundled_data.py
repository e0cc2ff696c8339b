"""Finds the data that ships with the product: suites, project templates and the support example."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent
INSTALLED = _PACKAGE / "bundled"
"""Where the wheel contains the data. An editable install does not have this folder."""
CHECKOUT = _PACKAGE.parent


def bundled_data(name: str) -> Path:
    """The path of bundled data, named as in the repository, such as ``examples/init``.

    An editable install reads the repository itself; an installed wheel reads ``fairtrial/bundled``.
    """
    root = INSTALLED if INSTALLED.is_dir() else CHECKOUT
    return root / name
