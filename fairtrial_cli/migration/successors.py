"""Asks a model and its successors together, from its stored answers if it is gone, and judges each successor."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from evaluators.clusters import with_clusters
from evaluators.comparison.matrix import column_of
from evaluators.criteria.content_lines import is_judged_by_people
from evaluators.criteria.grammar import parse
from evaluators.engine.client import ChatClient, TargetRefused
from evaluators.engine.scoring import metrics_of
from evaluators.engine.summary import MOST_UNSCORED, first_error, unscored_share
from evaluators.engine.target import resolve
from evaluators.loading.suite_text import UnusableText, suite_of
from evaluators.migration.refused_params import refusal_of
from evaluators.migration.successor_lines import (
    BrokenLine,
    broken_lines,
    content_lines,
    migration_gate,
    own_levels,
    successor_suite,
)
from evaluators.results.run_table import RunTable, table_of
from evaluators.suite import Suite
from fairtrial.api import reviews as review_operations, runs, runs as run_operations
from fairtrial.api.migrations import Baseline
from fairtrial.api.operation import Nothing
from fairtrial.api.runs import LatestRuns, NameRun
from fairtrial.api.verdicts import Judge
from fairtrial.config.file.environment import interpolate
from fairtrial.domain.answers.signals import NO_SCORERS
from fairtrial.domain.names.ids import id_at
from fairtrial.domain.plan import Deployment
from fairtrial.domain.promises import REVIEWED_PAIRS
from fairtrial_cli.migration.report import Successor
from fairtrial_cli.run_suites import RunOptions, internal_key, run_suites
from fairtrial_cli.store_client.client import open_store
from fairtrial_cli.store_client.run_journal import store_run
from fairtrial_cli.store_client.stored import judge, load_table, record_suites, stored_run
from gateway.control.verdicts.gate_file import suite_references

if TYPE_CHECKING:
    from pathlib import Path

    from evaluators.suite import Suite
    from fairtrial.config.project import Project
    from fairtrial.domain.run import Case, CaseResult, Run
    from fairtrial_cli.store_client.client import StoreClient


SECONDS = 5.0
TAGS_HEADER = "x-fairtrial-tags"
FIELDS = ("shutdown_date", "deprecation_date")


def listed_date(deployment: Deployment) -> str | None:
    """The date that ``/v1/models/MODEL`` of the deployment's server states, or ``None``."""
    import httpx

    if not deployment.base_url:
        return None
    key, _ = interpolate(deployment.api_key, os.environ)
    headers = {"authorization": f"Bearer {key}"} if key else {}
    try:
        with httpx.Client(timeout=SECONDS, trust_env=False, headers=headers) as client:
            answer = client.get(f"{deployment.base_url.rstrip('/')}/models/{deployment.model}")
            listing: Any = answer.json() if answer.is_success else {}
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return None
    stated = [listing.get(name) for name in FIELDS] if isinstance(listing, dict) else []
    return next((value[:10] for value in stated if isinstance(value, str)), None)


@dataclass(frozen=True, slots=True)
class SuccessorRuns:
    """The runs of one suite by target, and the run of the old model that counts, ``None`` without any."""

    suite: Suite
    baseline: Baseline
    runs: Mapping[str, Run]
    old: RunTable | None

    def broken(self, margin: str) -> list[BrokenLine]:
        """The lines of the suite that the old model breaks."""
        return [] if self.old is None else list(broken_lines(self.suite, self.old, margin))

    def judged(self, margin: str) -> Suite:
        """The suite with the lines that a successor must meet."""
        return successor_suite(self.suite, margin, self.broken(margin))

    def own_levels(self, margin: str) -> dict[str, str]:
        """What the old model itself has on these lines."""
        return {} if self.old is None else own_levels(self.suite, self.judged(margin).gate, self.old)


