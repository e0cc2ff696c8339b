"""Implements the operations on runs of suites, their cases, and comparisons of two runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

import msgspec

from fairtrial.api.comparison_answers import MeasureForm, RunMatrix, RunsCompared
from fairtrial.api.run_answers import CasePage, FoundRun, OptionalRun, PairPage, RunEvents, RunFigures
from fairtrial.api.runs import (
    CasesOf,
    CompareMany,
    CompareRuns,
    DetailsOf,
    LatestRuns,
    ListRuns,
    ListSuites,
    NameRun,
    NameSuiteText,
    PairsOf,
    ResolveRun,
)
from fairtrial.domain.answers.signals import SIGNALS
from fairtrial.domain.errors import BadRequest, existing
from fairtrial.domain.events import RunEvent
from fairtrial.domain.run import MANY
from fairtrial.domain.verdicts.model_equality import ModelEquality
from fairtrial.domain.verdicts.model_parity import ModelParity
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page, Query
from fairtrial.store.evaluations import model_equality, model_parity, run_cases, runs
from gateway.control.context import ARROW, Context, EncodedAnswer, arrow_stream, page_of
from gateway.process_resources import keeping_large_blocks

if TYPE_CHECKING:
    from evaluators.results.run_table import RunTable


LINES = "application/x-ndjson"
MOST_SLICES = 40
"""A tag with more values than this is an id rather than a slice."""


def listing(_: Context, request: ListRuns) -> Query:
    return runs.listing(page_of(request), suite=request.suite, target=request.target)


def latest(context: Context, request: LatestRuns) -> list[str]:
    return runs.latest(context.database, suite=request.suite, target=request.target, suite_digest=request.suite_digest)


def resolve(context: Context, request: ResolveRun) -> FoundRun:
    return FoundRun(runs.find_run(context.database, request.name))


def one(context: Context, request: NameRun) -> RunEvents:
    return _events(context, request.run_id)


def events(context: Context, request: NameRun) -> EncodedAnswer:
    return EncodedAnswer(
        b"".join(msgspec.json.encode(event) + b"\n" for event in _events(context, request.run_id)), LINES
    )


def columns(context: Context, request: NameRun) -> EncodedAnswer:
    from fairtrial.store.evaluations import run_columns  # loads Arrow

    columns = existing(run_columns.columns(context.database, request.run_id), "run", request.run_id)
    return EncodedAnswer(arrow_stream(columns), ARROW)


def details(context: Context, request: DetailsOf) -> EncodedAnswer:
    from fairtrial.store.evaluations import run_columns  # loads Arrow

    existing(runs.head(context.database, request.run_id), "run", request.run_id)
    return EncodedAnswer(arrow_stream(run_columns.details(context.database, request.run_id, request.scorer)), ARROW)


def figures(context: Context, request: NameRun) -> RunFigures:
    return read_figures(context.database, request.run_id)


def noise_floor(context: Context, request: NameRun) -> OptionalRun:
    run = existing(runs.head(context.database, request.run_id), "run", request.run_id)
    return OptionalRun(runs.noise_floor(context.database, run))


def keep(context: Context, request: NameRun) -> FoundRun:
    runs.keep_run(context.database, request.run_id, now_us=context.now_us, actor=context.actor)
    return FoundRun(request.run_id)


def kept(context: Context, request: LatestRuns) -> OptionalRun:
    return OptionalRun(runs.newest_kept(context.database, request.suite, request.suite_digest, request.target))


def slices(context: Context, request: NameRun) -> Query:
    figures(context, request)
    return run_cases.slices(request.run_id, separator=MANY, most=MOST_SLICES)


def cases(context: Context, request: CasesOf) -> CasePage:
    return read_cases(context.database, page_of(request), request)


def pairs(context: Context, request: PairsOf) -> PairPage:
    return read_pairs(context.database, page_of(request), request)


def compare(context: Context, request: CompareRuns) -> RunsCompared:
    from evaluators.comparison.compare import compare_runs  # imports numpy and scipy only when needed
    from evaluators.comparison.observations import signal_changes
    from evaluators.comparison.pairing import slices_of
    from evaluators.criteria.metric_catalogue import measures_seen

    with keeping_large_blocks():
        candidate, baseline = _table(context, request.candidate_run), _table(context, request.baseline_run)
        measures = measures_seen([candidate, baseline])
        rows = compare_runs(measures, candidate, baseline, [None, *slices_of(candidate, request.by)])
        changes = signal_changes(candidate, baseline)
    shown = {
        measure.name: MeasureForm(
            form=measure.form, scale=measure.scale, better="higher" if measure.sign > 0 else "lower"
        )
        for measure in measures
    }
    return RunsCompared(rows=rows, shown=shown, signals=changes)


def matrix(context: Context, request: CompareMany) -> RunMatrix:
    from evaluators.comparison.matrix import matrix_of  # imports numpy and scipy only when needed
    from evaluators.criteria.metric_catalogue import measures_seen

    with keeping_large_blocks():
        baseline, *candidates = (_table(context, run_id) for run_id in (request.baseline_run, *request.candidate_runs))
        again = runs.noise_floor(context.database, baseline)
        compared = matrix_of(
            measures_seen([baseline, *candidates]),
            baseline,
            candidates,
            by=request.by,
            again=None if again is None else _table(context, again),
        )
    equality, parity = tuple(_equality(context, baseline, candidates)), tuple(_parity(context, candidates))
    return msgspec.structs.replace(compared, equality=equality, parity=parity)


def _equality(context: Context, baseline: RunTable, candidates: Sequence[RunTable]) -> Iterator[ModelEquality]:
    """What is known of the definitions that ran, apart from variants with settings of their own."""
    for candidate in candidates:
        digests = candidate.deployment_digest, baseline.deployment_digest
        result = model_equality.newest(context.database, *digests)
        if result is not None:
            yield result


def _parity(context: Context, candidates: Sequence[RunTable]) -> Iterator[ModelParity]:
    results = (model_parity.newest(context.database, candidate.deployment_digest) for candidate in candidates)
    yield from (result for result in results if result is not None)


def suites(_: Context, request: ListSuites) -> Query:
    page, digests = page_of(request), {"suite_digest": request.suite_digest, "text_digest": request.text_digest}
    return runs.suite_texts(page, suite=request.suite, **digests)


def suite_text(context: Context, request: NameSuiteText) -> EncodedAnswer:
    text = runs.find_text(context.database, request.suite_digest, request.text_digest)
    return EncodedAnswer(existing(text, "suite", request.text_digest).encode())


def _events(context: Context, run_id: str) -> RunEvents:
    return existing(runs.events(context.database, run_id), "run", run_id)


def _table(context: Context, run_id: str) -> RunTable:
    from gateway.control.verdicts.provenance import load_table

    return existing(load_table(context.database, run_id), "run", run_id)


def read_figures(database: Database, run_id: str) -> RunFigures:
    """One run without its cases; raises `NotFound`."""
    figures = run_cases.figures(database, run_id)
    if figures is None:
        raise runs.unknown_run(database, run_id)
    return figures


def read_cases(database: Database, page: Page, request: CasesOf) -> CasePage:
    """A page of cases; raises `NotFound`, and `BadRequest` for the metric."""
    metric = _metric(request.metric, read_figures(database, request.run_id))
    return run_cases.cases(database, page, request, metric, lower=_lower(metric))


def read_pairs(database: Database, page: Page, request: PairsOf) -> PairPage:
    """A page of cases of both runs.

    Raises `NotFound`, and `BadRequest` for an unknown metric or runs that can't be compared.
    """
    from evaluators.comparison.pairing import differences  # imports numpy and scipy only when needed

    ids = (request.candidate_run, request.baseline_run)
    candidate, baseline = (_head(database, run_id) for run_id in ids)
    differing = differences(candidate, baseline)
    if differing:
        on = ",".join(dict.fromkeys((candidate.target, baseline.target)))
        advice = f"run one suite on both: fairtrial eval SUITE.yaml --on {on}"
        raise BadRequest(
            f"runs {candidate.run_id} and {baseline.run_id} can't be compared: {'; '.join(differing)} ({advice})"
        )
    metric = _metric(request.metric, *(read_figures(database, run_id) for run_id in ids))
    return run_cases.pairs(database, page, request, metric, lower=_lower(metric))


def _head(database: Database, run_id: str) -> RunEvent:
    head = runs.head(database, run_id)
    if head is None:
        raise runs.unknown_run(database, run_id)
    return head


def _metric(name: str | None, *figures: RunFigures) -> str:
    """The metric of single cases with this name, or of the scorer with this name; by default the first one."""
    names = [metric for run in figures for metric in run.metrics]
    names += [str(metric) for run in figures for metric in run.run.metrics]
    known = list(dict.fromkeys(names))
    if name is None and known:
        return next((metric for metric in known if not metric.startswith(f"{SIGNALS}.")), known[0])
    for metric in known:
        if name == metric or name == metric.partition(".")[0]:
            return metric
    near = get_close_matches(name or "", known, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise BadRequest(f"metric: cases have no score {name!r} ({hint}known: {', '.join(known) or 'none'})")


def _lower(metric: str) -> bool:
    """Whether less is better."""
    from evaluators.criteria.metric_catalogue import LESS_IS_BETTER  # loads the statistics

    return metric.partition(".")[2] in LESS_IS_BETTER
