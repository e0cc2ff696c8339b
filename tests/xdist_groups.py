"""Distributes the tests to pytest-xdist's processes by file, or by group where several files share something expensive.

Groups and the tests of services start first and short files last, so that no process waits idle for another at the end.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from xdist.scheduler import LoadScopeScheduling

from tests.fixtures.paths import ROOT

FOLDER_GROUPS = ("tests/conformance/", "tests/e2e/", "tests/integration/upstreams/", "tests/architecture/")
"""Each folder shares something for a session: gateways with all clients' calls, a browser, litellm, or syntax trees."""

MODEL_FILES = (
    "test_changed_models.py",
    "test_containers.py",
    "test_demo.py",
    "test_documented_containers.py",
    "test_migrate_models.py",
    "test_model_equality.py",
    "test_model_parity.py",
    "test_models_server.py",
)
"""One group, because real models occupy a whole core: only one of these files runs at a time."""

MODEL_GROUP = "models"
ORDER = (MODEL_GROUP, *FOLDER_GROUPS, "tests/integration/services/", "tests/integration/", "tests/docs/")
"""What starts first, by the beginning of a group's or a file's name; everything else follows."""


def group_of(nodeid: str) -> str:
    """The name of the group whose tests run in one process: a file's name, unless it belongs to a larger group."""
    file = nodeid.partition("::")[0]
    if file.endswith(MODEL_FILES):
        return MODEL_GROUP
    return next((folder for folder in FOLDER_GROUPS if file.startswith(folder)), file)


def start_order(nodeid: str) -> int:
    """The rank of a test; tests of equal rank keep the order in which they were collected."""
    group = group_of(nodeid)
    return next((rank for rank, start in enumerate(ORDER) if group.startswith(start)), len(ORDER))


def share_of(files: Sequence[Path], worker: str, workers: int) -> Sequence[Path]:
    """The files that one of so many processes imports first; ``worker`` is its name, such as ``gw0``."""
    number = int(worker.removeprefix("gw"))
    return files[len(files) * number // workers : len(files) * (number + 1) // workers]


def import_share(worker: str, workers: int) -> None:
    """Import a part of the test files, so that in a new clone each file is compiled by one process instead of by all.

    A file that can't be imported is left to the collection, which reports it.
    """
    for path in share_of(sorted((ROOT / "tests").rglob("test_*.py")), worker, workers):
        with suppress(Exception):
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))


class GroupScheduling(LoadScopeScheduling):
    """Gives a process the next group in the order of the collection."""

    def __init__(self, config: Any, log: Any) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)
