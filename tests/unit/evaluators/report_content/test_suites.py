"""The part of a report about one suite: rows of cases, plots, and what its page folds."""

from __future__ import annotations

import json
import re

from msgspec import convert

from evaluators.criteria.metric_catalogue import measures_of
from evaluators.report_content.content import ReportContent, SuiteReport, Texts
from evaluators.report_content.page import forest, levels, render
from evaluators.report_content.suites import SuiteRuns, compared, suite_report
from evaluators.report_content.wording import changed_rows, first_line
from evaluators.results.run_table import table_of
from fairtrial.api.run_answers import CasePair
from fairtrial.domain.estimates import Estimate
from tests.fixtures.evaluators import trials

SUITE = trials.suite(n=120, tags={at: {"kind": "odd" if at % 2 else "even"} for at in range(120)})
LONG = "word " * 400


def pair_row(number: int, change: str, answer: str = "x") -> CasePair:
    side = {
        "outcome": "scored", "output": answer, "error": None, "refusal": None, "texts_deleted": False,
        "latency_ms": 5.0, "tokens_out": 1, "cached": False,
        "scores": [{"metric": "qa.accuracy", "value": 1.0, "label": None, "expected": None, "why": None}],
    }  # fmt: skip
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": f"Question {number}"}]
    row = {
        "case_id": f"c{number}", "repeat": 0, "change": change, "asked": json.dumps(messages), "expected": '"x"',
        "tags": {"kind": "odd"}, "candidate": side, "baseline": side,
    }  # fmt: skip
    return convert(row, CasePair)


def suite_of(*rows: list[CasePair], right: tuple[int, ...] = (60, 100)) -> SuiteReport:
    """A report on a baseline with 90 of 120 right, and candidates."""
    base, *candidates = (
        table_of(trials.run(SUITE, target, trials.right(count)))
        for target, count in (("base", 90), *((f"tuned-{at}", each) for at, each in enumerate(right)))
    )
    runs = SuiteRuns(measures=measures_of(SUITE), baseline=base, candidates=candidates)
    return suite_report(runs, compared(runs), rows or [[] for _ in right], Texts("masked"))


def page_of(suite: SuiteReport) -> str:
    return render(
        ReportContent(says="One sentence.", suites=(suite,), policy="masked", masked={}, made_us=0, program="1")
    )


def test_cases_of_candidates_are_joined_and_a_missing_one_is_marked_as_missing() -> None:
    suite = suite_of([pair_row(0, "lost"), pair_row(1, "same")], [pair_row(1, "gained"), pair_row(2, "both wrong")])
    assert [(case.case_id, case.changes, case.changed, case.failed) for case in suite.cases] == [
        ("c0", ("lost", None), True, True),
        ("c1", ("same", "gained"), True, False),
        ("c2", (None, "both wrong"), False, True),
    ]
    assert page_of(suite).count("not in this run") == 2


def test_the_first_line_answers_for_each_candidate() -> None:
    line = first_line([suite_of()])
    assert line == (
        "small, qa.accuracy against base (75.0 %): tuned-0 is worse (50.0 %, −25.0 points), "
        "tuned-1 is better (83.3 %, +8.3 points)."
    )
    assert first_line([suite_of(right=(60,))]).startswith(
        "small: tuned-0 is worse than base, qa.accuracy 90 → 60 of 120 ("
    )


def test_a_slice_counts_as_changed_only_if_its_answer_is_another_one() -> None:
    changed = {(row.metric, row.scope, candidate) for row, candidate in changed_rows(suite_of())}
    assert ("qa.accuracy", "", 0) in changed
    assert ("qa.accuracy", "kind:odd", 0) not in changed


def test_marks_of_a_plot_lie_in_the_order_of_their_values() -> None:
    suite = suite_of()
    for plot in (forest(suite), levels(suite)):
        assert plot is not None
        assert all(plot.left <= mark.x <= plot.right for mark in plot.marks)
        assert all(mark.low <= mark.x <= (mark.high or 0) for mark in plot.marks if mark.low is not None)
        assert [mark.y for mark in plot.marks] == sorted(mark.y for mark in plot.marks)
    worse, better = (row for row in suite.overall[0].comparisons if row and isinstance(row.difference, Estimate))
    drawn = forest(suite)
    assert drawn is not None and [mark.answer for mark in drawn.marks[:2]] == [worse.answer, better.answer]
    assert drawn.marks[0].x < drawn.zero < drawn.marks[1].x


def test_a_message_that_all_cases_share_is_shown_once_and_a_long_text_is_folded() -> None:
    page = page_of(suite_of([pair_row(0, "same", LONG), pair_row(1, "same")], right=(90,)))
    assert page.count("Be brief.") == 1
    assert "Question 0" in page and "Question 1" in page
    folded = re.findall(r"<summary>([\d,]+) more characters</summary>([^<]*)", page)
    assert len(folded) == 2 and all(int(size.replace(",", "")) == len(rest) for size, rest in folded)


def test_runs_of_one_target_are_distinguished_by_their_ids() -> None:
    base, again = (table_of(trials.run(SUITE, "base", trials.right(90), run_id=f"0199-000{at}-x")) for at in (1, 2))
    matrix = compared(SuiteRuns(measures=measures_of(SUITE), baseline=base, candidates=[again]))
    assert [column.target for column in matrix.columns] == ["base (0199-0001)", "base (0199-0002)"]
    assert [change.target for change in matrix.changes] == ["base (0199-0002)"]
