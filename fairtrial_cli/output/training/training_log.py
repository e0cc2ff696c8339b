"""Prints a training log: its plot in the terminal, and the sentence on where validation loss turned, or JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.text import Text

from evaluators.training_data.training_log import Evaluation, TrainingLog, TurningPoint, turning_point
from fairtrial.domain.errors import printable
from fairtrial_cli.output.training.loss_chart import LossChart, charts_of

WIDTH, HEIGHT = 60, 8
DOT, TURN = "•", "▲"
LABEL = 9


def print_log(log: TrainingLog) -> None:
    """Print the plots, then where validation loss turned, then notes."""
    console = Console()
    found = turning_point(log)
    console.print(Text(f"{printable(log.path)} ({log.format})", style="bold"))
    for chart in charts_of(log.train, log.validation):
        turned = found.at if found.course == "turned" and chart.losses == log.validation else None
        for line in text_chart(chart, turned):
            console.print(Text(line), no_wrap=True, crop=False)
    console.print(Text(found.in_words, style="red" if found.course == "turned" else ""), soft_wrap=True)
    for note in log.notes:
        console.print(Text(f"note: {printable(note)}", style="yellow"), soft_wrap=True)
    console.print()


def text_chart(chart: LossChart, turned: Evaluation | None = None) -> list[str]:
    """The lines of a plot, with the turning point marked below its axis."""
    grid = [[" "] * WIDTH for _ in range(HEIGHT)]
    for column, up in chart.columns(WIDTH).items():
        grid[HEIGHT - 1 - round(up * (HEIGHT - 1))][column] = DOT
    scale = ", logarithmic" if chart.log else ""
    lines = [f"{chart.title}{scale}"]
    for at, row in enumerate(grid):
        label = f"{chart.loss_at(1 - at / (HEIGHT - 1)):.4g}" if at in (0, HEIGHT // 2, HEIGHT - 1) else ""
        lines.append(f"{label:>{LABEL}} │{''.join(row).rstrip()}")
    lines.append(" " * LABEL + " └" + "─" * WIDTH)
    first, last = chart.first.place, chart.last.place
    lines.append(" " * (LABEL + 2) + f"{first}{last:>{max(1, WIDTH - len(first))}}")
    if turned is not None:
        column = round(chart.across(turned.step) * (WIDTH - 1))
        lines.append(" " * (LABEL + 2 + column) + f"{TURN} {turned.place}")
    return lines


def log_json(log: TrainingLog) -> dict[str, Any]:
    """The log with its turning point, for a program."""
    found = turning_point(log)
    return {
        "file": log.path,
        "format": log.format,
        "turning_point": _turning_json(found),
        "train": [asdict(one) for one in log.train],
        "validation": [asdict(one) for one in log.validation],
        "notes": list(log.notes),
    }


def _turning_json(found: TurningPoint) -> dict[str, Any]:
    return {**asdict(found), "says": found.in_words}
