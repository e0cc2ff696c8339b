"""Distributes the tests to pytest-xdist's processes by file, or by group where several files share something expensive.

Groups and the tests of services start first and short files last, so that no process waits idle for another at the end.
"""

from __future__ import annotations

from typing import Any

from xdist.scheduler import LoadScopeScheduling

FOLDER_GROUPS = ("tests/conformance/", "tests/e2e/", "tests/integration/upstreams/")
"""Each folder shares fixtures for a session: gateways with all clients' calls, a project with a browser, or litellm."""

MODEL_FILES = ("test_containers.py", "test_demo.py", "test_models_server.py")
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


class GroupScheduling(LoadScopeScheduling):
    """Gives a process the next group in the order of the collection."""

    def __init__(self, config: Any, log: Any) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)
