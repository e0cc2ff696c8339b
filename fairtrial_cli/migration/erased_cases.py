"""Makes a kept baseline fit its suite again after an erasure: the answers to the cases that remain are kept anew."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evaluators.engine.scoring import metrics_of
from evaluators.loading.suite_text import UnusableText, suite_of
from evaluators.suite import with_clusters
from fairtrial.api import runs
from fairtrial.api.runs import LatestRuns
from fairtrial.domain.answers.signals import SIGNALS
from fairtrial.domain.names.ids import ENTROPY_BYTES, uuid7
from fairtrial_cli.suite_of_run import stored_run

if TYPE_CHECKING:
    from pathlib import Path

    from evaluators.suite import Suite
    from fairtrial.domain.run import Case, CaseResult, Run
    from fairtrial_cli.store_client.client import StoreClient


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
    kept = store.call(runs.kept, LatestRuns(suite=suite.name, target=old)).run_id
    run = None if kept is None else stored_run(store, kept)
    if run is None or not _same_settings(store, suite, run):
        return None
    cases = {case.case_id: case for case in with_clusters(suite.cases)}
    here = [result for result in run.results if result.case.case_id in cases]
    gone = [result for result in run.results if result.case.case_id not in cases]
    same = all(_content(result.case) == _content(cases[result.case.case_id]) for result in here)
    if not gone or len(here) != len(cases) * suite.repeat or not same or not all(map(_is_erased, gone)):
        return None
    results = tuple(replace(result, case=cases[result.case.case_id]) for result in here)
    run_id = uuid7(time.time_ns() // 1_000_000, os.urandom(ENTROPY_BYTES))
    metrics = metrics_of(suite, results)
    return replace(run, run_id=run_id, suite_digest=suite.digest, results=results, metrics=metrics)


def _same_settings(store: StoreClient, suite: Suite, run: Run) -> bool:
    texts = store.call(runs.suites, runs.ListSuites(suite=suite.name, suite_digest=run.suite_digest, limit=1))
    versions = {name: version for name, version in run.versions.items() if name != SIGNALS}
    if not texts or versions != {scorer.name: scorer.version for scorer in suite.scorers}:
        return False
    named = runs.NameSuiteText(suite_digest=run.suite_digest, text_digest=texts[0]["text_digest"])
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
