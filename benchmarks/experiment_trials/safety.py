"""What must never be called safe: doubled errors of heavy users, runaway costs, and latency on a shared engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.experiment_trials.project import NAME, project
from benchmarks.experiment_trials.promise import Promise, Row, share
from fairtrial.experiments.simulation.people import SimulatedArm, World
from fairtrial.experiments.simulation.trial import TrialOutcome, TrialSetting

ERRORS = {"metric": "requests.error_rate", "margin": "50%", "stop_margin": "0", "baseline": "1%"}
COST = {"metric": "cost.per_request", "margin": "20%", "baseline": 0.01}
LATENCY = {"metric": "requests.latency_p95", "margin": "20%", "baseline": 3000}


def _never(name: str, what: str, guardrail: dict[str, Any], tuned: SimulatedArm, **more: Any) -> Promise:
    base = SimulatedArm(errors=0.01 if guardrail is ERRORS else 0.0)
    one_engine = more.pop("one_engine", False)
    metric = str(guardrail["metric"])

    def read(found: Sequence[TrialOutcome]) -> list[Row]:
        return [
            share("called safe", [metric in one.safe for one in found], most=0.0),
            share("paused or killed", [one.end in ("kill", "pause") for one in found]),
        ]

    plan = project(primary=None, guardrails=(guardrail,), max_weeks=2, one_engine=one_engine)
    world = World(**{"per_week": 2_000, "arms": {"base": base, "tuned": tuned}} | more)
    return Promise(f"safe-{name}", what, TrialSetting(plan=plan, name=NAME, world=world), read, 500)


PROMISES = (
    _never(
        "errors",
        "Errors of 1 → 2 %, 200 requests a user",
        ERRORS,
        SimulatedArm(errors=0.02),
        habit="all",
        most=200,
        per_week=400,
    ),
    _never("runaway", "2 % of users cost 25 times as much", COST, SimulatedArm(runaway=0.02)),
    _never(
        "engine",
        "Latency of two arms on one engine",
        LATENCY,
        SimulatedArm(),
        one_engine=True,
        habit="all",
        most=5,
        per_week=600,
    ),
)
