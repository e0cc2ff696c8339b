"""Asks a model and its successors together, and uses the model's stored answers if it no longer answers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evaluators.engine.client import ChatClient, TargetRefused
from evaluators.engine.summary import MOST_UNSCORED, first_error, unscored_share
from evaluators.engine.target import resolve
from fairtrial.api import runs as run_operations
from fairtrial.api.runs import LatestRuns, NameRun
from fairtrial_cli.migration.erased_cases import erased_rows, remaining_baseline
from fairtrial_cli.migration.report import Baseline
from fairtrial_cli.run_suites import RunOptions, internal_key, run_suites, store_run
from fairtrial_cli.store_client.client import open_store

if TYPE_CHECKING:
    from evaluators.suite import Suite
    from fairtrial.config.project import Project
    from fairtrial.domain.run import Run
    from fairtrial_cli.store_client.client import StoreClient


@dataclass(frozen=True, slots=True)
class SuiteRuns:
    """The runs of one suite by target, and the run of the old model that counts."""

    suite: Suite
    baseline: Baseline
    runs: Mapping[str, Run]


def ask_models(
    project: Project,
    suites: Sequence[Suite],
    old: str,
    new: Sequence[str],
    *,
    base_url: str,
    options: RunOptions,
) -> list[SuiteRuns]:
    """Run each suite on the old model and its successors, interleaved; the old model's complete runs are kept for good.

    If the old model refuses or fails in the middle, its newest kept run of the same cases takes its place, and its
    broken run is not stored.
    """
    found = []
    refusal = _refusal(project, suites[0], old, base_url=base_url)
    for suite in suites:
        names = [*new] if refusal else [old, *new]
        saving = replace(options, saves=lambda run: run.target != old or not _is_broken(run))
        runs = {run.target: run for run in run_suites(project, [suite], names, base_url=base_url, options=saving)}
        found.append(SuiteRuns(suite, baseline_of(project, suite, old, runs.get(old), refusal), runs))
    return found


def baseline_of(project: Project, suite: Suite, old: str, own: Run | None, refusal: str) -> Baseline:
    """The old model's own run, which is kept now, or an earlier one that is kept; ``own``: ``None`` if it refused."""
    erased = erased_rows(suite, project.layout.traffic_suites)
    with open_store(project.layout) as store:
        if own is not None and not _is_broken(own):
            store.call(run_operations.keep, NameRun(run_id=own.run_id))
            return Baseline(suite.name, own.run_id, erased=erased)
        kept = _kept(store, suite, old)
        if kept is None and own is not None:
            store_run(store, own, suite)
    return Baseline(suite.name, kept, kept is not None, refusal or _broken_in_words(own), erased)


def _kept(store: StoreClient, suite: Suite, old: str) -> str | None:
    """The kept run of the same cases. After an erasure, it is the earlier one without the erased cases."""
    same_cases = LatestRuns(suite=suite.name, suite_digest=suite.digest, target=old)
    kept = store.call(run_operations.kept, same_cases).run_id
    if kept is not None or (rest := remaining_baseline(store, suite, old)) is None:
        return kept
    store_run(store, rest, suite)
    store.call(run_operations.keep, NameRun(run_id=rest.run_id))
    return rest.run_id


def _is_broken(run: Run) -> bool:
    return unscored_share(run) > MOST_UNSCORED


def _broken_in_words(run: Run | None) -> str:
    if run is None:
        return ""
    return f"{100 * unscored_share(run):.0f} % of its answers failed ({first_error(run)})"


def _refusal(project: Project, suite: Suite, old: str, *, base_url: str) -> str:
    """Why the model does not answer one question; empty if it does."""
    target = resolve(old, project.plan, base_url=base_url, api_key=internal_key(project.layout))

    async def ask() -> str:
        async with ChatClient(target, concurrency=1) as client:
            try:
                return (await client.ask(suite.cases[0], suite.params)).error or ""
            except TargetRefused as error:
                return str(error)

    return asyncio.run(ask())
