"""Prints the runs of `fairtrial eval` as tables, confusion matrices or JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from msgspec import to_builtins
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from evaluators.clusters import prompt_key
from evaluators.engine import summary
from evaluators.engine.answer_cache import RunEstimate
from evaluators.scoring.confusion import Confusion, confusion
from evaluators.scoring.metrics.label import Label
from evaluators.scoring.scorer import Stat
from evaluators.suite import Suite
from fairtrial.api.comparison_answers import RunMatrix
from fairtrial.domain.run import Run
from fairtrial.domain.wording import counted
from fairtrial_cli.output.terminal import columns, print_table

LENGTH = "verbosity"


def print_estimates(console: Console, estimates: Sequence[RunEstimate], *, concurrency: int) -> None:
    """Print what runs will ask, one line for each, and the sums."""
    rows = [
        (
            estimate.suite,
            estimate.target,
            f"{estimate.requests:,}",
            f"{estimate.cached:,}",
            f"{estimate.tokens_in:,}",
            "no limit" if estimate.most_tokens_out is None else f"{estimate.most_tokens_out:,}",
            "unknown" if estimate.most_usd is None else f"${estimate.most_usd:,.2f}",
        )
        for estimate in estimates
    ]
    numbers = ("requests", "cached", "tokens in", "most tokens out", "most cost")
    print_table(console, columns("suite", "target", *numbers, numbers=numbers), rows)
    requests = sum(estimate.requests for estimate in estimates)
    costs = [estimate.most_usd for estimate in estimates]
    known = [cost for cost in costs if cost is not None]
    cost = "unknown" if not known else f"at most ${sum(known):,.2f}" + ("" if len(known) == len(costs) else " and more")
    console.print(
        f"{counted(requests, 'request')}, {concurrency} at a time for each target; cost: {cost}. Tokens in are "
        "estimated from characters. Cached answers count if the same weights still serve.",
        highlight=False,
    )


def print_run(console: Console, suite: Suite, run: Run, *, matrices: bool) -> None:
    """Print the scores with counts and worst slices, how the cases ended, what was measured unasked, and notes."""
    console.print(Text(f"{run.suite} on {run.target}", style="bold"), soft_wrap=True)
    rows = [
        (line.metric, shown(line.value, line.stat), str(line.n), _worst(line))
        for line in summary.lines_of(suite, run)
        if matrices or "." not in line.stat.name  # the recall of each label is shown with the matrix
    ]
    print_table(console, columns("score", "value", "cases", "worst slice", numbers=("value", "cases")), rows)
    if families := summary.families_of(suite, run):
        _print_families(console, families)
    console.print(f"  {escape(run.target)}: {ended(run)}", highlight=False)
    if levels := signals_in_words(run):
        console.print(f"  measured without being asked: {levels}", highlight=False)
    print_notes(console, suite, [run])
    for scorer in suite.scorers if matrices else ():
        if isinstance(scorer, Label):
            _print_matrix(console, scorer.name, confusion(run, scorer.name, scorer.labels))
    console.print()


def print_notes(console: Console, suite: Suite, runs: Sequence[Run]) -> None:
    """Print each warning once, with the targets that it is about, and the first error of each run."""
    for warning in dict.fromkeys(warning for run in runs for warning in (*suite.warnings, *_weights(run))):
        about = ", ".join(run.target for run in runs if warning in _weights(run))
        console.print(f"  [yellow]note:[/yellow] {escape(f'{about}: ' * bool(about) + warning)}", highlight=False)
    print_first_errors(console, runs)


def print_first_errors(console: Console, runs: Sequence[Run]) -> None:
    for run in runs:
        if (error := summary.first_error(run)) is not None:
            console.print(f"  {escape(run.target)}, [red]first error:[/red] {escape(error)}", highlight=False)


def _print_families(console: Console, lines: Sequence[summary.FamilyLine]) -> None:
    """One row for each scorer of a family; the first one names the family."""
    rows: list[tuple[str, ...]] = []
    for line in lines:
        names = (line.family, line.kind)
        for value in line.values:
            rows.append((*names, value.metric, shown(value.value, value.stat), str(value.n)))
            names = ("", "")
        if not line.values:
            rows.append((*names, "–", "–", str(line.cases)))
    console.print(Text("by family of probes", style="bold"))
    print_table(console, columns("family", "kind", "score", "value", "cases", numbers=("value", "cases")), rows)


def shown(value: float | None, stat: Stat) -> str:
    """A formatted number: shares in percent, other values on their scale, a dash if there is none."""
    if value is None:
        return "–"
    return (
        f"{value * 100:.1f} %" if stat.kind == "proportion" else f"{value:.3f}" if stat.scale == 1 else f"{value:.1f}"
    )


def as_json(suite: Suite, run: Run, matrix: RunMatrix | None = None) -> dict[str, Any]:
    """One run for a program. Its metrics are numbers or null, never zero for an unknown value.

    A candidate of the matrix has its comparisons with the baseline, and the baseline has the noise floor.
    """
    return {
        "run_id": run.run_id,
        "suite": run.suite,
        "suite_digest": run.suite_digest,
        "target": run.target,
        "fingerprint": run.fingerprint,
        "cases": len(suite.cases),
        "repeat": run.repeat,
        "outcomes": summary.outcome_counts(run),
        "unscored_share": summary.unscored_share(run),
        "first_error": summary.first_error(run),
        "metrics": {
            line.metric: {"value": line.value, "n": line.n, "worst_slice": _slice_json(line.worst)}
            for line in summary.lines_of(suite, run)
        },
        "families": [
            {
                "family": line.family,
                "kind": line.kind,
                "cases": line.cases,
                "metrics": {value.metric: {"value": value.value, "n": value.n} for value in line.values},
            }
            for line in summary.families_of(suite, run)
        ],
        "signals": {level.metric: {"value": level.value, "n": level.n} for level in summary.signal_levels(run)},
        "versions": dict(run.versions),
        "warnings": [*suite.warnings, *_weights(run)],
        **({} if matrix is None else _against_baseline(run, matrix)),
    }


def _against_baseline(run: Run, matrix: RunMatrix) -> dict[str, Any]:
    place = [column.run_id for column in matrix.columns].index(run.run_id)
    if not place:
        return {"noise_floor": None if matrix.noise is None else to_builtins(matrix.noise)}
    comparisons = [row.comparisons[place - 1] for row in matrix.rows]
    return {
        "baseline": matrix.columns[0].target,
        "comparisons": [asdict(comparison) for comparison in comparisons if comparison is not None],
    }


def _slice_json(worst: summary.SliceValue | None) -> dict[str, Any] | None:
    return None if worst is None else {"slice": f"{worst.tag}:{worst.slice}", "value": worst.value, "n": worst.n}


def _worst(line: summary.SummaryLine) -> str:
    """The worst slice, if it is worse than the overall value."""
    worst = line.worst
    if worst is None or line.value is None or worst.value == line.value:
        return ""
    if (worst.value > line.value) == line.stat.higher_is_better:
        return ""
    return f"{worst.tag}:{worst.slice} {shown(worst.value, line.stat)} of {worst.n}"


def ended(run: Run) -> str:
    """One sentence with the number of answers, their outcomes, and how many came from the cache."""
    counts = summary.outcome_counts(run)
    ended = ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in counts.items())
    cached, again = _not_asked(run)
    reused = f"; {cached} of them cached by an earlier run" if cached else ""
    reused += f"; {again} of them copied from the same question in this run" if again else ""
    return f"{counted(len(run.results), 'answer')}: {ended}{reused}."


def signals_in_words(run: Run) -> str:
    """``refusals 2.5 % of 120, …, verbosity 212 characters over 120 cases``, or nothing without signals."""
    return ", ".join(
        f"{level.metric} {level.value:,.0f} characters over {counted(level.n, 'case')}"
        if level.metric == LENGTH
        else f"{level.metric} {100 * level.value:.1f} % of {level.n}"
        for level in summary.signal_levels(run)
    )


def _not_asked(run: Run) -> tuple[int, int]:
    """How many answers came from an earlier run, and how many from another case with the same question."""
    cached = again = 0
    live = {(prompt_key(result.case), result.repeat) for result in run.results if not result.answer.cached}
    for result in run.results:
        if result.answer.cached and (prompt_key(result.case), result.repeat) in live:
            again += 1
        else:
            cached += result.answer.cached
    return cached, again


def _weights(run: Run) -> list[str]:
    """A warning if the weights that answered are unknown or changed during the run."""
    fingerprints = {result.answer.fingerprint for result in run.results if result.answer.error is None}
    if len(fingerprints) > 1:
        names = ", ".join(sorted(name or "unnamed" for name in fingerprints))
        return [f"the model changed during the run ({names}), so the scores mix both; --fresh asks all questions again"]
    if run.fingerprint is not None or summary.unscored_share(run) == 1:
        return []
    return [
        "the server sends no system_fingerprint, so answers are cached for a day only, to continue an interrupted run"
    ]


def _print_matrix(console: Console, name: str, matrix: Confusion) -> None:
    console.print(Text(f"{name}: expected labels (rows) and answers (columns)", style="bold"), soft_wrap=True)
    rows = [
        (label, *(str(count) if count else "·" for count in row))
        for label, row in zip(matrix.labels, matrix.counts, strict=True)
        if any(row)
    ]
    print_table(console, columns("", *matrix.labels, numbers=matrix.labels), rows)
