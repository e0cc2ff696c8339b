"""Renders training logs as one self-contained HTML page with SVG plots; it loads nothing and runs no script."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from evaluators.training_data.logs.training_log import Evaluation, TrainingLog
from evaluators.training_data.logs.turning_point import TurningPoint, turning_point
from fairtrial_cli.output.training.loss_chart import LossChart, charts_of

WIDTH, HEIGHT = 640, 220
LEFT, BOTTOM, TOP = 64, 34, 12
TICKS = 4
MOST_POINTS = 500
STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --quiet: #566070; --axis: #c5ccd6; --grid: #eceff3; --line: #2f6fde;
  --turn: #b3261e; --note: #7a5b00 }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ebf0; --quiet: #a5afbd; --axis: #5a6472; --grid: #2a313b;
  --line: #7aa7f5; --turn: #ff8a80; --note: #e0c36a } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 760px; margin: 2em auto; padding: 0 1em; color: var(--ink); }
h1 { font-size: 1.5em } h2 { font-size: 1.15em; overflow-wrap: anywhere; margin-top: 2em }
h3 { font-size: .95em; font-weight: 600; margin: 1em 0 .2em }
svg { width: 100%; height: auto } text { font: 12px system-ui, sans-serif; fill: var(--quiet) }
.axis { stroke: var(--axis) } .grid { stroke: var(--grid) } .line { fill: none; stroke: var(--line); stroke-width: 2 }
.dot { fill: var(--line) } .turn { stroke: var(--turn); stroke-width: 1.5; stroke-dasharray: 5 4 }
.turn-name { fill: var(--turn) }
.turned { color: var(--turn); font-weight: 600 } .note { color: var(--note) }
"""


def log_page(logs: Sequence[TrainingLog]) -> str:
    """The page; all texts of the files are escaped."""
    parts = [part for log in logs for part in _log(log)]
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    return (
        f'<!doctype html><html lang="en"><head>{head}<title>Training logs</title><style>{STYLE}</style></head>'
        f"<body><h1>Training logs</h1>{''.join(parts)}</body></html>\n"
    )


def _log(log: TrainingLog) -> Iterator[str]:
    found = turning_point(log)
    yield f"<h2>{escape(log.path)} ({escape(log.format)})</h2>"
    css = ' class="turned"' if found.course == "turned" else ""
    yield f"<p{css}>{escape(found.in_words)}</p>"
    for chart in charts_of(log.train, log.validation):
        yield f"<h3>{escape(chart.title)}{', logarithmic' if chart.log else ''}</h3>"
        yield _svg(chart, _turn_of(chart, log, found))
    for note in log.notes:
        yield f'<p class="note">{escape(note)}</p>'


def _turn_of(chart: LossChart, log: TrainingLog, found: TurningPoint) -> Evaluation | None:
    return found.at if found.course == "turned" and chart.losses == log.validation else None


def _svg(chart: LossChart, turned: Evaluation | None) -> str:
    points = [(_x(chart, one.step), _y(chart.up(one.loss))) for one in _thinned(chart.losses)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    few = len(points) <= 40
    dots = "".join(f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in points if few)
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(chart.title)}">'
        f'{_axes(chart)}<polyline class="line" points="{line}"/>{dots}{_mark(chart, turned)}</svg>'
    )


def _thinned(losses: Sequence[Evaluation]) -> Sequence[Evaluation]:
    return losses[:: max(1, len(losses) // MOST_POINTS)]


def _x(chart: LossChart, step: float) -> float:
    return LEFT + chart.across(step) * (WIDTH - LEFT - 20)


def _y(up: float) -> float:
    return TOP + (1 - up) * (HEIGHT - TOP - BOTTOM)


def _axes(chart: LossChart) -> str:
    parts = []
    for tick in range(TICKS + 1):
        y = _y(tick / TICKS)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - 20}" y1="{y:.1f}" y2="{y:.1f}"/>')
        label = f"{chart.loss_at(tick / TICKS):.3g}"
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    bottom = HEIGHT - BOTTOM
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - 20}" y1="{bottom}" y2="{bottom}"/>')
    for one, anchor in ((chart.first, "start"), (chart.last, "end")):
        x = _x(chart, one.step)
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 12}" text-anchor="{anchor}">{escape(one.place)}</text>')
    return "".join(parts)


def _mark(chart: LossChart, turned: Evaluation | None) -> str:
    if turned is None:
        return ""
    x = _x(chart, turned.step)
    return (
        f'<line class="turn" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
        f'<text class="turn-name" x="{x + 6:.1f}" y="{TOP + 12}">turned at {escape(turned.place)}</text>'
    )
