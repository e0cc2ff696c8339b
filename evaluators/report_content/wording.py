"""Words a report: its first line, the cells of a matrix, and what was masked."""

from collections.abc import Iterator, Mapping, Sequence

from evaluators.comparison.presentation import amount, answer_in_words, bare_gap, both_figures, format_signed
from evaluators.report_content.content import SuiteReport, TextPolicy
from fairtrial.api.comparison_answers import MatrixRow
from fairtrial.domain.estimates import Comparison, Estimate
from fairtrial.domain.wording import counted
from fairtrial.privacy.search import counted_kind


def first_line(suites: Sequence[SuiteReport]) -> str:
    """Word the result suite by suite: the answer for each candidate, with its figures."""
    return "; ".join(part for suite in suites for part in _answers(suite)) + "."


def _answers(suite: SuiteReport) -> Iterator[str]:
    name, baseline, row = suite.matrix.suite, suite.matrix.columns[0].target, suite.primary
    targets = [column.target for column in suite.matrix.columns[1:]]
    if row is None:
        yield f"{name}: no case of {baseline} is scored"
    elif not targets:
        yield f"{name} on {baseline}: {row.metric} is {level(row, 0)} over {counted(row.levels[0].n, 'case')}"
    elif len(targets) == 1:
        yield f"{name}: {targets[0]} {_verb(row.comparisons[0])} {baseline}, {_figures(row, row.comparisons[0])}"
    else:
        parts = [f"{target} {_verb(row.comparisons[at], '')} ({_short(row, at)})" for at, target in enumerate(targets)]
        yield f"{name}, {row.metric} against {baseline} ({level(row, 0)}): {', '.join(parts)}"


VERBS = {
    "better": "is better",
    "worse": "is worse",
    "not worse": "is not worse",
    "cannot tell": "can't be distinguished",
}


def _verb(comparison: Comparison | None, than: str = " than") -> str:
    if comparison is None or not isinstance(comparison.difference, Estimate):
        return "can't be compared" + (" with" if than else "")
    verb = VERBS[comparison.answer]
    return verb + (" from" if than and comparison.answer == "cannot tell" else than)


def _figures(row: MatrixRow, comparison: Comparison | None) -> str:
    if comparison is None:
        return f"because no case is scored by {row.metric} on both sides"
    shown = f"{row.metric} {both_figures(comparison, row)}"
    bounds = interval(row, comparison)
    return f"{shown} ({with_unit(row, comparison)}, 95 % interval {bounds})" if bounds else shown


def _short(row: MatrixRow, candidate: int) -> str:
    comparison = row.comparisons[candidate]
    shown = level(row, candidate + 1)
    return f"{shown}, {with_unit(row, comparison)}" if difference(row, comparison) else shown


def with_unit(row: MatrixRow, comparison: Comparison | None) -> str:
    """The difference for a sentence: ``−7.9 points``."""
    return difference(row, comparison) + (" points" if row.form == "share" else "")


def level(row: MatrixRow, column: int) -> str:
    """A column's level in its unit."""
    value = row.levels[column].value
    return "–" if value is None else amount(value, row)


def difference(row: MatrixRow, comparison: Comparison | None) -> str:
    """A candidate's difference from the baseline, with its sign; nothing without one."""
    estimate = None if comparison is None else comparison.difference
    if not isinstance(estimate, Estimate):
        return ""
    nothing = bare_gap(0.0, row)
    return nothing if bare_gap(estimate.value, row) == nothing else format_signed(estimate.value, row)


def interval(row: MatrixRow, comparison: Comparison | None) -> str:
    """The bounds of the difference's interval; nothing without one."""
    estimate = None if comparison is None else comparison.difference
    return (
        f"{format_signed(estimate.low, row)} to {format_signed(estimate.high, row)}"
        if isinstance(estimate, Estimate)
        else ""
    )


def answer(comparison: Comparison | None) -> str:
    """The answer in words."""
    return "not compared" if comparison is None else answer_in_words(comparison)


def changed_rows(suite: SuiteReport) -> list[tuple[MatrixRow, int]]:
    """Each measure and candidate's index that is answered by better or worse, by candidate and worse ones first.

    Of the slices, only those whose answer is another one than that over all cases.
    """
    overall = {row.metric: row for row in suite.overall}
    rows = [
        (row, at)
        for row in suite.matrix.rows
        for at in range(len(row.comparisons))
        if _answered(row, at) in ("better", "worse")
        and not (row.scope and _answered(row, at) == _answered(overall[row.metric], at))
    ]
    return sorted(rows, key=lambda pair: (pair[1], _answered(*pair) != "worse"))


def _answered(row: MatrixRow, candidate: int) -> str:
    comparison = row.comparisons[candidate]
    return "" if comparison is None else comparison.answer


def quiet(row: MatrixRow) -> bool:
    """Whether a measure is 0 in every run, so that a sentence is clearer than a line of the table."""
    return all(not level.value for level in row.levels)


def shown_texts(policy: TextPolicy, masked: Mapping[str, int]) -> str:
    """Word what the reader has to know about the report's texts."""
    if policy == "full":
        return "Texts are shown in full: personal data and secrets in them are not masked."
    left = "Texts are left out of this report. " if policy == "none" else ""
    if not masked:
        return f"{left}No personal data or secret was found in what is shown."
    finds = [counted_kind(count, kind) for kind, count in sorted(masked.items(), key=lambda item: -item[1])]
    return f"{left}Masked in what is shown: {', '.join(finds)}."
