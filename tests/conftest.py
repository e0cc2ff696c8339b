"""What holds for every test, however the tests are started."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
from hypothesis import settings

signal.signal(
    signal.SIGINT, signal.default_int_handler
)  # a job in the background ignores Ctrl-C, and so would its children

# No outcome may depend on how fast a machine is or on the day's examples; to hunt: HYPOTHESIS_PROFILE=default.
settings.register_profile("steady", settings.get_profile("ci"), max_examples=50)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With ``-n``, tests go to the processes in pieces that share what is dear to make."""
    from tests.xdist_groups import Pieces

    return Pieces(config, log)