def ask_models(
    project: Project,
    suites: Sequence[Suite],
    old: str,
    new: Sequence[str],
    *,
    base_url: str,
    options: RunOptions,
) -> list[SuccessorRuns]:
    """Run each suite on the old model and its successors, interleaved; the old model's complete runs are kept for good.

    If the old model refuses or fails in the middle, its newest kept run of the same cases takes its place, and its
    broken run is not stored.
    """
    results = []
    refusal = _refusal(project, suites[0], old, base_url=base_url)
    for suite in suites:
        names = [*new] if refusal else [old, *new]
        saving = replace(options, saves=lambda run: run.target != old or not _is_broken(run))
        runs = {run.target: run for run in run_suites(project, [suite], names, base_url=base_url, options=saving)}
        results.append(runs_of(project, suite, old, runs, refusal))
    return results


def runs_of(project: Project, suite: Suite, old: str, runs: Mapping[str, Run], refusal: str) -> SuccessorRuns:
    """The runs of the suite with the old model's run that counts; ``refusal``: why it did not answer, if it did not."""
    baseline = baseline_of(project, suite, old, runs.get(old), refusal)
    with open_store(project.layout) as store:
        table = None if baseline.run_id is None else load_table(store, baseline.run_id)
    return SuccessorRuns(suite, baseline, runs, table)


def baseline_of(project: Project, suite: Suite, old: str, own: Run | None, refusal: str) -> Baseline:
    """The old model's own run, which is kept now, or an earlier one that is kept; ``own``: ``None`` if it refused."""
    erased = erased_rows(suite, project.layout.traffic_suites)
    with open_store(project.layout) as store:
        if own is not None and not _is_broken(own):
            store.call(run_operations.keep, NameRun(run_id=own.run_id))
            return Baseline(suite.name, own.run_id, erased=erased)
        run_id = _kept(store, suite, old)
        if run_id is None and own is not None:
            store_run(store, own, suite)
    return Baseline(suite.name, run_id, run_id is not None, refusal or _broken_in_words(own), erased)


def _kept(store: StoreClient, suite: Suite, old: str) -> str | None:
    """The kept run of the same cases. After an erasure, it is the earlier one without the erased cases."""
    same_cases = LatestRuns(suite=suite.name, suite_digest=suite.digest, target=old)
    run_id = store.call(run_operations.kept, same_cases).run_id
    if run_id is not None or (rest := remaining_baseline(store, suite, old)) is None:
        return run_id
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
    case = suite.cases[0]
    # There is no result that names the request, so that an erasure finds it by this tag.
    target = replace(target, headers={**target.headers, TAGS_HEADER: f"case={quote(case.case_id, safe='')}"})

    async def ask() -> str:
        async with ChatClient(target, concurrency=1) as client:
            try:
                return (await client.ask(case, suite.params)).error or ""
            except TargetRefused as error:
                return str(error)

    return asyncio.run(ask())


def erased_rows(suite: Suite, drawn: Path) -> int:
    """How many rows of the suite an erasure has overwritten with blanks, if it is in the folder of drawn suites."""
    if suite.path.resolve().parent != drawn.resolve():
        return 0
    lines = (line for file in suite.data for line in (suite.path.parent / file.file).read_bytes().split(b"\n"))
    return sum(bool(line) and not line.strip() for line in lines)


