"""What a bench of simulations does: runs the trials of a catalogue, prints the table, and tells whether it is met."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from functools import cache
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from benchmarks.trials.page import write_page
from benchmarks.trials.stored_rows import write_rows, write_summary
from benchmarks.trials.trial import Floats, Row, Trial, row

Figures = dict[str, Floats]


@cache
def trials_of(catalogue: str) -> dict[str, Trial]:
    """The trials of the module ``catalogue``, by name."""
    return {trial.name: trial for trial in importlib.import_module(catalogue).TRIALS}


def run(catalogue: str, says: str, head: str, *, as_data: bool = False) -> int:
    """Simulate what is asked for, print the table, and exit with 1 if a target is missed that is not known to be.

    ``catalogue``: the module that has ``TRIALS``; ``says``: the help's text; ``head``: how the page begins.
    ``as_data``: the rows go to a CSV file beside the page, which shows the worst ones.
    """
    asked, every = arguments(says), trials_of(catalogue)
    chosen = [trial for name, trial in every.items() if not asked.only or any(word in name for word in asked.only)]
    if asked.list or not chosen:
        print("\n".join(f"{trial.name:24} {trial.what}" for trial in every.values()))
        return 0 if asked.list else 2
    started = time.perf_counter()
    rows, seconds = simulate(catalogue, chosen, asked.replications, asked.seed, asked.jobs)
    Console(width=None if sys.stdout.isatty() else 200).print(table(rows))
    missed = [found for found in rows if found.met is False]
    say(chosen, seconds, time.perf_counter() - started, missed)
    limited = sum(found.target.limited for found in rows)
    print(f"{len(rows)} rows, {limited} with limits, {len(missed)} missed", file=sys.stderr)
    if asked.json:
        asked.json.write_text(json.dumps(report(rows, asked.seed, seconds), indent=1), encoding="utf-8")
    if asked.markdown:
        drawn = {"replications": asked.replications, "seed": asked.seed}
        say_before = before(asked.before) if asked.before else None
        says = {"measured": measured, "wanted": wanted} | ({"before": say_before} if say_before else {})
        order, limits = tuple(every.values()), getattr(importlib.import_module(catalogue), "LIMITS", ())
        if as_data:
            stored = write_rows(asked.markdown.with_suffix(".csv"), rows, says, order)
            write_summary(asked.markdown, stored, head.format(**drawn))
        else:
            write_page(asked.markdown, rows, head.format(**drawn), says, order, limits)
    return 1 if any(not found.target.known_miss for found in missed) else 0


def arguments(says: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=says, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replications", type=int, default=10_000)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="simulations whose name has one of these words")
    parser.add_argument("--list", action="store_true", help="name the simulations and stop")
    parser.add_argument("--seed", type=int, default=20250101)
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="the page of the documentation")
    parser.add_argument("--before", type=Path, metavar="FILE", help="an earlier --json, shown beside in the page")
    return parser.parse_args()


def before(path: Path) -> Callable[[Row], str]:
    """The words for what an earlier report (``--json``) has of a row."""
    known = {(one["name"], one["measure"]): one for one in json.loads(path.read_text(encoding="utf-8"))["rows"]}

    def says(found: Row) -> str:
        one = known.get((found.trial.name, found.target.measure))
        return "–" if one is None or one["measured"] is None else f"{100 * one['measured']:.1f} %"

    return says


def simulate(
    catalogue: str, trials: Sequence[Trial], replications: int, seed: int, jobs: int
) -> tuple[list[Row], dict[str, float]]:
    """The rows of all simulations, and the seconds of a core that each of them took."""
    found: dict[str, dict[int, Figures]] = defaultdict(dict)
    seconds: dict[str, float] = defaultdict(float)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with ProcessPoolExecutor(jobs) as pool, Progress(*columns, console=Console(stderr=True)) as progress:
        waiting: dict[Future[tuple[Figures, float]], tuple[str, int]] = {}
        for trial in trials:
            for at, count in enumerate(blocks(trial, replications)):
                waiting[pool.submit(one_block, catalogue, trial.name, seed, at, count)] = (trial.name, at)
        bar = progress.add_task("simulating", total=len(waiting))
        try:
            for done in as_completed(waiting):
                name, at = waiting[done]
                found[name][at], took = done.result()
                seconds[name] += took
                progress.update(bar, advance=1, description=f"{name:24}")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # one failure is enough to stop for
            raise
    rows = []
    for trial in trials:
        parts = [found[trial.name][at] for at in sorted(found[trial.name])]
        rows += [
            row(trial, target, np.concatenate([part[target.measure] for part in parts])) for target in trial.targets
        ]
    return rows, dict(seconds)


def blocks(trial: Trial, replications: int) -> list[int]:
    """How many replications each block of work draws."""
    if trial.exact:
        return [1]
    whole, rest = divmod(max(trial.least, min(replications, trial.most or replications)), trial.block)
    return [trial.block] * whole + ([rest] if rest else [])


def one_block(catalogue: str, name: str, seed: int, at: int, count: int) -> tuple[Figures, float]:
    """One block, from a stream of random numbers that is its own."""
    started = time.process_time()
    rng = np.random.default_rng([seed, zlib.crc32(name.encode()), at])
    measures = trials_of(catalogue)[name].simulate(rng, count)
    return {key: np.asarray(each, dtype=np.float64) for key, each in measures.items()}, time.process_time() - started


def table(rows: Sequence[Row]) -> Table:
    """One line a target."""
    made = Table(show_lines=False, header_style="bold", pad_edge=False)
    for head in ("what", "data", "rule"):
        made.add_column(head, overflow="fold")
    for head in ("measured", "target", ""):
        made.add_column(head, justify="right", no_wrap=True)
    before = None
    for found in rows:
        first = found.trial.name != before
        before = found.trial.name
        if first and made.row_count:
            made.add_section()
        what, process = (found.trial.what, found.trial.process) if first else ("", "")
        made.add_row(what, process, found.target.rule, measured(found), wanted(found), verdict(found))
    return made


def measured(found: Row) -> str:
    """The figure with its standard error."""
    percent = found.target.unit == "%"
    scale, places = (100, 2) if percent else (1, 2 if abs(found.measured) < 100 else 0)
    text = f"{scale * found.measured:,.{places}f}"
    if found.error is not None:
        text += f" ± {scale * found.error:,.{places}f}"
    return text + (" %" if percent else "")


def wanted(found: Row) -> str:
    scale, unit = (100, " %") if found.target.unit == "%" else (1, "")
    bounds = ((found.target.at_least, "≥"), (found.target.at_most, "≤"))
    return " ".join(f"{sign} {scale * bound:g}{unit}" for bound, sign in bounds if bound is not None)


def verdict(found: Row) -> str:
    return {None: "baseline", True: "[green]ok[/]", False: "[bold red]MISSED[/]"}[found.met]


def say(trials: Sequence[Trial], seconds: dict[str, float], wall: float, missed: Sequence[Row]) -> None:
    """How long it took, and what was missed, on stderr."""
    parts = ", ".join(f"{trial.name} {seconds[trial.name]:.0f}" for trial in trials)
    print(f"{wall:.0f} seconds; of a core: {parts}", file=sys.stderr)
    for found in missed:
        print(f"MISSED: {found.trial.name}, {found.target.rule}: {measured(found)}, {wanted(found)}", file=sys.stderr)


def report(rows: Sequence[Row], seed: int, seconds: dict[str, float]) -> dict[str, object]:
    """The table for a program."""
    lines = [
        {
            "name": found.trial.name,
            "what": found.trial.what,
            "process": found.trial.process,
            "rule": found.target.rule,
            "measure": found.target.measure,
            "of": found.target.of,
            "measured": None if np.isnan(found.measured) else found.measured,
            "standard_error": found.error,
            "replications": found.replications,
            "at_most": found.target.at_most,
            "at_least": found.target.at_least,
            "met": found.met,
        }
        for found in rows
    ]
    return {"seed": seed, "core_seconds": seconds, "rows": lines}
