"""Lists the parts of `make release` in the order in which they run, with what each takes on the reference machine."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """The tests that are marked with this part's name, or a program.

    ``seconds``: wall time on two idle cores of the reference machine, by which `.ci/run` decides what still fits.
    """

    name: str
    proves: str
    seconds: float
    program: tuple[str, ...] = ()

    def command(self, pytest: Sequence[str]) -> list[str]:
        """What runs it; ``pytest`` is the command for tests."""
        return [sys.executable, *self.program] if self.program else [*pytest, "--release", self.name]


SINCE = ("benchmarks/since.py", "--rounds", "4")
PARTS = (
    Part("since", "no kind of work costs more than in the newest release", 540, SINCE),
    Part("upgrades", "the store, journal and workers of earlier releases, with their own programs", 45),
    Part("kills", "nothing that was acknowledged is lost or stored twice when processes are killed", 65),
    Part("transports", "aiohttp passes every case that the gateway's own connections pass", 50),
    Part("load", "memory and answers under a thousand streams, large bodies and slow readers", 35),
    Part("attacks", "verdicts, approvals and control under attack and in rare states", 60),
    Part("browser", "every page of the dashboard in Chromium, whole stories, and the documented proxies", 180),
    Part("models", "the small real models answer over OpenAI's protocol, adapters included", 45),
    Part(
        "containers", "the package on three Pythons, and the containers: they start, restrict themselves and serve", 200
    ),
    Part("walks", "pages of the documentation, followed from their first line to their last", 150),
    Part("golden", "every published metric gives its reference implementation's numbers on a thousand pairs", 25),
    Part("fuzz", "thousands of odd requests and answers: none crashes, none is answered with another's", 60),
    Part("simulations", "planted faults of more seeds, and how often decisions are right", 90),
    Part(
        "validity",
        "error rates of the statistics, by a thousand simulations of each",
        90,
        ("benchmarks/validity.py", "--replications", "1000"),
    ),
    Part("demo", "the demo from its first line to its last, and when it is interrupted", 700),
)
