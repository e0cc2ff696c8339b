"""Prints the states of experiments, and what one has shown and decided."""

from collections.abc import Iterator, Sequence

from fairtrial.api.experiment_answers import ExperimentStatus, ShownDecision
from fairtrial.api.experiment_traffic import VariantErrors


def decision_lines(decision: ShownDecision) -> Iterator[str]:
    """The result box, then the lines of each guardrail. ``decision``: the answer of `experiments.decision`."""
    box, analysis = decision.box, decision.analysis
    yield f"{decision.experiment}: {box.headline}"
    if box.doubts:
        yield f"  {box.doubts}"
    for label, text in box.lines:
        yield f"  {label}: {text}"
    for guardrail in analysis.guardrails if analysis is not None else ():
        known = guardrail.control is not None or guardrail.treatment is not None
        yield f"  {guardrail.metric}: " + (
            f"{guardrail.levels}; {guardrail.room_words}" if known else guardrail.room_words
        )
        for text in (guardrail.weighed_words, guardrail.missing_words, guardrail.stops):
            if text:
                yield f"    {text[0].upper()}{text[1:]}."
    if decision.slices is not None:
        yield f"  Slices: {decision.slices.sentence}"
        for row in decision.slices.rows:
            if row.finding.worse:
                effect = f"{row.finding.treatment.variant} is {row.effect}"
                yield f"    {row.name}: {row.finding.metric} {row.levels}: {effect}"
    for note in box.notes:
        yield f"  {note}"


def error_lines(rows: Sequence[VariantErrors]) -> Iterator[str]:
    """The errors of each variant per try and per call. ``rows``: the answer of `experiments.errors`."""
    if rows:
        yield "  Errors per try and per call of the client, which decide nothing:"
    for row in rows:
        own = _failed((row.failed_tries, row.tries), (row.failed_calls, row.calls))
        users = _failed((row.user_failed_tries, row.user_tries), (row.user_failed_calls, row.user_calls))
        yield f"    {row.variant}: {own}; users saw {users}"


def _failed(tries: tuple[int, int], calls: tuple[int, int]) -> str:
    parts = ((*tries, "tries"), (*calls, "calls"))
    return ", ".join(f"{n:,} of {whole:,} {what} ({100 * n / max(whole, 1):.1f} %)" for n, whole, what in parts)


def print_states(rows: Sequence[ExperimentStatus]) -> None:
    """The name of each experiment, and the sentence on its state."""
    from rich.console import Console

    from fairtrial_cli.output.terminal import columns, print_table

    cells = [(row.name, row.sentence) for row in rows]
    print_table(Console(), columns("name", "state", prose=("state",)), cells, with_head=False)
