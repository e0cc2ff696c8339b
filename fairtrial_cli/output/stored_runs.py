"""Prints stored runs: a list of them, the head and metrics of one, and cases of one run or of two side by side."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

import click
from msgspec import to_builtins
from rich.console import Console

from dashboard.components.formatting import readable_reference
from evaluators.loading.template import text_or_json
from fairtrial.domain.answers.signals import NO_SCORERS, SIGNALS
from fairtrial.domain.errors import printable
from fairtrial.domain.limits.constants import microseconds
from fairtrial.domain.run import UNSCORED
from fairtrial.domain.wording import OUTCOMES, TEXT_DELETED, TEXT_NOT_STORED, age, counted
from fairtrial_cli.output.terminal import columns, print_table

if TYPE_CHECKING:
    from evaluators.engine.summary import Explanation
    from fairtrial.api.run_answers import AnyAnswer, CasePair, CaseQuestion, CaseScore, GradedCase, RunRow, RunUsage
    from fairtrial.domain.run import StoredRun
    from fairtrial_cli.store_client.stored import ExplainedAnswer, ExplainedCase


DASH = "–"
SHORT = 12
"""How many characters of a fingerprint are shown."""
COLUMNS = ("run", "suite", "target", "status", "cases", "unscored", "age", "model", "fingerprint", "seed")
WIDTH = 160
"""How many characters of a text are shown without --full."""
TITLE_WIDTH = 11


def as_listed(row: RunRow) -> dict[str, Any]:
    """A run of the list with parsed counts, and the numbers of cases and of unscored answers."""
    columns = {"counts": row.counts, "metrics": row.metrics, "versions": row.versions}
    parsed = {name: json.loads(text) for name, text in columns.items()}
    return {**to_builtins(row), **parsed, "cases": _cases(row), "unscored": _unscored(row)}


def print_runs(rows: Sequence[RunRow], *, now_us: int) -> None:
    """Print runs."""
    head = columns(*COLUMNS, numbers=("cases", "unscored", "seed"))
    print_table(Console(), head, [_line(row, now_us) for row in rows])


def print_head(run: StoredRun, used: RunUsage, *, now_us: int, full: bool) -> None:
    """Print what identifies the run, how it ended, and its metrics."""
    click.echo(printable(f"{run.suite} on {run.target}, {age(run.at_us, now_us)}"))
    for name, value in _facts(run, used, full=full).items():
        click.echo(f"  {name:<12} {printable(value)}")
    click.echo("  metrics" if run.metrics else f"  {'metrics':<12} {DASH}")
    width = max((len(name) for name in run.metrics), default=0)
    for name, level in run.metrics.items():
        click.echo(f"    {printable(name):<{width}}  {DASH if level is None else f'{level:.4g}'}")


def identity(run: StoredRun, *, now_us: int) -> str:
    """The model, fingerprint and age of a run in one line."""
    return f"{run.model or DASH}, fingerprint {_short(run)}, {age(run.at_us, now_us)}, run {run.run_id}"


def _facts(run: StoredRun, used: RunUsage, *, full: bool) -> dict[str, str]:
    scorers = {name: text for name, text in run.versions.items() if name not in NO_SCORERS}
    versions = (f"{name} ({text if full else text.split(' ')[0]})" for name, text in scorers.items())
    return {
        "run": run.run_id,
        "suite": f"{run.suite}, digest {run.suite_digest if full else run.suite_digest[:8]}",
        "target": run.target,
        "model": run.model or DASH,
        "fingerprint": (run.fingerprint or DASH) if full else _short(run),
        "seed": str(run.seed),
        "scorers": ", ".join(versions) or DASH,
        "status": f"{run.status}, {counted(used.cases, 'case')}, {counted(used.results, 'answer')}",
        "answers": _outcomes(run.counts) or DASH,
    }


def _outcomes(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{OUTCOMES.get(name, name)} {count:,}" for name, count in counts.items() if count)


def _line(row: RunRow, now_us: int) -> tuple[str, ...]:
    begun = microseconds(row.at_time)
    names = (row.run_id, row.suite, row.target, row.status, f"{_cases(row):,}", f"{_unscored(row):,}")
    more = (age(begun, now_us), row.model or DASH, row.fingerprint or DASH, str(row.seed))
    return (*names, *more)


def _short(run: StoredRun) -> str:
    return (run.fingerprint or DASH)[:SHORT]


def _cases(run: RunRow) -> int:
    """The answers without their repeats; an interrupted run may lack some repeats of its last case."""
    return ceil(sum(run.outcomes().values()) / max(1, run.repeat))


def _unscored(run: RunRow) -> int:
    return sum(count for name, count in run.outcomes().items() if name in UNSCORED)


def print_cases(rows: Sequence[GradedCase], metric: str, *, alone: bool, full: bool) -> None:
    """Print cases of one run: what was asked, expected and answered, with scores.

    ``alone``: only the score of ``metric``.
    """
    for row in rows:
        click.echo(f"\n{_name(row)}: {row.grade}")
        side = _Side("answered", row, metric, alone=alone)
        _print_parts([*_question(row, full=full, deleted=row.texts_deleted), *side.parts(full=full)], full=full)


def print_pairs(rows: Sequence[CasePair], metric: str, titles: tuple[str, str], *, alone: bool, full: bool) -> None:
    """Print cases of two runs; ``titles``: candidate, baseline."""
    for row in rows:
        new, old = row.candidate, row.baseline
        values = f"{printable(metric)} {_value(old, metric)} → {_value(new, metric)}"
        click.echo(f"\n{_name(row)}: {row.change}, {values}")
        sides = (_Side(titles[1], old, metric, alone=alone), _Side(titles[0], new, metric, alone=alone))
        parts = [*_question(row, full=full, deleted=new.texts_deleted)]
        _print_parts([*parts, *(part for side in sides for part in side.parts(full=full))], full=full)


def print_explained(case: ExplainedCase) -> None:
    """Print the case, each answer to it, and below each answer its scores."""
    click.echo(printable(f"{case.case_id} of {case.suite} on {case.target}, run {case.run_id}"))
    for note in case.notes:
        click.echo(printable(f"note: {note}"))
    for message in case.asked:
        _line_run_cases("asked", _message(message))
    if case.expected is not None:
        _line_run_cases("expected", readable_reference(json.dumps(case.expected, ensure_ascii=False)))
    for answer in case.answers:
        _print_explained_answer(answer, repeated=len(case.answers) > 1)


def rest_line(shown: int, total: int, offset: int) -> str:
    """How many cases there are, and how to see the rest."""
    left = total - offset - shown
    if not shown:
        return f"no case is left after the first {total:,}" if offset and total else "no case matches"
    if left <= 0 and not offset:
        return f"{counted(total, 'case')}"
    more = f"; {left:,} more: --offset {offset + shown}" if left > 0 else ""
    return f"cases {offset + 1:,} to {offset + shown:,} of {total:,}{more}"


class _Side:
    """One answer with its scores."""

    def __init__(self, title: str, row: AnyAnswer, metric: str, *, alone: bool) -> None:
        self.title, self.row, self.metric, self.alone = title, row, metric, alone

    def parts(self, *, full: bool) -> Iterator[tuple[str, str]]:
        row = self.row
        yield self.title, _answer(row)
        if row.outcome not in ("scored", "provider_error"):
            yield "", OUTCOMES.get(row.outcome, row.outcome)
        scores = [score for score in row.scores if self._shown(score, full=full)]
        if scores:
            yield "", ", ".join(_score(score) for score in scores)

    def _shown(self, score: CaseScore, *, full: bool) -> bool:
        """With `--full` all scores; otherwise the metric, and the first stat of each other scorer."""
        scorer, _, stat = score.metric.partition(".")
        if self.alone:
            return bool(score.metric == self.metric or (not stat and scorer == self.metric.partition(".")[0]))
        if full or not stat or score.metric == self.metric:
            return True
        if scorer == SIGNALS:
            return False  # every answer has signals, so they are shown where they grade
        firsts = {row.metric.partition(".")[0]: row.metric for row in reversed(self.row.scores)}
        return bool(firsts[scorer] == score.metric and scorer != self.metric.partition(".")[0])


def _question(row: CaseQuestion, *, full: bool, deleted: bool) -> Iterator[tuple[str, str]]:
    yield "asked", _asked(row.asked, full=full, deleted=deleted)
    if row.expected is not None:
        yield "expected", readable_reference(row.expected)


def _message(message: Mapping[str, Any]) -> str:
    return f"{message.get('role', '')}: {text_or_json(message.get('content'))}"


def _asked(asked: str | None, *, full: bool, deleted: bool) -> str:
    """All messages with ``full``, otherwise the last one."""
    if asked is None:
        return f"[{TEXT_DELETED if deleted else TEXT_NOT_STORED}]"
    try:
        messages = [load for load in json.loads(asked) if isinstance(load, dict)]
    except ValueError:
        return asked
    if full:
        return "\n".join(map(_message, messages))
    return text_or_json(messages[-1].get("content")) if messages else ""


def _answer(row: AnyAnswer) -> str:
    if row.texts_deleted:
        return f"[{TEXT_DELETED}]"
    if row.error is not None:
        return f"no answer: {row.error}"
    return row.output or row.refusal or ""


def _score(score: CaseScore) -> str:
    value = "unscored" if score.value is None else f"{score.value:.4g}"
    why = score.why or (f"answered {score.label!r}" if score.label is not None else "")
    return f"{score.metric} {value}" + (f" ({why})" if why else "")


def _value(side: AnyAnswer, metric: str) -> str:
    value = next((score.value for score in side.scores if score.metric == metric), None)
    return "unscored" if value is None else f"{value:.4g}"


def _name(row: CaseQuestion) -> str:
    return printable(row.case_id) + (f", repeat {row.repeat + 1}" if row.repeat else "")


def _print_parts(parts: Sequence[tuple[str, str]], *, full: bool) -> None:
    width = max(len(title) for title, _ in parts)
    for title, text in parts:
        lines = text.splitlines() or [""] if full else [_cut(text)]
        for at, line in enumerate(lines):
            click.echo(f"  {printable('' if at else title):<{width}}  {printable(line)}".rstrip())


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= WIDTH else f"{line[:WIDTH]}…"


def _print_explained_answer(answer: ExplainedAnswer, *, repeated: bool) -> None:
    title = f"answer {answer.repeat + 1}" if repeated else "answered"
    _line_run_cases(title, f"no answer: {answer.error}" if answer.error else answer.text or "")
    if answer.outcome not in ("scored", "provider_error"):
        _line_run_cases("", OUTCOMES.get(answer.outcome, answer.outcome))
    for score in answer.explanations:
        click.echo(f"\n{printable(score.scorer)}: {printable(score.sentence)}")
        for name, text in _explanation(score):
            _line_run_cases(name, text)


def _explanation(score: Explanation) -> Iterator[tuple[str, str]]:
    values = ((name, "unscored" if value is None else f"{value:.4g}") for name, value in score.values.items())
    yield "values", ", ".join(f"{name} {value}" for name, value in values)
    yield "signature", score.signature
    if score.prediction is not None:
        yield "compared", repr(score.prediction)
        for reference in score.references or ():
            yield "with", repr(reference)
    elif score.details:
        yield "stored", json.dumps(score.details, ensure_ascii=False)
    if score.note:
        yield "note", score.note


def _line_run_cases(title: str, text: str) -> None:
    for at, line in enumerate(text.splitlines() or [""]):
        click.echo(f"  {printable('' if at else title):<{TITLE_WIDTH}}{printable(line)}".rstrip())
