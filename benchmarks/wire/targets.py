"""Defines the gateway's targets relative to nginx and LiteLLM's proxy, and reports the figures."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

GATEWAY, NGINX, LITELLM, PLAIN = "gateway", "nginx", "LiteLLM's proxy", "plain upstream"
Found = Mapping[str, Mapping[str, Mapping[str, float]]]


@dataclass(frozen=True, slots=True)
class Target:
    """``read`` computes the figure, which must be at most, or at least, ``bound``."""

    words: str
    read: Callable[[Found], float]
    bound: float
    at_most: bool = False

    def verdict(self, found: Found) -> dict[str, Any]:
        """The figure, and whether it meets the bound; ``None`` if it wasn't measured."""
        try:
            figure = self.read(found)
        except KeyError:
            return {"target": self.words, "figure": None, "bound": self.bound, "met": None}
        met = figure <= self.bound if self.at_most else figure >= self.bound
        return {"target": self.words, "figure": figure, "bound": self.bound, "met": met}


def _ratio(kind: str, other: str) -> Callable[[Found], float]:
    return lambda found: found[kind][GATEWAY]["per_core"] / found[kind][other]["per_core"]


def _added(found: Found, name: str, cut: str = "p50_ms") -> float:
    return found["latency"][name][cut] - found["latency"][PLAIN][cut]


TARGETS = (
    Target("requests/s per core, of nginx's", _ratio("full", NGINX), 0.20),
    Target("requests/s per core, times LiteLLM's", _ratio("full", LITELLM), 60),
    Target(
        "added median latency, times nginx's",
        lambda found: _added(found, GATEWAY) / _added(found, NGINX),
        3,
        at_most=True,
    ),
    Target("paced chunks/s per core, of nginx's", _ratio("chunks", NGINX), 0.60),
    Target("slow streams, MiB over idle", lambda found: found["slow"][GATEWAY]["mib"], 200, at_most=True),
)


def report(found: Found, streams: int) -> str:
    """Figures and targets as a table."""
    names = [PLAIN, NGINX, GATEWAY, LITELLM]
    rows: list[tuple[str, str, str, str]] = [
        ("requests/s per core", "full", "per_core", ",.0f"),
        ("requests/s, wall clock", "full", "per_second", ",.0f"),
        ("latency at 100/s, p50 ms", "latency", "p50_ms", ".2f"),
        ("latency at 100/s, p99 ms", "latency", "p99_ms", ".2f"),
        ("chunks/s per core, 20 ms", "chunks", "per_core", ",.0f"),
        ("chunks/s, wall clock", "chunks", "per_second", ",.0f"),
        (f"{streams:,} streams, MiB over idle", "slow", "mib", ",.0f"),
        ("  idle MiB", "slow", "idle_mib", ",.0f"),
        ("  streams open at once", "slow", "at_once", ",.0f"),
        ("  streams that ended whole", "slow", "whole", ",.0f"),
    ]
    lines = [f"{'':32}" + "".join(f"{name:>17}" for name in names)]
    for words, kind, part, form in rows:
        cells = [found.get(kind, {}).get(name, {}).get(part) for name in names]
        lines.append(f"{words:32}" + "".join(f"{'-' if cell is None else format(cell, form):>17}" for cell in cells))
    for verdict in (target.verdict(found) for target in TARGETS):
        lines.append(_line(verdict))
    lines.append(
        "One worker each. The gateway checks keys, assigns arms, records and redacts; nginx does none of it, LiteLLM's"
        " proxy checks one key.\nPer core: for each second of CPU time of the server's processes; all share"
        f" {os.cpu_count()} cores with upstream and load generator,\nso the wall-clock rows hold each other down."
    )
    return "\n".join(lines)


def _line(verdict: Mapping[str, Any]) -> str:
    figure, sign = verdict["figure"], "≤" if "latency" in verdict["target"] or "MiB" in verdict["target"] else "≥"
    told = "not measured" if figure is None else f"{figure:,.2f}, {'met' if verdict['met'] else 'MISSED'}"
    return f"{verdict['target']:40} {sign} {verdict['bound']:g}: {told}"
