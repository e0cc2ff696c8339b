"""Lists the parts of `make release`, with what each takes on the reference machine, and the order of a run's turn."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TURN = Path(__file__).with_name("turn")
"""The file with the number of the turn, which each change of CHANGELOG.md raises by one."""
GROUPS = 3
EVERY_RUN = -1


@dataclass(frozen=True, slots=True)
class Part:
    """The tests that are marked with this part's name, or a program.

    ``seconds``: wall time on two idle cores of the reference machine, by which `.ci/run` decides what still fits.
    ``group``: the parts of one group run first in every third turn; `EVERY_RUN` is not left out for time.
    """

    name: str
    proves: str
    seconds: float
    group: int
    program: tuple[str, ...] = ()

    def command(self, pytest: Sequence[str]) -> list[str]:
        """What runs it; ``pytest`` is the command for tests."""
        return [sys.executable, *self.program] if self.program else [*pytest, "--release", self.name]


SINCE = ("benchmarks/since.py", "--rounds", "4")
VALIDITY = ("benchmarks/validity.py", "--replications", "1000")
PARTS = (
    Part("short_demo", "the demo's story on few cases, with known answers in place of its models", 50, EVERY_RUN),
    Part("stories", "long ways through states, commands and services, with many looks or processes", 100, EVERY_RUN),
    Part("walks", "pages of the documentation, followed from their first line to their last", 220, EVERY_RUN),
    Part("since", "no kind of work costs more than in the newest release", 540, 0, SINCE),
    Part("kills", "nothing that was acknowledged is lost or stored twice when processes are killed", 65, 0),
    Part("fuzz", "thousands of odd requests and answers: none crashes, none is answered with another's", 60, 0),
    Part("load", "memory and answers under a thousand streams, large bodies and slow readers", 35, 0),
    Part("golden", "every published metric gives its reference implementation's numbers on a thousand pairs", 25, 0),
    Part("validity", "error rates of the statistics, by a thousand simulations of each", 90, 0, VALIDITY),
    Part("demo", "the demo on real models from its first line to its last, and when it is interrupted", 670, 1),
    Part("upgrades", "the store, journal and workers of earlier releases, with their own programs", 45, 1),
    Part("models", "the small real models answer over OpenAI's protocol, adapters included", 45, 1),
    Part("attacks", "verdicts, control, gateway and files under attack and in rare states", 300, 2),
    Part("containers", "the package on three Pythons, and the containers: they start and serve", 245, 2),
    Part("browser", "every page of the dashboard in Chromium, whole stories, and the documented proxies", 180, 2),
    Part("simulations", "planted faults of more seeds, and how often decisions are right", 90, 2),
)


def present_turn() -> int:
    """The number in the file."""
    return int(TURN.read_text(encoding="utf-8"))


def in_order(turn: int) -> list[Part]:
    """The parts of every run, then the group whose turn it is, then the next groups."""
    return sorted(PARTS, key=lambda part: -1 if part.group == EVERY_RUN else (part.group - turn) % GROUPS)
