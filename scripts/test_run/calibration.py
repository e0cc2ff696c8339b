"""Measures how fast this machine runs Python, so that CPU seconds of different machines and hours can be compared."""

from __future__ import annotations

import os
import sys

REFERENCE_SECONDS = 0.104
"""What the sample takes on the machine on which the limits of `make test` were set, while tests keep its cores busy."""
SAMPLE = "import argparse, asyncio, ast, decimal, email.mime.text, json, logging, unittest"
"""A program of the standard library alone: it imports modules and ends, as most processes of tests do."""


def sample_seconds() -> float:
    """CPU seconds of an interpreter that runs the sample.

    A loop of few values in a running process stays as fast beside processes that empty the caches. Tests do not.
    """
    pid = os.posix_spawn(sys.executable, [sys.executable, "-I", "-c", SAMPLE], os.environ)
    _, status, used = os.wait4(pid, 0)
    if status:
        raise RuntimeError(f"the sample of the calibration ended with status {status}")
    return used.ru_utime + used.ru_stime


def slowness(samples: list[float]) -> float:
    """How many times slower than the reference this machine was, by the seconds of its samples."""
    return sum(samples) / len(samples) / REFERENCE_SECONDS
