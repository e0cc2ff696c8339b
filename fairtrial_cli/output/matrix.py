"""Prints comparisons of runs with a baseline: the answers and what changed, and with details every metric."""

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console
from rich.text import Text

from evaluators.comparison.presentation import amount, comparison_row, rules_in_words
from evaluators.criteria.metric_catalogue import BUILT_IN, Measure
from fairtrial.api.comparison_answers import ChangedCase, MatrixChanges, RunMatrix
from fairtrial.domain.answers.signals import METRICS
from fairtrial.domain.errors import printable
from fairtrial.domain.estimates import Comparison
from fairtrial.domain.verdicts.verdict_wording import block_lines
from fairtrial.domain.wording import IN_POINTS, UNADJUSTED, noise_floor_in_words
from fairtrial_cli.output.terminal import Cell, columns, print_table
from fairtrial_cli.output.verdict import print_block

MOST_CHANGES = 4
"""How many further metrics of a candidate are listed because they changed."""
AS_SIGNALS = (*METRICS, "tokens")
"""Metrics whose notable changes are sentences below the table."""
STYLES = {"better": "green", "worse": "red"}


def print_matrices(
    console: Console, matrices: Sequence[tuple[RunMatrix, Sequence[Measure]]], *, details: bool = False
) -> None:
    """Print for each suite who is better, the metrics and cases that changed, and errors and costs if there are any.

    Each matrix has the measures that it was made of. ``details``: print every metric with its p-value and rule, all
    signals, and how to read them.
    """
    notes = [IN_POINTS] if details else []
    for matrix, measures in matrices:
        by_name = {measure.name: measure for measure in measures}
        _print_table(console, matrix, by_name, details=details)
        for changes in matrix.changes:
            _print_changes(console, changes, by_name, matrix.columns[0].target, details=details)
        for asked in matrix.models:
            console.print(Text(f"{asked.words}.", style="red" if asked.wrong else ""))
        for line in _run_lines(matrix, details=details):
            console.print(Text(line))
        notes += [UNADJUSTED] if len(matrix.changes) > 1 else []
        notes += rules_in_words(each for row in matrix.rows for each in row.comparisons if each) if details else []
    for note in dict.fromkeys(notes):
        console.print(Text(note, style="dim"))


def _print_table(console: Console, matrix: RunMatrix, by_name: Mapping[str, Measure], *, details: bool) -> None:
    baseline, listed = matrix.columns[0].target, []
    for at, changes in enumerate(matrix.changes):
        compared = [comparison for row in matrix.rows if (comparison := row.comparisons[at]) is not None]
        console.print(Text(_headline(matrix.suite, changes, compared, baseline), style="bold"))
        listed.append(compared if details else _changed(changes, compared))
    several = len(listed) > 1
    rows = [
        _cells(comparison, by_name[row.metric], target=changes.target if several else None, details=details)
        for row in matrix.rows
        for changes, comparison, shown in zip(matrix.changes, row.comparisons, listed, strict=True)
        if comparison is not None and comparison in shown
    ]
    value = "value" if several else matrix.columns[1].target
    numbers = ("cases", baseline, value, "difference")
    head = (
        "metric",
        *(["model"] if several else []),
        "answer",
        *numbers,
        "95 % interval",
        *(["p", "rule"] if details else []),
    )
    print_table(console, columns(*head, numbers=numbers), rows)


def _headline(suite: str, changes: MatrixChanges, comparisons: Sequence[Comparison], baseline: str) -> str:
    """The answer by the first metric."""
    names = changes.metric, ""
    answer = next((each.answer for each in comparisons if (each.metric, each.scope) == names), None)
    if answer is None:
        return f"{suite}: {changes.target} and {baseline} have no scored case in common"
    if answer in STYLES:
        return f"{suite}: {changes.target} is {answer} than {baseline} by {changes.metric}"
    return f"{suite}: cannot tell whether {changes.target} is better or worse than {baseline} by {changes.metric}"


def _changed(changes: MatrixChanges, compared: Sequence[Comparison]) -> list[Comparison]:
    """The first metric, and the first others that are proven worse, then better."""
    proven = [each for each in compared if each.answer in STYLES and each.metric not in (changes.metric, *AS_SIGNALS)]
    others = sorted(proven, key=lambda each: each.answer == "better")
    return [*(each for each in compared if each.metric == changes.metric), *others[:MOST_CHANGES]]


def _cells(comparison: Comparison, measure: Measure, *, target: str | None, details: bool) -> list[Cell]:
    metric, scope, answer, n, old, new, difference, *rest = comparison_row(comparison, measure)
    points = " points" if rest[0] and measure.form == "share" else ""
    styled = Text(answer, style=STYLES.get(comparison.answer, ""))
    name = f"{metric} in {scope}" if scope else metric
    model = [] if target is None else [target]
    return [name, *model, styled, n, old, new, f"{difference}{points}", *(rest if details else rest[:1])]


def _print_changes(
    console: Console, changes: MatrixChanges, by_name: Mapping[str, Measure], baseline: str, *, details: bool
) -> None:
    if changes.same.n and (details or changes.same.all_equal):
        console.print(Text(f"{changes.same.words(changes.target, baseline)}."))
    for title, cases in (("worst", changes.worst), ("best", changes.best if details else ())):
        if cases and changes.metric is not None:
            listed = ", ".join(_case(case, by_name[changes.metric]) for case in cases)
            console.print(Text(f"{changes.target}, {title} cases by {changes.metric}: {listed}"))
    if details:
        return print_block(console, block_lines(changes.signals))
    for signal in changes.signals:
        if signal.notable:
            console.print(Text(f"{changes.target}, notable: {signal.says}."))
    return None


def _case(case: ChangedCase, measure: Measure) -> str:
    case_id = printable(case.case_id)
    if abs(case.candidate - case.baseline) == measure.scale:
        return case_id
    return f"{case_id} ({amount(case.baseline, measure)} → {amount(case.candidate, measure)})"


def _run_lines(matrix: RunMatrix, *, details: bool) -> Iterator[str]:
    """What is unscored or costs money in any run, and the noise floor."""
    if any(column.unscored for column in matrix.columns):
        counts = [f"{column.target} {column.unscored:,} of {column.results:,}" for column in matrix.columns]
        yield f"Not scored: {', '.join(counts)}"
    price = BUILT_IN["cost"]
    if costs := [f"{column.target} {amount(column.cost_usd, price)}" for column in matrix.columns if column.cost_usd]:
        yield f"Cost: {', '.join(costs)}"
    if matrix.noise is not None:
        yield noise_floor_in_words(matrix.noise.changed, matrix.noise.n, matrix.noise.metric)
    elif details:
        yield "Noise floor: unknown. With `fairtrial eval … --noise-floor`, the baseline answers once more."
