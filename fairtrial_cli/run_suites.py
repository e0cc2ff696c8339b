"""Runs suites through the gateway and saves the runs, for `eval`, `gate --run` and the demo."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from evaluators.engine.engine import DEFAULT_CONCURRENCY, CaseProgress, EngineOptions, run_suite
from evaluators.engine.summary import MOST_UNSCORED, unscored_share
from evaluators.engine.target import Target, resolve
from evaluators.loading.suite_file import EMPTY
from evaluators.loading.suite_reader import load
from evaluators.suite import Suite
from fairtrial.api.runs import NameRun, noise_floor
from fairtrial.config.layout import Layout
from fairtrial.config.project import Project
from fairtrial.domain.errors import ConfigError, UsageError
from fairtrial.domain.names.ids import id_at
from fairtrial.domain.run import Run, noise_target
from fairtrial_cli.store_client.run_journal import store_run

if TYPE_CHECKING:
    from fairtrial_cli.store_client.client import StoreClient

OpenStore = Callable[[Layout], AbstractContextManager["StoreClient"]]
"""Opens the store of a project."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How suites are run: one after the other, each on ``side_by_side`` targets at the same time, by default on all.

    ``noise_floor`` names the target that answers each suite once more. ``saves`` says which runs are saved. ``on_run``
    is called with each run as soon as it is saved. ``open_store`` is called for each run, because others use the store
    meanwhile.
    """

    open_store: OpenStore
    concurrency: int = DEFAULT_CONCURRENCY
    side_by_side: int | None = None
    fresh: bool = False
    noise_floor: str | None = None
    saves: Callable[[Run], bool] = lambda _: True
    on_progress: Callable[[CaseProgress], None] = lambda _: None
    on_run: Callable[[Suite, Run], None] = lambda *_: None


def load_suites(paths: Sequence[Path], columns: Mapping[str, str] = EMPTY) -> list[Suite]:
    """The suites of all files; raises `ConfigError` with the errors of all of them. ``columns`` is as in `load`."""
    suites: list[Suite] = []
    wrong: list[ConfigError] = []
    for path in paths:
        try:
            suites += load(path, columns=columns)
        except ConfigError as error:
            wrong.append(error)
    if wrong:
        raise ConfigError([diagnostic for error in wrong for diagnostic in error.errors])
    names = [suite.name for suite in suites]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"suites: two suites have the name {twice[0]!r}")
    return suites


def run_suites(
    project: Project, suites: Sequence[Suite], names: Sequence[str], *, base_url: str, options: RunOptions
) -> list[Run]:
    """Run every suite on every target through the gateway at ``base_url``, and save each run as soon as it ends.

    The result is ordered by suite, then by target. Raises `UsageError` for an unknown target, or for a target that
    refuses every question.
    """
    key = internal_key(project.layout)
    targets = [resolve(name, project.plan, base_url=base_url, api_key=key) for name in names]
    finished: list[Run] = []
    # It returns nothing, because asyncio writes a task's result out as text when it puts the handler of Ctrl-C back.
    asyncio.run(_run_all(project, suites, targets, options, finished))
    return finished


def internal_key(layout: Layout) -> str | None:
    """The key with the right to pin deployments and variants; ``None`` if control has not created one."""
    try:
        return layout.internal_key.read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None


async def _run_all(
    project: Project, suites: Sequence[Suite], targets: Sequence[Target], options: RunOptions, finished: list[Run]
) -> None:
    size = options.side_by_side or len(targets)
    for suite in suites:
        runs: list[Run] = []
        for batch in range(0, len(targets), size):
            runs += await _run_together(project.layout, suite, targets[batch : batch + size], options)
        await _run_noise_floor(project.layout, suite, targets, runs, options)
        finished += runs


async def _run_together(layout: Layout, suite: Suite, targets: Sequence[Target], options: RunOptions) -> list[Run]:
    asking = EngineOptions(options.concurrency, options.fresh, options.on_progress)
    runs = await run_suite(
        suite, targets, cache=layout.cache, clock=_now_us, new_id=lambda: id_at(_now_us()), options=asking
    )
    for run in filter(options.saves, runs):
        await asyncio.to_thread(_save, options.open_store, layout, run, suite)
        options.on_run(suite, run)
    return runs


async def _run_noise_floor(
    layout: Layout, suite: Suite, targets: Sequence[Target], runs: Sequence[Run], options: RunOptions
) -> None:
    """Let the baseline answer again, unless its run failed or the store has such a run of these weights."""
    for target, run in zip(targets, runs, strict=True):
        if target.name != options.noise_floor or unscored_share(run) > MOST_UNSCORED:
            continue
        if not await asyncio.to_thread(_has_noise_floor, options.open_store, layout, run):
            again = replace(target, name=noise_target(target.name), first_repeat=suite.repeat)
            await _run_together(layout, suite, [again], replace(options, on_run=lambda *_: None))


def _has_noise_floor(open_store: OpenStore, layout: Layout, run: Run) -> bool:
    with open_store(layout) as store:
        return store.call(noise_floor, NameRun(run_id=run.run_id)).run_id is not None


def _save(open_store: OpenStore, layout: Layout, run: Run, suite: Suite) -> None:
    with open_store(layout) as store:
        store_run(store, run, suite)


def _now_us() -> int:
    return time.time_ns() // 1000
