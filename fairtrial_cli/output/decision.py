"""Writes what an experiment has shown and decided as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def decision_lines(found: Mapping[str, Any], *, running: bool) -> Iterator[str]:
    """The result, then one line for each guardrail. ``found``: what `StoreClient.experiments.decision` returns.

    The sentence of an experiment that does not run begins with its state, so its primary metric alone is shown.
    """
    analysis = found["analysis"]
    if analysis is None:
        return
    if running:
        yield found["sentence"]
    else:
        yield from (one["sentence"] for one in analysis["primary"] if one["sentence"])
    for one in analysis["guardrails"]:
        known = one["control"] is not None or one["treatment"] is not None
        yield f"{one['metric']}: " + (f"{one['levels']}; {one['room_words']}" if known else one["room_words"])
