"""Prints several runs of one suite against a baseline as one table."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from evaluators.comparison.matrix import ChangedCase, Changes, Matrix, NoiseFloor, Row
from evaluators.comparison.presentation import amount, answer_in_words, format_signed, rules_in_words
from evaluators.criteria.metric_catalogue import BUILT_IN, Measure
from fairtrial.domain.errors import printable
from fairtrial.domain.estimates import Comparison, Estimate
from fairtrial.domain.verdicts.verdict_wording import block_lines
from fairtrial.domain.wording import IN_POINTS, UNADJUSTED, noise_floor_in_words
from fairtrial_cli.output.terminal import Cell, columns, print_table
from fairtrial_cli.output.verdict import print_block

CELL_WIDTH, LEAST_WIDTH = 26, 20
"""Columns of the terminal that one run takes, and those beside the runs. A narrower one gets a line for each run."""
NARROW = columns("metric", "model", "value", "difference", "answer", numbers=("value", "difference"))
STYLES = {"better": "green", "worse": "red"}


def print_matrix(console: Console, matrix: Matrix, measures: Sequence[Measure]) -> None:
    """Print levels and paired differences, then for each candidate the cases that changed most.

    ``measures`` are those that the matrix was made of. Built-in shares that are the same ideal value everywhere, such
    as no errors, are left out.
    """
    baseline, *candidates = (column.target for column in matrix.columns)
    by_name = {measure.name: measure for measure in measures}
    console.print(Text(f"{matrix.suite}: {', '.join(candidates)} against {baseline}", style="bold"), soft_wrap=True)
    shown = [row for row in matrix.rows if not _is_ideal(row)]
    if console.width >= LEAST_WIDTH + len(matrix.columns) * CELL_WIDTH:
        head = columns("metric", "cases", baseline, *candidates, numbers=("cases", baseline, *candidates))
        print_table(console, head, [line for row in shown for line in _lines(row, by_name[row.metric])])
    else:
        targets = (baseline, *candidates)
        print_table(console, NARROW, [line for row in shown for line in _narrow(row, targets, by_name[row.metric])])
    comparisons = [comparison for row in matrix.rows for comparison in row.comparisons if comparison is not None]
    for note in (IN_POINTS, *([UNADJUSTED] if len(candidates) > 1 else []), *rules_in_words(comparisons)):
        console.print(Text(note, style="dim"))
    console.print(Text(_noise_in_words(matrix.noise), style="dim"))
    for changes in matrix.changes:
        _print_changes(console, changes, by_name, matrix.columns[0].target)


def _lines(row: Row, measure: Measure) -> Iterator[list[Cell]]:
    """The levels with each candidate's answer, and the differences below them."""
    levels: list[Cell] = ["–" if level.value is None else amount(level.value, measure) for level in row.levels]
    answers = [
        Text("no pair", style="dim") if comparison is None else _answer(comparison) for comparison in row.comparisons
    ]
    beside = [Text(f"{level} ").append_text(answer) for level, answer in zip(levels[1:], answers, strict=True)]
    yield [_name(row), f"{row.levels[0].n:,}", levels[0], *beside]
    yield [
        "",
        "",
        "",
        *("" if comparison is None else _difference(comparison, measure) for comparison in row.comparisons),
    ]


def _narrow(row: Row, targets: Sequence[str], measure: Measure) -> Iterator[list[Cell]]:
    """A line for each run."""
    name = _name(row)
    for target, level, comparison in zip(targets, row.levels, (None, *row.comparisons), strict=True):
        value = "–" if level.value is None else amount(level.value, measure)
        beside: list[Cell] = (
            ["", f"{level.n:,} cases"]
            if comparison is None
            else [
                _difference(comparison, measure),
                _answer(comparison),
            ]
        )
        yield [name, target, value, *beside]
        name = ""


def _name(row: Row) -> str:
    return f"{row.metric} in {row.scope}" if row.scope else row.metric


def _answer(comparison: Comparison) -> Text:
    return Text(answer_in_words(comparison), style=STYLES.get(comparison.answer, ""))


def _difference(comparison: Comparison, measure: Measure) -> str:
    difference = comparison.difference
    if not isinstance(difference, Estimate):
        return "not enough"
    low, high = format_signed(difference.low, measure), format_signed(difference.high, measure)
    return f"{format_signed(difference.value, measure)} ({low} to {high})"


def _is_ideal(row: Row) -> bool:
    measure = BUILT_IN.get(row.metric)
    ideal = 1.0 if row.higher_is_better else 0.0
    return measure is not None and row.form == "share" and all(level.value == ideal for level in row.levels)


def _noise_in_words(noise: NoiseFloor | None) -> str:
    if noise is None:
        return "Noise floor: unknown. With `fairtrial eval … --noise-floor`, the baseline answers once more."
    return noise_floor_in_words(noise.changed, noise.n, noise.metric)


def _print_changes(console: Console, changes: Changes, by_name: dict[str, Measure], baseline: str) -> None:
    console.print()
    if changes.same.n:
        console.print(Text(f"{changes.same.words(changes.target, baseline)}."))
    if changes.metric is not None:
        measure = by_name[changes.metric]
        for title, cases in (("worst", changes.worst), ("best", changes.best)):
            listed = ", ".join(_case(case, measure) for case in cases) or "none"
            console.print(Text(f"{changes.target}, {title} cases by {changes.metric}: {listed}"), soft_wrap=True)
    print_block(console, block_lines(change.says for change in changes.signals))


def _case(case: ChangedCase, measure: Measure) -> str:
    case_id = printable(case.case_id)
    if abs(case.candidate - case.baseline) == measure.scale:
        return case_id
    return f"{case_id} ({amount(case.baseline, measure)} → {amount(case.candidate, measure)})"
