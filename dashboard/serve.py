"""Starts Streamlit like `streamlit run`, but without polling its configuration files.

Streamlit reads three files five times a second, and its server wakes ten times a second to check for a shutdown. At
rest, that uses more CPU than everything else in `fairtrial up`. A changed `config.toml` is read at the next start.
"""

import sys
from typing import Any

import uvicorn
from streamlit.web import bootstrap, cli

from fairtrial.uvicorn_server import WokenServer


def main() -> None:
    """Serve the page in the arguments until the process is asked to stop."""
    if hasattr(bootstrap, "_install_config_watchers"):  # undocumented; without it, Streamlit only uses more CPU
        bootstrap._install_config_watchers = _watch_nothing
    uvicorn.Server = WokenServer  # type: ignore[misc]
    cli.main(["run", *sys.argv[1:]], prog_name="streamlit")


def _watch_nothing(flag_options: dict[str, Any]) -> None:
    """Replaces Streamlit's watchers."""


if __name__ == "__main__":
    main()