def remaining_baseline(store: StoreClient, suite: Suite, old: str) -> Run | None:
    """The newest kept run without its erased cases, as a run of this suite; ``None`` if more than that differs.

    Every case of the suite must have the stored question, reference and tags, and every other stored case must be
    erased. Parameters, scorers, seed and repeats must be the same.
    """
    baseline_id = store.call(runs.kept, LatestRuns(suite=suite.name, target=old)).run_id
    run = None if baseline_id is None else stored_run(store, baseline_id)
    if run is None or not _same_settings(store, suite, run):
        return None
    cases = {case.case_id: case for case in with_clusters(suite.cases)}
    here = [result for result in run.results if result.case.case_id in cases]
    gone = [result for result in run.results if result.case.case_id not in cases]
    same = all(_content(result.case) == _content(cases[result.case.case_id]) for result in here)
    if not gone or len(here) != len(cases) * suite.repeat or not same or not all(map(_is_erased, gone)):
        return None
    results = tuple(replace(result, case=cases[result.case.case_id]) for result in here)
    run_id = id_at(time.time_ns() // 1000)
    metrics = metrics_of(suite, results)
    return replace(run, run_id=run_id, suite_digest=suite.digest, results=results, metrics=metrics)


def _same_settings(store: StoreClient, suite: Suite, run: Run) -> bool:
    texts = store.call(runs.suites, runs.ListSuites(suite=suite.name, suite_digest=run.suite_digest, limit=1))
    versions = {name: version for name, version in run.versions.items() if name not in NO_SCORERS}
    if not texts or versions != {scorer.name: scorer.version for scorer in suite.scorers}:
        return False
    named = runs.NameSuiteText(suite_digest=run.suite_digest, text_digest=texts[0].text_digest)
    try:
        before = suite_of(bytes(store.call(runs.suite_text, named)).decode(), suite.path)
    except UnusableText:
        return False
    return _settings(before) == _settings(suite)


def _settings(suite: Suite) -> tuple[Any, ...]:
    return dict(suite.params), suite.repeat, suite.seed, {name: dict(tags) for name, tags in suite.when.items()}


def _content(case: Case) -> str:
    return json.dumps([list(case.messages), case.expected, dict(case.tags)], sort_keys=True)


def _is_erased(result: CaseResult) -> bool:
    return not result.case.messages and result.case.expected is None and result.answer.text is None


def judge_successors(
    store: StoreClient,
    suite_runs: Sequence[SuccessorRuns],
    old: str,
    new: Mapping[str, Deployment],
    *,
    margin: str,
) -> Iterator[Successor]:
    """The verdict on each successor against the old model's answers; every verdict is stored."""
    gate, text = migration_gate(f"migrate-{old}", [run.judged(margin) for run in suite_runs])
    record_suites(store, gate.suites)
    stored = tuple(
        baseline.run_id for run in suite_runs if (baseline := run.baseline).stored and baseline.run_id is not None
    )
    for target in new:
        request = Judge(
            gate=text,
            suites=tuple(suite_references(gate)),
            candidate=target,
            baseline=old,
            successors=len(new),
            baseline_runs=stored,
        )
        beside = {
            run.suite.name: (None if run.old is None else column_of(run.old), column_of(table_of(run.runs[target])))
            for run in suite_runs
            if target in run.runs
        }
        refusals = [
            refusal
            for run in suite_runs
            if target in run.runs and (refusal := refusal_of(run.suite, run.runs[target], new[target])) is not None
        ]
        yield Successor(target, judge(store, request), beside, frozenset(content_lines(gate)), refusals)


def reviews_to_make(
    store: StoreClient, suite_runs: Sequence[SuccessorRuns], old: str, successors: Sequence[Successor], config: Path
) -> Iterator[str]:
    """What to do where a verdict waits for people: queue pairs of a suite that requires a review, or judge them."""
    names = [run.suite.name for run in suite_runs if any(map(is_judged_by_people, map(parse, run.suite.gate)))]
    queues = {
        (row.suite, row.candidate, row.baseline): row.queue_id
        for row in store.call(review_operations.status, Nothing())
        if row.state == "open"
    }
    for target in [successor.target for successor in successors if successor.waits_for_review]:
        for name in names or [suite_runs[0].suite.name]:
            queue_id = queues.get((name, target, old))
            arguments = ["fairtrial", "review", "enqueue", name, "--candidate", target, "--baseline", old]
            command = shlex.join([*arguments, "--size", str(REVIEWED_PAIRS), "--config", str(config)])
            if queue_id is None:
                yield f"To have people compare {REVIEWED_PAIRS} answers of {target} with those of {old}: {command}"
            else:
                close = f"to judge by fewer votes: fairtrial review close {queue_id}"
                yield f"The answers of {target} and {old} wait for reviewers on the page Review ({close})."
