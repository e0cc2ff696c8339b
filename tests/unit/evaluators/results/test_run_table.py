"""Runs in columns: what the store gives equals what the engine made, and figures of resamples equal those of scores."""

from __future__ import annotations

import random
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from evaluators.comparison.compare import compare_runs
from evaluators.comparison.levels import figure_of, resampled_quantile
from evaluators.comparison.pairing import side_of, slices_of
from evaluators.criteria.metric_catalogue import measure_of, measures_of, measures_seen
from evaluators.engine.controls import with_controls
from evaluators.engine.run_events import events_of, run_of, statistical
from evaluators.engine.scoring import score_case
from evaluators.gate.regression_rule import find_regressions
from evaluators.results.run_table import NO_DONOR, RunTable, Scope, table_of
from evaluators.results.table_formats import StoredControls, table_from
from evaluators.scoring.metrics import bleu, chrf, label
from evaluators.suite import Suite, with_digest
from fairtrial.config.layout import Layout
from fairtrial.domain.run import Answer, Case, CaseResult, Run, ScoreFailure
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Database
from fairtrial.store.evaluations import run_columns
from fairtrial.store.ingest.ingest import Ingester
from tests.fixtures.for_each import for_each

LABELS = ("red", "green", "blue")
REPEATS = 3


def suite() -> Suite:
    """Labels, BLEU and chrF; the last two on one kind of cases; some cases share a cluster."""
    cases = tuple(
        Case(
            f"c{at}",
            (),
            LABELS[at % 3] if at % 2 else f"{LABELS[at % 3]} is the {at % 7} colour of it",
            {"kind": ("text", "word")[at % 2], "many": "a|b" if at % 5 else "c"} if at % 9 else {"kind": "word"},
            cluster=f"t{at // 4}" if at % 8 else None,
        )
        for at in range(60)
    )
    scorers = (
        label.build({"of": list(LABELS), "positive": ["red", "blue"]}, "label"),
        bleu.build({}, "bleu"),
        chrf.build({"words": 2}, "chrf"),
    )
    when = {"label": {"kind": "word"}}
    made = Suite(
        "s", "metric", Path("s.yaml"), "", cases, {}, scorers, when, ("kind", "many"), "thread", REPEATS, seed=3
    )
    return with_digest(made)


def a_run(of: Suite, target: str) -> Run:
    """Answers of all kinds: right, wrong, off the labels, broken off, from the cache, without a price, none."""
    draw = random.Random(target)
    results = [
        _result(of, case, repeat, draw) for case in of.cases for repeat in range(REPEATS) if draw.random() < 0.97
    ]
    results = list(with_controls(of, results))
    versions = {scorer.name: scorer.version for scorer in of.scorers}
    metrics = {"label.accuracy": 0.5, "bleu.corpus": 1.0}
    weights, model = f"w-{target}", f"openai/{target}-v2"
    return Run(
        target, of.name, of.digest, target, "d", weights, 3, REPEATS, 7, metrics, versions,
        ended_us=9, results=tuple(results), model=model,
    )  # fmt: skip


def _result(of: Suite, case: Case, repeat: int, draw: random.Random) -> CaseResult:
    if draw.random() < 0.1:
        return CaseResult(case, repeat, Answer(None, error="HTTP 503"), "provider_error", {})
    text = draw.choice([str(case.expected), "red", "green is the 3 colour", "no idea", f"Other {draw.random()}"])
    answer = Answer(
        text,
        finish_reason=draw.choice(["stop", "length"]),
        latency_ms=draw.lognormvariate(4, 1),
        tokens_out=draw.choice([None, 3, 9]),
        cost_usd=draw.choice([None, 0.01]),
        cached=draw.random() < 0.2,
    )
    score = score_case(of, case, repeat, answer)
    if draw.random() < 0.05:
        scores = {**score.scores, "chrf": ScoreFailure("chrf", "crashed")}
        return CaseResult(case, repeat, answer, "judge_error", scores)
    return score


@pytest.fixture(scope="module")
def runs() -> tuple[Suite, Run, Run]:
    of = suite()
    return of, a_run(of, "new"), a_run(of, "old")


@pytest.fixture(scope="module")
def stored(runs: tuple[Suite, Run, Run], tmp_path_factory: pytest.TempPathFactory) -> tuple[RunTable, RunTable]:
    layout = Layout(tmp_path_factory.mktemp("store") / "fairtrial.duckdb").make()
    writer = JournalWriter(layout.journal, writer="w")
    for run in runs[1:]:
        writer.append(*events_of(run))
    writer.close()
    database = Database.open(layout)
    Ingester(database, lambda: 1).catch_up()

    def load(run_id: str) -> RunTable:
        columns = run_columns.columns(database, run_id)
        assert columns is not None
        return table_from(
            columns,
            lambda scorer: run_columns.details(database, run_id, scorer),
            StoredControls(
                lambda: run_columns.controls(database, run_id),
                lambda scorer: run_columns.control_details(database, run_id, scorer),
            ),
        )

    yield load("new"), load("old")
    assert run_columns.columns(database, "nobody") is None
    database.close()


def same(left: object, right: object) -> bool:
    if isinstance(left, np.ndarray):
        return bool(np.array_equal(left, right, equal_nan=left.dtype == np.float64))
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    return left == right


