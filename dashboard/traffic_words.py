"""Live traffic of one experiment as people read it: each variant's figures, feedback with a plain interval, alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

import streamlit as st

from dashboard.client import Row
from dashboard.words import DASH, count, counted, dollars, milliseconds, share

Z_95 = 1.959964


def variant_name(row: Row, control: str) -> str:
    """The name, and whether it is the control."""
    return str(row["variant"]) + (" (control)" if row["variant"] == control else "")


def in_order(variants: Sequence[Row], control: str) -> list[Row]:
    """The control first: what one has, then what is on trial."""
    return sorted(variants, key=lambda row: (row["variant"] != control, row["variant"]))


def short(row: Row, control: str) -> dict[str, Any]:
    """One line of the overview."""
    return {
        "variant": variant_name(row, control),
        "units": row["units"],
        "requests": row["requests"],
        "errors": share(row["errors"], row["requests"]),
        "latency p50": milliseconds(row["latency_p50"]),
        "latency p95": milliseconds(row["latency_p95"]),
        "cost": dollars(row["cost_usd"]),
    }


def measures(row: Row) -> dict[str, str]:
    """Every figure of one variant by its name, in the order of the page."""
    cost, requests = row["cost_usd"], row["requests"]
    return {
        "units": count(row["units"]),
        "requests": count(requests),
        "errors": f"{count(row['errors'])} ({share(row['errors'], requests)})",
        **{f"latency p{p}": milliseconds(row[f"latency_p{p}"]) for p in (50, 95, 99)},
        **{f"time to first token p{p}": milliseconds(row[f"ttft_p{p}"]) for p in (50, 95, 99)},
        "tokens in": count(row["tokens_in"]),
        "tokens out": count(row["tokens_out"]),
        "cost": dollars(cost)
        if cost is not None
        else f"unknown ({count(row['cost_unknown'])} answers without a price)",
        "cost per request": dollars(cost / requests) if cost is not None and requests else DASH,
        "served by another variant": count(row["served_elsewhere"]),
        **{f"feedback: {key}": _feedback(found) for key, found in sorted(row["feedback"].items())},
    }


def feedback_rates(key: str, variants: Sequence[Row]) -> list[Mapping[str, Any]]:
    """The share of yes under one key with Wilson's interval, for variants that have ratings between 0 and 1."""
    rated = [(row["variant"], row["feedback"][key]) for row in variants if row["feedback"].get(key, {}).get("rated")]
    return [_wilson(variant, found["rate"], found["rated"]) for variant, found in rated if 0 <= found["rate"] <= 1]


def say_no_unit(reasons: Mapping[str, int]) -> None:
    """The alarm that requests named no unit, and what the application should send."""
    missing = reasons.get("no_unit")
    if not missing:
        return
    shown = share(missing, sum(reasons.values()))
    st.warning(
        f"{counted(missing, 'request')} ({shown}) named no unit and were served the control: they are in no figure. "
        "Let the application send `user`, or the header `x-fairtrial-unit`.",
        icon=":material/person_off:",
    )


def _feedback(found: Row) -> str:
    if found["rate"] is None:
        return f"{counted(found['n'], 'comment')}"
    level = share(found["rate"]) if 0 <= found["rate"] <= 1 else f"{found['rate']:.2f}"
    return f"{level} of {counted(found['rated'], 'rating')}"


def _wilson(variant: str, rate: float, n: int) -> dict[str, Any]:
    """Wilson's interval (1927), for the eye: the dashboard decides nothing."""
    centre, spread = rate + Z_95**2 / (2 * n), Z_95 * sqrt(rate * (1 - rate) / n + Z_95**2 / (4 * n * n))
    scale = 1 + Z_95**2 / n
    return {
        "variant": variant,
        "rate": rate,
        "n": n,
        "low": (centre - spread) / scale,
        "high": (centre + spread) / scale,
    }
