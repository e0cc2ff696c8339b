"""Keeps the tests of `make release` apart: each names its part in `pytest.mark.release("part")`.

Without ``--release``, as in `make test`, they are left out. With ``--release PART``, only those of that part run.
``--release test,PART`` runs them with those of `make test`, and ``--release all`` runs every test.
"""

from __future__ import annotations

import pytest

OPTION = "--release"
EVERYTHING, UNMARKED = "all", "test"


def add_option(parser: pytest.Parser) -> None:
    parser.addoption(
        OPTION,
        metavar="PART",
        help="run the tests of these parts of `make release`; 'test': those of `make test`; 'all': every test",
    )


def select(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests that do not belong to this run."""
    wanted = (config.getoption(OPTION) or UNMARKED).split(",")
    if EVERYTHING in wanted:
        return
    parts = [part_of(item) or UNMARKED for item in items]
    left_out = [item for item, part in zip(items, parts, strict=True) if part not in wanted]
    items[:] = [item for item, part in zip(items, parts, strict=True) if part in wanted]
    config.hook.pytest_deselected(items=left_out)


def part_of(item: pytest.Item) -> str | None:
    """The part of `make release` that a test belongs to; None for a test of `make test`."""
    mark = item.get_closest_marker("release")
    return None if mark is None else str(mark.args[0])
