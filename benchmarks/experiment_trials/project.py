"""The project whose experiment is simulated: two or more models, one question, and their guardrails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fairtrial.config.file.schema import ProjectFile
from fairtrial.config.plan.compile import compile_plan
from fairtrial.domain.plan import Plan

NAME = "tuned-vs-base"
ERRORS: Mapping[str, Any] = {"metric": "requests.error_rate", "margin": "1pp"}
PRIMARY: Mapping[str, Any] = {"metric": "feedback.resolved", "require": "superior", "mde": "10pp"}


def project(
    *,
    split: Mapping[str, float] | None = None,
    primary: Mapping[str, Any] | None = PRIMARY,
    guardrails: Sequence[Mapping[str, Any]] = (ERRORS,),
    one_engine: bool = False,
    **more: Any,
) -> Plan:
    """The compiled project; ``more`` are further fields of the experiment."""
    shares = dict(split or {"base": 50, "tuned": 50})
    deployments = {
        name: {"model": f"openai/{name}", "base_url": f"http://{'one' if one_engine else name}.example:8000/v1"}
        for name in shares
    }
    experiment = {
        "question": "Does the tuned model resolve more tickets?",
        "unit": "user",
        "control": "base",
        "variants": {name: {"deployment": name} for name in shares},
        "split": shares,
        "primary": primary,
        "guardrails": list(guardrails),
        **more,
    }
    metrics = {
        "resolved": {"from": "feedback", "key": "resolved", "kind": "boolean"},
        "rating": {"from": "feedback", "key": "rating", "kind": "number", "range": [1, 5]},
    }
    file = {"version": 1, "deployments": deployments, "metrics": metrics, "experiments": {NAME: experiment}}
    return compile_plan(ProjectFile.model_validate(file), {}, {})
