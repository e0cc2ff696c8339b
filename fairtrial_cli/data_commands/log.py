"""The command `fairtrial data log`, which plots training logs and finds where validation loss turned."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import click

from evaluators.training_data.training_log import Evaluation, TrainingLog, turning_point
from fairtrial import html_pages
from fairtrial.domain.errors import UsageError, printable
from fairtrial_cli.options import CONFIG, JSON, WrittenPath, print_json, project_of


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE…]")
@click.option("--deployment", multiple=True, help="Read the log of this deployment's lineage; may be repeated.")
@click.option("--html", type=WrittenPath(dir_okay=False), help="Also write a page with the plots.")
@CONFIG
@JSON
def command(
    files: tuple[Path, ...], deployment: tuple[str, ...], html: Path | None, config: Path, as_json: bool
) -> None:
    """Plot training and validation loss, with the turning point.

    No model is needed. A fine-tune begins to overfit where its validation loss stops falling and rises. The command
    reads Hugging Face's trainer_state.json, JSON lines, and the metrics files of OpenAI (CSV) and Together (JSON).

    \b
    Examples:  fairtrial data log trainer_state.json
               fairtrial data log metrics.csv --html loss.html
               fairtrial data log --deployment support-overfit
    """
    from evaluators.training_data.read_log import read_log
    from fairtrial_cli.training_data.data_files import refuse_existing, write_files

    paths = [*files, *_of_deployments(deployment, config)]
    if not paths:
        raise click.UsageError("Name a log, or a deployment whose lineage has one: --deployment NAME.")
    logs = [read_log(path) for path in paths]
    if html is not None:
        refuse_existing([html], sources=paths, force=True)
        write_files({html: log_page(logs).encode()})
    if as_json:
        print_json([log_json(log) for log in logs])
        return
    for log in logs:
        print_log(log)
    if html is not None:
        click.echo(f"written: {html}")


def _of_deployments(names: tuple[str, ...], config: Path) -> list[Path]:
    """The logs of these deployments' lineages; raises `UsageError`."""

    from fairtrial_cli.training_data.data_files import lineage_of

    if not names:
        return []
    project = project_of(config)
    paths = []
    for name in names:
        lineage = lineage_of(project, name)
        if lineage is None or lineage.log is None:
            raise UsageError(f"--deployment {name}: its training log is unknown (name it in 'training.log')")
        paths.append(project.path.parent / lineage.log)
    return paths


LOG_ABOVE = 10.0
"""The ratio of the largest to the smallest loss above which the axis is logarithmic."""

WIDTH, HEIGHT = 60, 8
DOT, TURN = "•", "▲"
LABEL = 9
PAGE_WIDTH, PAGE_HEIGHT = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 64, PAGE_WIDTH - 20, 12, PAGE_HEIGHT - 34
TICKS = 4
MOST_POINTS = 500


@dataclass(frozen=True, slots=True)
class LossChart:
    """A title and losses, with places from 0 to 1 on both axes.

    ``first`` and ``last`` are the ends of the horizontal axis; ``log``: whether the vertical axis is logarithmic.
    """

    title: str
    losses: tuple[Evaluation, ...]
    first: Evaluation
    last: Evaluation
    low: float
    high: float
    log: bool

    @classmethod
    def of(cls, title: str, losses: Sequence[Evaluation], *, ends: tuple[Evaluation, Evaluation]) -> "LossChart":
        values = [loss.loss for loss in losses]
        low, high = min(values), max(values)
        log = low > 0 and high / low > LOG_ABOVE
        if low == high:
            low, high = low - 0.5 * (abs(low) or 1), high + 0.5 * (abs(high) or 1)
        return cls(title, tuple(losses), *ends, low, high, log)

    def across(self, step: float) -> float:
        """The horizontal place of a step."""
        first, last = self.first.step, self.last.step
        return (step - first) / (last - first) if last > first else 0.5

    def up(self, loss: float) -> float:
        """The vertical place of a loss."""
        if self.log:
            return math.log(loss / self.low) / math.log(self.high / self.low)
        return (loss - self.low) / (self.high - self.low)

    def loss_at(self, up: float) -> float:
        """The loss at a vertical place."""
        if self.log:
            return self.low * math.exp(up * math.log(self.high / self.low))
        return self.low + up * (self.high - self.low)

    def columns(self, width: int) -> dict[int, float]:
        """The mean vertical place of the losses in each of ``width`` columns."""
        places_by_column: dict[int, list[float]] = {}
        for evaluation in self.losses:
            column = min(width - 1, max(0, round(self.across(evaluation.step) * (width - 1))))
            places_by_column.setdefault(column, []).append(self.up(evaluation.loss))
        return {column: fmean(places) for column, places in places_by_column.items()}


def charts_of(train: Sequence[Evaluation], validation: Sequence[Evaluation]) -> list[LossChart]:
    """One chart for each series that exists, over the same steps; a common scale would hide a turn."""
    every = sorted((*train, *validation), key=lambda evaluation: evaluation.step)
    ends = (every[0], every[-1])
    series = (("training loss", train), ("validation loss", validation))
    return [LossChart.of(title, losses, ends=ends) for title, losses in series if losses]


def print_log(log: TrainingLog) -> None:
    """Print the plots, then where validation loss turned, then notes."""
    from rich.console import Console
    from rich.text import Text

    console = Console()
    turning = turning_point(log)
    console.print(Text(f"{printable(log.path)} ({log.format})", style="bold"))
    for chart in charts_of(log.train, log.validation):
        turned = turning.at if turning.course == "turned" and chart.losses == log.validation else None
        for line in text_chart(chart, turned):
            console.print(Text(line), no_wrap=True, crop=False)
    console.print(Text(turning.in_words, style="red" if turning.course == "turned" else ""), soft_wrap=True)
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
    turning = turning_point(log)
    return {
        "file": log.path,
        "format": log.format,
        "turning_point": {**asdict(turning), "says": turning.in_words},
        "train": [asdict(evaluation) for evaluation in log.train],
        "validation": [asdict(evaluation) for evaluation in log.validation],
        "notes": list(log.notes),
    }


def log_page(logs: Sequence[TrainingLog]) -> str:
    """The page; all texts of the files are escaped."""
    shown = [
        (log, turning_point(log), [(chart, _plot(chart)) for chart in charts_of(log.train, log.validation)])
        for log in logs
    ]
    return html_pages.render("training_log.html", title="Training logs", logs=shown)


def _plot(chart: LossChart) -> dict[str, Any]:
    """The places of axes and points, in the units of the plot."""

    def x(evaluation: Evaluation) -> float:
        return round(LEFT + chart.across(evaluation.step) * (RIGHT - LEFT), 1)

    def y(up: float) -> float:
        return round(TOP + (1 - up) * (BOTTOM - TOP), 1)

    thinned = chart.losses[:: max(1, len(chart.losses) // MOST_POINTS)]
    size = {"width": PAGE_WIDTH, "height": PAGE_HEIGHT, "left": LEFT, "right": RIGHT, "top": TOP, "bottom": BOTTOM}
    return size | {
        "x": x,
        "points": [(x(evaluation), y(chart.up(evaluation.loss))) for evaluation in thinned],
        "ticks": [(y(up), f"{chart.loss_at(up):.3g}") for up in (tick / TICKS for tick in range(TICKS + 1))],
    }