def test_the_store_gives_the_columns_of_the_run_that_was_written(runs, stored) -> None:
    for run, table in zip(runs[1:], stored, strict=True):
        made = table_of(run)
        for field in fields(RunTable):
            if field.name in ("details", "controls", "_memo"):
                continue
            first, second = getattr(made, field.name), getattr(table, field.name)
            if field.name == "tags":
                first, second = (
                    {tag: [*slice_tag.codes, *slice_tag.texts] for tag, slice_tag in which.items()}
                    for which in (first, second)
                )
            assert same(first, second), field.name
        for scorer in ("label", "bleu", "chrf", "nobody"):
            assert [*table.details(scorer)] == [row for row in made.details(scorer) if scorer != "nobody"]


def test_the_store_gives_the_negative_controls_of_the_run_that_was_written(runs, stored) -> None:
    for run, table in zip(runs[1:], stored, strict=True):
        made, read = table_of(run).controls(), table.controls()
        assert made is not None
        assert read is not None
        assert np.array_equal(made.outcomes, read.outcomes)
        assert (made.outcomes == NO_DONOR).any()
        assert sorted(made.values) == sorted(read.values)
        assert all(same(of, read.values[metric]) for metric, of in made.values.items())
        for scorer in ("label", "bleu"):
            rows = [[statistical(of or {}) for of in row or ()] for row in made.details(scorer)]
            assert [row if any(row) else [] for row in rows] == [
                [of or {} for of in row or ()] for row in read.details(scorer)
            ]


def test_the_controls_of_a_run_survive_the_journal(runs) -> None:
    run = runs[1]
    back = run_of(events_of(run))
    read, made = table_of(back).controls(), table_of(run).controls()
    assert read is not None
    assert made is not None
    assert np.array_equal(made.outcomes, read.outcomes)
    assert all(same(of, read.values[metric]) for metric, of in made.values.items())


def test_the_columns_hold_no_text_of_a_case(stored) -> None:
    assert {"asked", "output", "expected", "error"}.isdisjoint(field.name for field in fields(RunTable))
    assert "asked" not in run_columns.RESULTS + run_columns.SCORES
    assert "output" not in run_columns.RESULTS.replace("md5_number_lower(output)", "") + run_columns.SCORES


def test_both_ways_lead_to_the_same_comparisons_and_flips(runs, stored) -> None:
    of, new, old = runs
    seen, scopes = measures_seen([new, old]), [None, Scope("many", "b")]
    assert [(measure.name, measure.kind, measure.scale) for measure in measures_seen(stored)] == [
        (measure.name, measure.kind, measure.scale) for measure in seen
    ]
    quick = [measure for measure in measures_of(of) if measure.kind != "corpus" or measure.name == "label.precision"]
    assert compare_runs(quick, *stored, scopes) == compare_runs(quick, new, old, scopes)
    assert slices_of(stored[0], ["kind", "many"]) == slices_of(new, ["kind", "many"])
    for scope in (None, Scope("many", "b")):
        assert find_regressions(of, stored, scope) == find_regressions(of, (new, old), scope)


def test_what_comes_back_as_events_is_the_same_run_in_columns(runs) -> None:
    new = runs[1]
    made, again = table_of(new), table_of(run_of(events_of(new)))
    assert (again.case_ids, again.metrics, list(again.values)) == (made.case_ids, made.metrics, list(made.values))
    assert all(same(made.values[metric], again.values[metric]) for metric in made.values)


@for_each("metric", ["label.macro_f1", "label.macro_recall", "label.precision", "bleu", "chrf"])
def test_a_figure_of_drawn_cases_is_the_scorers_own_of_their_scores(runs, stored, metric: str) -> None:
    of, new, _ = runs
    measure = measure_of(of, metric)
    scores = {
        (result.case.case_id, result.repeat): result.scores[measure.scorer]
        for result in new.results
        if measure.scorer in result.scores and not isinstance(result.scores[measure.scorer], ScoreFailure)
    }
    for scope in (None, Scope("many", "b")):
        side = side_of(measure, stored[0], scope)
        figure = figure_of(measure, side)
        for seed in range(5):
            drawn = np.random.default_rng(seed).integers(0, side.n, side.n)
            ids = [stored[0].case_ids[side.cases[at]] for at in drawn]
            known = [scores[case_id, k] for case_id in ids for k in range(REPEATS) if (case_id, k) in scores]
            assert figure(drawn) == measure.stat.aggregate(known)


@pytest.mark.parametrize(("n", "repeats", "gaps"), [(4_000, 1, 0.0), (1_500, 3, 0.2), (50, 1, 0.0), (3_000, 1, 1.0)])
def test_a_resampled_quantile_is_numpys(n: int, repeats: int, gaps: float) -> None:
    draw = np.random.default_rng(n)
    values = np.round(draw.lognormal(size=(n, repeats)), 2)
    values[draw.random(values.shape) < gaps] = np.nan
    for share in (0.0, 0.5, 0.95, 0.999, 1.0):
        figure = resampled_quantile(values, share)
        few = draw.integers(0, n, n)
        known = values[few][~np.isnan(values[few])]
        assert figure(few) == (float(np.quantile(known, share)) if len(known) else None)


def test_repeats_that_are_missing_leave_a_gap(runs) -> None:
    table = table_of(runs[1])
    rows = table.results_of_cases()
    assert rows.shape == (60, REPEATS)
    assert (rows == -1).any()
    for case, row in enumerate(rows):
        assert row[row >= 0].tolist() == np.flatnonzero(table.case_of == case).tolist()
