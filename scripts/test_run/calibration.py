"""Measures how fast this machine runs Python, so that CPU seconds of different machines and hours can be compared."""

from __future__ import annotations

import resource
import subprocess
import sys

IMPORTS = (
    "import argparse, asyncio, decimal, email.message, http.server, json, logging, unittest.mock, xml.etree.ElementTree"
)
REFERENCE_SECONDS = 0.107
"""What a sample takes on the machine on which the limits of `make test` were set, while tests keep its cores busy."""


def sample_seconds() -> float:
    """CPU seconds of an interpreter that starts and imports a fixed part of the standard library.

    Tests do the same: they start processes and touch memory that is in no cache. On a busy shared machine they become
    slower together, while a loop that fits into the first cache stays as fast as it was.
    """
    before = children_seconds()
    subprocess.run([sys.executable, "-I", "-S", "-c", IMPORTS], check=True)
    return children_seconds() - before


def children_seconds() -> float:
    """CPU seconds of the processes that this one has started and waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def slowness(samples: list[float]) -> float:
    """How many times slower than the reference this machine was, by the seconds of its samples."""
    return sum(samples) / len(samples) / REFERENCE_SECONDS
