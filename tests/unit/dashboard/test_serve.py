"""The dashboard's server is Streamlit's, without what wakes it while nobody looks at a page."""

from __future__ import annotations

import sys

import pytest
import uvicorn
from streamlit.web import bootstrap, cli

from dashboard import serve
from fairtrial.uvicorn_server import WokenServer


def test_streamlit_starts_without_watching_its_files(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = bootstrap._install_config_watchers  # a Streamlit without it would watch its files by another name
    monkeypatch.setattr(bootstrap, "_install_config_watchers", watched)
    monkeypatch.setattr(uvicorn, "Server", uvicorn.Server)
    monkeypatch.setattr(sys, "argv", ["serve", "app.py", "--server.port=1"])
    started: list[object] = []

    def main(arguments: list[str], **_: object) -> None:
        bootstrap._install_config_watchers({})
        started.extend([arguments, uvicorn.Server])

    monkeypatch.setattr(cli, "main", main)
    monkeypatch.setattr(bootstrap, "watch_file", lambda *_, **__: pytest.fail("a file is watched"))
    serve.main()
    assert started == [["run", "app.py", "--server.port=1"], WokenServer]
