"""What holds for every test, however the tests are started."""

from __future__ import annotations

import signal

signal.signal(
    signal.SIGINT, signal.default_int_handler
)  # a job in the background ignores Ctrl-C, and so would its children
