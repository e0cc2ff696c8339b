"""Events that tests write to journals."""

from __future__ import annotations

from typing import Any

from fairtrial.domain.events import (
    AttemptEvent,
    CaseResultEvent,
    ExposureEvent,
    FeedbackEvent,
    RequestEvent,
    RunEvent,
    ScoreEvent,
    SuiteEvent,
)

NOW = 1_800_000_000_000_000


def request(number: int, **more: Any) -> RequestEvent:
    fields: dict[str, Any] = {
        "request_id": f"r-{number}",
        "at_us": NOW + number,
        "endpoint": "chat.completions",
        "route": "support-bot",
        "stream": False,
        "status": 200,
        "outcome": "ok",
        "reason": "assigned",
        "plan_hash": "p1",
        "worker": "w0",
    }
    return RequestEvent(**(fields | more))


def exposure(number: int, **more: Any) -> ExposureEvent:
    fields: dict[str, Any] = {
        "request_id": f"r-{number}",
        "at_us": NOW + number,
        "experiment": "tuned-vs-base",
        "assigned": "base",
        "served": "base",
        "reason": "assigned",
        "enrolled": True,
        "unit": f"u-{number}",
        "unit_kind": "user",
        "enrol_bucket": 0.25,
        "arm_bucket": 0.5,
        "propensity": 0.5,
        "stage": 100.0,
        "retry_ordinal": 0,
        "plan_hash": "p1",
        "analysis_hash": "a1",
    }
    return ExposureEvent(**(fields | more))


def attempt(number: int, **more: Any) -> AttemptEvent:
    fields: dict[str, Any] = {
        "attempt_id": f"a-{number}",
        "request_id": f"r-{number}",
        "at_us": NOW + number,
        "ordinal": 0,
        "purpose": "live",
        "deployment": "base",
        "plan_hash": "p1",
        "status": 200,
        "latency_ms": 12.5,
    }
    return AttemptEvent(**(fields | more))


def feedback(serial: int, **more: Any) -> FeedbackEvent:
    fields: dict[str, Any] = {
        "feedback_id": f"f-{serial}",
        "at_us": NOW + serial,
        "key": "resolved",
        "request_id": f"r-{serial}",
        "boolean": True,
    }
    return FeedbackEvent(**(fields | more))


def run(run_id: str = "run-1", **more: Any) -> RunEvent:
    fields: dict[str, Any] = {
        "run_id": run_id,
        "at_us": NOW,
        "ended_us": NOW + 1000,
        "suite": "general",
        "suite_digest": "d1",
        "target": "base",
        "deployment_digest": "dd",
        "fingerprint": None,
        "seed": 7,
        "repeat": 1,
        "status": "finished",
        "counts": {"scored": 1},
        "metrics": {"general.accuracy": 1.0, "general.other": None},
        "versions": {"general": "contains/1"},
        "plan_hash": "p1",
    }
    return RunEvent(**(fields | more))


def suite(**more: Any) -> SuiteEvent:
    fields: dict[str, Any] = {"at_us": NOW, "suite": "general", "suite_digest": "d1", "text": '{"suite":"general"}'}
    return SuiteEvent(**(fields | more))


def case_result(run_id: str = "run-1", case_id: str = "c1", **more: Any) -> CaseResultEvent:
    fields: dict[str, Any] = {
        "run_id": run_id,
        "case_id": case_id,
        "repeat": 0,
        "at_us": NOW,
        "outcome": "scored",
        "output": "Paris",
        "error": None,
        "latency_ms": 10.0,
        "ttft_ms": None,
        "tokens_in": 12,
        "tokens_out": 1,
        "finish_reason": "stop",
        "cached": False,
        "request_id": None,
        "tags": {"kind": "capitals"},
        "cluster": "k1",
        "expected": '"Paris"',
        "asked": '[{"content": "The capital of France?", "role": "user"}]',
    }
    return CaseResultEvent(**(fields | more))


def score(run_id: str = "run-1", case_id: str = "c1", **more: Any) -> ScoreEvent:
    fields: dict[str, Any] = {
        "run_id": run_id,
        "case_id": case_id,
        "repeat": 0,
        "at_us": NOW,
        "metric": "general.accuracy",
        "value": 1.0,
        "details": "{}",
    }
    return ScoreEvent(**(fields | more))
