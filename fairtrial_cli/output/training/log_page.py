"""Renders training logs as one self-contained HTML page with SVG plots; it loads nothing and runs no script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evaluators.training_data.training_log import Evaluation, TrainingLog, turning_point
from fairtrial import html_pages
from fairtrial_cli.output.training.loss_chart import LossChart, charts_of

WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 64, WIDTH - 20, 12, HEIGHT - 34
TICKS = 4
MOST_POINTS = 500


def log_page(logs: Sequence[TrainingLog]) -> str:
    """The page; all texts of the files are escaped."""
    shown = [
        (log, turning_point(log), [(chart, _plot(chart)) for chart in charts_of(log.train, log.validation)])
        for log in logs
    ]
    return html_pages.render("training_log.html", title="Training logs", logs=shown)


def _plot(chart: LossChart) -> dict[str, Any]:
    """The places of axes and points, in the units of the plot."""

    def x(one: Evaluation) -> float:
        return round(LEFT + chart.across(one.step) * (RIGHT - LEFT), 1)

    def y(up: float) -> float:
        return round(TOP + (1 - up) * (BOTTOM - TOP), 1)

    thinned = chart.losses[:: max(1, len(chart.losses) // MOST_POINTS)]
    size = {"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": RIGHT, "top": TOP, "bottom": BOTTOM}
    return size | {
        "x": x,
        "points": [(x(one), y(chart.up(one.loss))) for one in thinned],
        "ticks": [(y(up), f"{chart.loss_at(up):.3g}") for up in (tick / TICKS for tick in range(TICKS + 1))],
    }
