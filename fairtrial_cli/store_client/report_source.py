"""Reads what a report contains: the verdict, the runs of each suite, and all their cases."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from evaluators.criteria.metric_catalogue import measures_of, measures_seen
from evaluators.loading.suite_text import UnusableText, suite_of
from evaluators.report_content.content import ReportContent, SuiteReport, TextPolicy, Texts
from evaluators.report_content.suites import SuiteRuns, compared, grading_metric, suite_report
from evaluators.report_content.wording import first_line
from fairtrial.api import runs, verdicts
from fairtrial.api.verdict_answers import ReleaseRecord
from fairtrial.domain.errors import UsageError
from fairtrial.domain.verdicts.verdict_wording import titled
from fairtrial.domain.wording import counted
from fairtrial_cli.store_client.stored import load_noise_floor, load_table

if TYPE_CHECKING:
    from evaluators.results.run_table import RunTable
    from evaluators.suite import Suite
    from fairtrial.api.run_answers import CasePair, GradedCase
    from fairtrial_cli.store_client.client import StoreClient

PAGE = 1_000
"""How many cases are read at once."""


def read_report(
    store: StoreClient, names: Sequence[str], baseline: str | None = None, *, policy: TextPolicy = "masked"
) -> ReportContent:
    """The report on a verdict, if one name is given and belongs to one, or on runs; raises `UsageError`.

    ``baseline`` names the run that the others are compared with, by default the last one of ``names``.
    """
    texts = Texts(policy)
    record = None
    if len(names) == 1 and baseline is None and "@" not in names[0]:
        record = _record(store, names[0])
    if record is not None:
        return _verdict_report(store, record, texts)
    suites = [_read(store, tables, texts) for tables in _by_suite(store, names, baseline)]
    return ReportContent(says=first_line(suites), suites=tuple(suites), **_origin(texts))


def _record(store: StoreClient, name: str) -> ReleaseRecord | None:
    """The record of the verdict with this id; ``None`` if there is a run with it, and no verdict."""
    try:
        return store.call(verdicts.record, verdicts.NameVerdict(verdict_id=name))
    except UsageError as no_verdict:
        try:
            store.call(runs.resolve, runs.ResolveRun(name=name))
        except UsageError as no_run:
            raise UsageError(f"{name!r} is neither a verdict nor a run: {no_verdict}; {no_run}") from no_run
    return None


def _verdict_report(store: StoreClient, record: ReleaseRecord, texts: Texts) -> ReportContent:
    verdict = record.verdict
    targets = {verdict.baseline: 0, verdict.candidate: 1}
    suite_texts: dict[str, dict[str, str]] = {}
    for run in record.runs:
        suite_texts.setdefault(run.suite, {})[run.target] = run.run_id
    suites = []
    for by_target in suite_texts.values():
        ordered = sorted(by_target, key=lambda target: (targets.get(target, len(targets)), target))
        suites.append(_read(store, [load_table(store, by_target[target]) for target in ordered], texts))
    gone = len(set(verdict.runs)) - len(record.runs)
    notes = (f"{counted(gone, 'run')} of the verdict are no longer in the store.",) if gone > 0 else ()
    shown = texts.verdict(verdict)
    return ReportContent(
        says=titled(shown.headline, official=verdict.official),
        suites=tuple(suites),
        verdict=shown,
        reads=titled(record.reads, official=verdict.official),
        approvals=record.approvals.state,
        stale=tuple(record.stale),
        notes=notes,
        **_origin(texts),
    )


def _origin(texts: Texts) -> dict[str, Any]:
    """The fields of a report that say how and when it was made."""
    made = {"policy": texts.policy, "masked": dict(texts.masked)}
    return made | {"made_us": time.time_ns() // 1000, "program": version("fairtrial")}


def _by_suite(store: StoreClient, names: Sequence[str], baseline: str | None) -> Iterator[list[RunTable]]:
    """The runs of each suite, the baseline first. In further suites it is the run on the baseline's target."""
    ids = [store.call(runs.resolve, runs.ResolveRun(name=name)).run_id for name in names]
    first = ids[-1] if baseline is None else store.call(runs.resolve, runs.ResolveRun(name=baseline)).run_id
    tables = {run_id: load_table(store, run_id) for run_id in dict.fromkeys([first, *ids])}
    target = tables[first].target
    for suite in dict.fromkeys(table.suite for table in tables.values()):
        here = [table for table in tables.values() if table.suite == suite]
        reference = next((table for table in here if table.target == target), None)
        if reference is None:
            raise UsageError(f"suite {suite}: name also its run on {target}, which is the baseline")
        yield [reference, *(table for table in here if table is not reference)]


def _read(store: StoreClient, tables: Sequence[RunTable], texts: Texts) -> SuiteReport:
    """The part of the report about one suite; the first table is the baseline."""
    baseline, *candidates = tables
    suite, notes = _suite(store, baseline)
    given = SuiteRuns(
        measures=measures_seen(tables) if suite is None else measures_of(suite),
        baseline=baseline,
        candidates=candidates,
        again=load_noise_floor(store, baseline.run_id),
        tags=None if suite is None else suite.slices or None,
        notes=notes,
    )
    matrix = compared(given)
    return suite_report(given, matrix, _cases(store, given, grading_metric(matrix)), texts)


def _suite(store: StoreClient, run: RunTable) -> tuple[Suite | None, tuple[str, ...]]:
    """The suite as the store has it, which says how each metric is estimated, or why there is none."""
    stored = store.call(runs.suites, runs.ListSuites(suite=run.suite, suite_digest=run.suite_digest, limit=1))
    if not stored:
        return None, ("The store has no text of the suite, so figures over all cases, such as macro F1, are left out.",)
    request = runs.NameSuiteText(suite_digest=run.suite_digest, text_digest=stored[0].text_digest)
    try:
        return suite_of(bytes(store.call(runs.suite_text, request)).decode(), Path(run.suite)), ()
    except UnusableText as error:
        return None, (f"Figures over all cases, such as macro F1, are left out: {error}.",)


def _cases(
    store: StoreClient, given: SuiteRuns, metric: str | None
) -> Sequence[Sequence[CasePair]] | Sequence[GradedCase]:
    """The cases of each candidate beside the baseline's, or those of the only run."""
    baseline = given.baseline.run_id
    if not given.candidates:
        return _pages(store, runs.cases, runs.CasesOf(run_id=baseline, metric=metric, limit=PAGE))
    return [
        _pages(
            store, runs.pairs, runs.PairsOf(candidate_run=run.run_id, baseline_run=baseline, metric=metric, limit=PAGE)
        )
        for run in given.candidates
    ]


def _pages(store: StoreClient, operation: Any, request: Any) -> list[Any]:
    """The rows of all pages."""
    found: list[Any] = []
    while rows := store.call(operation, msgspec.structs.replace(request, offset=len(found))).rows:
        found += rows
    return found
