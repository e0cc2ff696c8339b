"""Prints stored runs: a list of them, and the head and metrics of one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from math import ceil
from typing import Any

import click
from rich.console import Console

from fairtrial.domain.answers.signals import SIGNALS
from fairtrial.domain.errors import printable
from fairtrial.domain.limits.constants import microseconds
from fairtrial.domain.run import UNSCORED
from fairtrial.domain.wording import OUTCOMES, age, counted
from fairtrial_cli.output.table import columns, print_table

Row = dict[str, Any]
DASH = "–"
SHORT = 12
"""How many characters of a fingerprint are shown."""
COLUMNS = ("run", "suite", "target", "status", "cases", "unscored", "age", "model", "fingerprint", "seed")


def listed(row: Row) -> Row:
    """A run of the list: its summary with parsed counts, and the numbers of cases and of unscored answers."""
    found = {**row, **{name: _parsed(row[name]) for name in ("counts", "metrics", "versions")}}
    return {**found, "model": row.get("model"), "cases": _cases(found), "unscored": _unscored(found["counts"])}


def print_runs(rows: Sequence[Row], *, now_us: int) -> None:
    """Print the runs of `listed`."""
    head = columns(*COLUMNS, numbers=("cases", "unscored", "seed"))
    print_table(Console(), head, [_line(row, now_us) for row in rows])


def print_head(run: Row, used: Row, *, now_us: int, full: bool) -> None:
    """Print what identifies the run, how it ended, and its metrics."""
    click.echo(printable(f"{run['suite']} on {run['target']}, {age(run['at_us'], now_us)}"))
    for name, value in _facts(run, used, full=full).items():
        click.echo(f"  {name:<12} {printable(value)}")
    click.echo("  metrics" if run["metrics"] else f"  {'metrics':<12} {DASH}")
    width = max((len(name) for name in run["metrics"]), default=0)
    for name, value in run["metrics"].items():
        click.echo(f"    {printable(name):<{width}}  {DASH if value is None else f'{value:.4g}'}")


def identity(run: Row, *, now_us: int) -> str:
    """The model, fingerprint and age of a run in one line."""
    return f"{run.get('model') or DASH}, fingerprint {_short(run)}, {age(run['at_us'], now_us)}, run {run['run_id']}"


def _facts(run: Row, used: Row, *, full: bool) -> dict[str, str]:
    versions = (
        f"{name} ({text if full else text.split(' ')[0]})" for name, text in run["versions"].items() if name != SIGNALS
    )
    return {
        "run": run["run_id"],
        "suite": f"{run['suite']}, digest {run['suite_digest'] if full else run['suite_digest'][:8]}",
        "target": run["target"],
        "model": run.get("model") or DASH,
        "fingerprint": (run["fingerprint"] or DASH) if full else _short(run),
        "seed": str(run["seed"]),
        "scorers": ", ".join(versions) or DASH,
        "status": f"{run['status']}, {counted(used['cases'], 'case')}, {counted(used['results'], 'answer')}",
        "answers": _outcomes(run["counts"]) or DASH,
    }


def _outcomes(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{OUTCOMES.get(name, name)} {count:,}" for name, count in counts.items() if count)


def _line(row: Row, now_us: int) -> tuple[str, ...]:
    begun = microseconds(datetime.fromisoformat(row["at_time"]))
    names = (row["run_id"], row["suite"], row["target"], row["status"], f"{row['cases']:,}", f"{row['unscored']:,}")
    more = (age(begun, now_us), row["model"] or DASH, row["fingerprint"] or DASH, str(row["seed"]))
    return (*names, *more)


def _short(run: Row) -> str:
    return (run["fingerprint"] or DASH)[:SHORT]


def _cases(run: Row) -> int:
    """The answers without their repeats; an interrupted run may lack some repeats of its last case."""
    found: int = ceil(sum(run["counts"].values()) / max(1, run["repeat"]))
    return found


def _unscored(counts: Mapping[str, int]) -> int:
    return sum(count for name, count in counts.items() if name in UNSCORED)


def _parsed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value
