"""How the tests are dealt out to two processes of pytest: by file, and by folder where a folder shares what is dear."""

from __future__ import annotations

from typing import Any

from xdist.scheduler import LoadScopeScheduling

FOLDERS = ("tests/conformance/", "tests/e2e/")
"""One gateway with all clients' calls, and one project with one Chromium: made once, by the process that has them."""

MODELS = ("test_containers.py", "test_demo.py", "test_models_server.py")
"""Real models take a whole core: one file of these at a time."""


class Pieces(LoadScopeScheduling):
    """A process takes the next piece in the order of the files, so that what waits for services overlaps the rest."""

    def __init__(self, config: Any, log: Any) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if file.endswith(MODELS):
            return "models"
        return next((folder for folder in FOLDERS if file.startswith(folder)), file)
