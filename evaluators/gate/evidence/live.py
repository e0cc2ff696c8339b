"""Writes live evidence as JSON values and reads it back: frozen plans, sums, decisions and plain rates; no units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import msgspec

from evaluators.gate.live.experiment import LiveEvidence, LiveExperiment
from evaluators.gate.live.rates import Rate
from fairtrial.domain.estimates import Estimate
from fairtrial.experiments.analysis.memory import Latched, Memory, SplitLatch
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.decision.values import Decision, EarlierProof, Tried
from fairtrial.experiments.lifecycle import Transition
from fairtrial.experiments.sums import ArmSums, Sums, restored, restored_over_time, stored, stored_over_time


def written_live(live: LiveEvidence) -> dict[str, Any]:
    """The evidence as JSON values."""
    return {
        "rates": {metric: [asdict(rate) for rate in both] for metric, both in live.rates.items()},
        "experiments": [_written(one) for one in live.experiments],
        "earlier": msgspec.to_builtins(live.earlier),
        "read": live.read,
    }


def read_live(fields: Mapping[str, Any]) -> LiveEvidence:
    """The inverse of `written_live`; raises `KeyError`, `TypeError`, `ValueError` or `msgspec.ValidationError`."""
    rates = {metric: (Rate(**one), Rate(**other)) for metric, (one, other) in fields["rates"].items()}
    earlier = tuple(map(_read_proof, fields["earlier"]))
    return LiveEvidence(rates, tuple(_read(one) for one in fields["experiments"]), earlier, fields.get("read", True))


def _read_proof(fields: Mapping[str, Any]) -> EarlierProof:
    """Evidence of version 1 knows only harm, and whether a later analysis had cleared it."""
    if "cleared" in fields:
        names = ("experiment", "segment", "variant", "metric", "at_us")
        cleared = "a later analysis proved it safe" if fields["cleared"] else ""
        return EarlierProof(**{name: fields[name] for name in names}, proved="harmed", cleared_by=cleared)
    return msgspec.convert(fields, EarlierProof)


def _written(live: LiveExperiment) -> dict[str, Any]:
    return {
        "name": live.name,
        "variant": live.variant,
        "state": live.state,
        "segment": live.segment,
        "changed": list(live.changed),
        "looks": live.looks,
        "exact": live.exact,
        "plan": None if live.plan is None else live.plan.stored(),
        "sums": None if live.sums is None else _written_sums(live.sums),
        "memory": {
            "latched": [[*key, one.stored()] for key, one in live.memory.latched.items()],
            "split": live.memory.split.stored(),
            "looked_us": live.memory.looked_us,
        },
        "decision": msgspec.to_builtins(live.decision),
        "entered": msgspec.to_builtins(live.entered),
        "error": live.error,
        "tried": msgspec.to_builtins(live.tried),
        **({"late_us": live.late_us} if live.late_us else {}),
        **({"held": live.held} if live.held else {}),
    }


def _read(fields: Mapping[str, Any]) -> LiveExperiment:
    plan = None if fields["plan"] is None else AnalysisPlan.restored(fields["plan"])
    memory = fields["memory"]
    return LiveExperiment(
        name=fields["name"],
        variant=fields["variant"],
        state=fields["state"],
        segment=fields["segment"],
        changed=tuple(fields["changed"]),
        looks=fields["looks"],
        exact=fields["exact"],
        plan=plan,
        sums=None if fields["sums"] is None or plan is None else _read_sums(plan, fields["sums"]),
        memory=Memory(
            {(metric, variant): Latched.restored(one) for metric, variant, one in memory["latched"]},
            SplitLatch.restored(memory["split"]),
            looked_us=memory["looked_us"],
        ),
        decision=msgspec.convert(fields.get("decision"), Decision | None),
        planned={variant: msgspec.convert(one, Estimate) for variant, one in fields.get("planned", {}).items()},
        entered=msgspec.convert(fields.get("entered"), Transition | None),
        error=fields.get("error", ""),
        tried=msgspec.convert(fields.get("tried"), Tried | None),
        late_us=fields.get("late_us", 0),
        held=fields.get("held", ""),
    )


def _written_sums(sums: Sums) -> dict[str, Any]:
    return {
        "at_us": sums.at_us,
        "arms": {
            name: {
                "units": arm.units,
                "requests": arm.requests,
                "metrics": {metric: stored(one) for metric, one in arm.metrics.items()},
                "unknown": dict(arm.unknown),
                **({"kept_away": arm.kept_away} if arm.kept_away else {}),
                **stored_over_time(arm),
            }
            for name, arm in sums.arms.items()
        },
    }


def _read_sums(plan: AnalysisPlan, fields: Mapping[str, Any]) -> Sums:
    methods = {one.metric: one.method for one in plan.metrics}
    arms = {
        name: ArmSums(
            arm["units"],
            arm["requests"],
            {metric: restored(methods[metric], one) for metric, one in arm["metrics"].items()},
            arm["unknown"],
            arm.get("kept_away", 0),
            over_time=restored_over_time(arm),
        )
        for name, arm in fields["arms"].items()
    }
    return Sums(fields["at_us"], arms)
