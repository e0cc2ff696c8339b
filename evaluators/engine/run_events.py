"""Converts a run to journal events and back, with everything that comparing and gating need."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any

from fairtrial.domain.events import CaseResultEvent, Event, RunEvent, ScoreEvent, head_of_event
from fairtrial.domain.run import (
    CASE_OUTCOMES,
    REPLACEMENTS,
    STATISTICAL_DETAILS,
    Answer,
    Case,
    CaseOutcome,
    CaseResult,
    NegativeControl,
    Run,
    Score,
    ScoreFailure,
)
from fairtrial.journal.reader import EventV1

_SAME = tuple(field.name for field in fields(Answer) if field.name != "text")
"""The fields of an answer with the names of the event's; the event calls the text ``output``."""


def events_of(run: Run) -> Iterator[Event]:
    """Every case with its scores, one event for each stat, and finally the run, so that no run lacks its cases."""
    for result in run.results:
        yield _result_event(run, result)
        for score in result.scores.values():
            yield from _score_events(run, result, score)
    counts = Counter(result.outcome for result in run.results)
    yield RunEvent(
        run_id=run.run_id,
        at_us=run.started_us,
        ended_us=run.ended_us,
        suite=run.suite,
        suite_digest=run.suite_digest,
        target=run.target,
        deployment_digest=run.deployment_digest,
        fingerprint=run.fingerprint,
        seed=run.seed,
        repeat=run.repeat,
        status="interrupted" if run.interrupted else "finished",
        counts={str(outcome): counts[outcome] for outcome in CASE_OUTCOMES},
        metrics=dict(run.metrics),
        versions=dict(run.versions),
        plan_hash=run.plan_hash,
        model=run.model,
    )


def run_of(events: Iterable[Event | EventV1]) -> Run:
    """The run of these events; its cases lack the columns of their rows, which only the suite has.

    Raises `ValueError` if there is not exactly one `RunEvent`.
    """
    heads: list[RunEvent] = []
    results: list[CaseResultEvent] = []
    scores: dict[tuple[str, int], list[ScoreEvent]] = defaultdict(list)
    for event in events:
        if isinstance(event, RunEvent):
            heads.append(event)
        elif isinstance(event, CaseResultEvent):
            results.append(event)
        elif isinstance(event, ScoreEvent):
            scores[event.case_id, event.repeat].append(event)
    if len(heads) != 1:
        raise ValueError(f"the events have {len(heads)} runs instead of one")
    head = heads[0]
    return Run(
        **head_of_event(head),
        ended_us=head.ended_us,
        results=tuple(_result(event, scores[event.case_id, event.repeat]) for event in results),
        plan_hash=head.plan_hash,
    )


def _result_event(run: Run, result: CaseResult) -> CaseResultEvent:
    case, answer = result.case, result.answer
    return CaseResultEvent(
        run_id=run.run_id,
        case_id=case.case_id,
        repeat=result.repeat,
        at_us=run.ended_us,
        outcome=result.outcome,
        output=answer.text,
        tags=dict(case.tags),
        cluster=case.cluster,
        expected=_json(case.expected),
        asked=_json(list(case.messages)),
        controls=[control.outcome for control in result.controls] or None,
        **{name: getattr(answer, name) for name in _SAME},
    )


def _score_events(run: Run, result: CaseResult, score: Score | ScoreFailure) -> Iterator[ScoreEvent]:
    """One event for each stat, the first with the details; a failure is one event with the scorer's name as metric."""
    place: Any = {
        "run_id": run.run_id,
        "case_id": result.case.case_id,
        "repeat": result.repeat,
        "at_us": run.ended_us,
    }
    if isinstance(score, ScoreFailure):
        yield ScoreEvent(**place, metric=score.scorer, value=None, why=score.why)
        return
    details, replaced = score.details, [control.scores.get(score.scorer) for control in result.controls]
    known = any(scored is not None for scored in replaced)
    for at, (stat, value) in enumerate(score.values.items()):
        first = at == 0
        yield ScoreEvent(
            **place,
            metric=f"{score.scorer}.{stat}",
            value=value,
            label=details.get("label") if first else None,
            expected=details.get("expected") if first and "label" in details else None,
            why=details.get("off_format") if first else None,
            details=_json(details) if first and details else None,
            controls=[None if scored is None else scored.values.get(stat) for scored in replaced] if known else None,
            control_details=_control_details(replaced) if first and known else None,
        )


def _control_details(replaced: Iterable[Score | None]) -> str | None:
    """The details of the controls from which corpus figures are computed."""
    kept = [{} if scored is None else statistical(scored.details) for scored in replaced]
    return _json(kept) if any(kept) else None


def statistical(details: Mapping[str, Any]) -> dict[str, Any]:
    """The details without texts."""
    return {name: details[name] for name in STATISTICAL_DETAILS if name in details}


def _result(event: CaseResultEvent, scores: Iterable[ScoreEvent]) -> CaseResult:
    case = Case(
        case_id=event.case_id,
        messages=tuple(json.loads(event.asked)) if event.asked else (),
        expected=None if event.expected is None else json.loads(event.expected),
        tags=event.tags,
        cluster=event.cluster,
    )
    answer = Answer(text=event.output, **{name: getattr(event, name) for name in _SAME})
    scored = list(scores)
    return CaseResult(case, event.repeat, answer, event.outcome, _scores(scored), _controls(event.controls, scored))


def _controls(outcomes: Iterable[str] | None, events: Iterable[ScoreEvent]) -> tuple[NegativeControl, ...]:
    """The controls of one result; one for each outcome."""
    if not outcomes:
        return ()
    values: list[dict[str, dict[str, float | None]]] = [{} for _ in REPLACEMENTS]
    details: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        scorer, _, stat = event.metric.partition(".")
        for number, value in enumerate(event.controls or ()):
            values[number].setdefault(scorer, {})[stat] = value
        if event.control_details:
            details[scorer] = json.loads(event.control_details)
    none: list[dict[str, Any]] = [{} for _ in REPLACEMENTS]
    return tuple(
        NegativeControl(
            _outcome(outcome), {name: Score(name, of, details.get(name, none)[number]) for name, of in row.items()}
        )
        for number, (outcome, row) in enumerate(zip(outcomes, values, strict=True))
    )


def _outcome(text: str) -> CaseOutcome:
    return next(outcome for outcome in CASE_OUTCOMES if outcome == text)


def _scores(events: Iterable[ScoreEvent]) -> dict[str, Score | ScoreFailure]:
    values: dict[str, dict[str, float | None]] = {}
    details: dict[str, dict[str, Any]] = {}
    failures: dict[str, Score | ScoreFailure] = {}
    for event in events:
        scorer, dot, stat = event.metric.partition(".")
        if not dot:
            failures[scorer] = ScoreFailure(scorer, event.why or "")
            continue
        values.setdefault(scorer, {})[stat] = event.value
        if event.details is not None:
            details[scorer] = json.loads(event.details)
    return {**{name: Score(name, stats, details.get(name, {})) for name, stats in values.items()}, **failures}


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)
