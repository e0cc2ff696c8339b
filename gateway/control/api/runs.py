"""Implements the operations on runs of suites, their cases, and comparisons of two runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from evaluators.suite import MANY
from fairtrial.api.runs import (
    CasesOf,
    CompareMany,
    CompareRuns,
    DetailsOf,
    FoundRun,
    LatestRuns,
    ListRuns,
    ListSuites,
    NameRun,
    NameSuiteText,
    OptionalRun,
    PairsOf,
    ResolveRun,
)
from fairtrial.domain.errors import not_found
from fairtrial.store.core.query import Query
from fairtrial.store.evaluations import kept_runs, run_figures, run_names, suite_texts
from fairtrial.store.evaluations import runs as stored_runs
from gateway.control.answer import ARROW, Answer, arrow_stream
from gateway.control.context import Context, page_of
from gateway.memory import keeping_large_blocks

if TYPE_CHECKING:
    from evaluators.results.run_table import RunTable

LINES = "application/x-ndjson"
MOST_SLICES = 40
"""A tag with more values than this is an id rather than a slice."""

BETTER = {True: "higher", False: "lower"}


def listing(_: Context, request: ListRuns) -> Query:
    return stored_runs.listing(page_of(request), suite=request.suite, target=request.target)


def latest(context: Context, request: LatestRuns) -> list[str]:
    return stored_runs.latest(
        context.database, suite=request.suite, target=request.target, suite_digest=request.suite_digest
    )


def resolve(context: Context, request: ResolveRun) -> FoundRun:
    return FoundRun(run_names.find_run(context.database, request.name))


def one(context: Context, request: NameRun) -> dict[str, Any]:
    found = _events(context, request.run_id)
    return {"run": found.run, "results": found.results, "scores": found.scores}


def events(context: Context, request: NameRun) -> Answer:
    return Answer(b"".join(msgspec.json.encode(event) + b"\n" for event in _events(context, request.run_id)), LINES)


def columns(context: Context, request: NameRun) -> Answer:
    from fairtrial.store.evaluations import run_columns  # loads Arrow

    found = run_columns.columns(context.database, request.run_id)
    if found is None:
        raise not_found("run", request.run_id)
    return Answer(arrow_stream(found), ARROW)


def details(context: Context, request: DetailsOf) -> Answer:
    from fairtrial.store.evaluations import run_columns  # loads Arrow

    if stored_runs.head(context.database, request.run_id) is None:
        raise not_found("run", request.run_id)
    return Answer(arrow_stream(run_columns.details(context.database, request.run_id, request.scorer)), ARROW)


def figures(context: Context, request: NameRun) -> Any:
    from gateway.control.operations.read_run_cases import read_figures  # loads the statistics

    return read_figures(context.database, request.run_id)


def noise_floor(context: Context, request: NameRun) -> OptionalRun:
    run = stored_runs.head(context.database, request.run_id)
    if run is None:
        raise not_found("run", request.run_id)
    return OptionalRun(stored_runs.noise_floor(context.database, run))


def keep(context: Context, request: NameRun) -> FoundRun:
    kept_runs.keep(context.database, request.run_id, now_us=context.now_us, actor=context.actor)
    return FoundRun(request.run_id)


def kept(context: Context, request: LatestRuns) -> OptionalRun:
    return OptionalRun(kept_runs.newest(context.database, request.suite, request.suite_digest, request.target))


def slices(context: Context, request: NameRun) -> list[dict[str, Any]]:
    figures(context, request)
    return context.database.dicts(run_figures.slices(request.run_id, separator=MANY, most=MOST_SLICES))


def cases(context: Context, request: CasesOf) -> dict[str, Any]:
    from gateway.control.operations.read_run_cases import read_cases  # loads the statistics

    return read_cases(context.database, page_of(request), request)


def pairs(context: Context, request: PairsOf) -> dict[str, Any]:
    from gateway.control.operations.read_run_cases import read_pairs  # loads the statistics

    return read_pairs(context.database, page_of(request), request)


def compare(context: Context, request: CompareRuns) -> dict[str, Any]:
    from evaluators.comparison.compare import compare_runs  # imports numpy and scipy only when needed
    from evaluators.comparison.pairing import slices_of
    from evaluators.comparison.signal_changes import signal_changes
    from evaluators.criteria.metric_catalogue import measures_seen

    with keeping_large_blocks():
        candidate, baseline = _table(context, request.candidate_run), _table(context, request.baseline_run)
        measures = measures_seen([candidate, baseline])
        rows = compare_runs(measures, candidate, baseline, [None, *slices_of(candidate, request.by)])
        changes = signal_changes(candidate, baseline)
    shown = {
        measure.name: {"form": measure.form, "scale": measure.scale} | {"better": BETTER[measure.sign > 0]}
        for measure in measures
    }
    signals = [{"metric": change.metric, "notable": change.notable, "says": change.says} for change in changes]
    return {"rows": rows, "shown": shown, "signals": signals}


def matrix(context: Context, request: CompareMany) -> dict[str, Any]:
    from evaluators.comparison.matrix import matrix_of  # imports numpy and scipy only when needed
    from evaluators.criteria.metric_catalogue import measures_seen

    with keeping_large_blocks():
        baseline, *candidates = (_table(context, run_id) for run_id in (request.baseline_run, *request.candidate_runs))
        again = stored_runs.noise_floor(context.database, baseline)
        found = matrix_of(
            measures_seen([baseline, *candidates]),
            baseline,
            candidates,
            by=request.by,
            again=None if again is None else _table(context, again),
        )
    plain: dict[str, Any] = msgspec.to_builtins(found)
    return plain


def suites(_: Context, request: ListSuites) -> Query:
    page, digests = page_of(request), {"suite_digest": request.suite_digest, "text_digest": request.text_digest}
    return suite_texts.listing(page, suite=request.suite, **digests)


def suite_text(context: Context, request: NameSuiteText) -> Answer:
    found = suite_texts.find(context.database, request.suite_digest, request.text_digest)
    if found is None:
        raise not_found("suite", request.text_digest)
    return Answer(found.encode())


def _events(context: Context, run_id: str) -> stored_runs.RunEvents:
    found = stored_runs.events(context.database, run_id)
    if found is None:
        raise not_found("run", run_id)
    return found


def _table(context: Context, run_id: str) -> RunTable:
    from gateway.control.operations.verdicts.latest_runs import load_table

    found = load_table(context.database, run_id)
    if found is None:
        raise not_found("run", run_id)
    return found
