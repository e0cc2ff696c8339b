"""Starts Streamlit as `streamlit run` does, without looking for changes of its configuration files all the time.

Streamlit reads three files five times a second, and its server wakes ten times a second to see whether it should end:
more than all the rest of `fairtrial up` at rest. A changed `config.toml` is read at the next start.
"""

from __future__ import annotations

import sys
from typing import Any

import uvicorn
from streamlit.web import bootstrap, cli

from fairtrial.uvicorn_server import WokenServer


def main() -> None:
    """Serve the page that the arguments name, until told to end."""
    if hasattr(bootstrap, "_install_config_watchers"):  # not a documented name: without it all works, but not at rest
        bootstrap._install_config_watchers = _watch_nothing
    uvicorn.Server = WokenServer  # type: ignore[misc]
    cli.main(["run", *sys.argv[1:]], prog_name="streamlit")


def _watch_nothing(flag_options: dict[str, Any]) -> None:
    """In the place of the watchers."""


if __name__ == "__main__":
    main()
