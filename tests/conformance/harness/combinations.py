"""Chooses which case runs with which client: every pair of client and protocol, or the full product."""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import product
from typing import NamedTuple

from tests.conformance.cases.all import CASES
from tests.conformance.cases.case import Case

CLIENTS = tuple(f"openai{version}-{mode}" for version in "23" for mode in ("sync", "async"))
FULL = "FAIRTRIAL_CONFORMANCE_FULL"
"""Set in the environment, it runs every combination; `make conformance` sets it."""


class Combination(NamedTuple):
    """A case, and the client that it runs with."""

    case: Case
    client: str

    def __str__(self) -> str:
        return f"{self.case.key_name}-{self.client}"


def combinations(cases: Iterable[Case] = tuple(CASES)) -> list[Combination]:
    """What runs: `every` combination if the environment asks for it, otherwise `pairs`."""
    return every(cases) if os.environ.get(FULL) else pairs(cases)


def every(cases: Iterable[Case]) -> list[Combination]:
    """The full product. A client that lacks the case's parameter is part of it, and its test is skipped."""
    return [Combination(*chosen) for chosen in product(cases, CLIENTS)]


def pairs(cases: Iterable[Case]) -> list[Combination]:
    """Every case, and every pair of client and protocol; a protocol with fewer cases than clients repeats them."""
    protocols: dict[str, list[Case]] = {}
    for case in cases:
        protocols.setdefault(case.protocol, []).append(case)
    chosen = []
    for start, members in enumerate(protocols.values()):
        for row in range(max(len(members), len(CLIENTS))):
            chosen.append(_row(members[row % len(members)], row + start * len(CLIENTS)))
    return chosen


def _row(case: Case, row: int) -> Combination:
    """The case with the next client; a case that only the newest client can express stays with that version."""
    client = CLIENTS[row % len(CLIENTS)]
    if case.newest_client_only:
        client = client.replace("openai2", "openai3")
    return Combination(case, client)
