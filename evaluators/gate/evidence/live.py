"""Writes live evidence as JSON values and reads it back: frozen plans, sums, decisions and plain rates; no units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import msgspec

from evaluators.gate.live.experiment import EarlierHarm, LiveEvidence, LiveExperiment
from evaluators.gate.live.rates import Rate
from fairtrial.domain.estimates import Estimate
from fairtrial.experiments.analysis.memory import Latched, Memory, SplitLatch
from fairtrial.experiments.analysis.plan import AnalysisPlan
from fairtrial.experiments.analysis.sums import ArmSums, Sums, restored, stored


def written_live(live: LiveEvidence) -> dict[str, Any]:
    """The evidence as JSON values."""
    return {
        "rates": {metric: [asdict(rate) for rate in both] for metric, both in live.rates.items()},
        "experiments": [_written(one) for one in live.experiments],
        "earlier": [asdict(one) for one in live.earlier],
    }


def read_live(fields: Mapping[str, Any]) -> LiveEvidence:
    """The inverse of `written_live`; raises `KeyError`, `TypeError`, `ValueError` or `msgspec.ValidationError`."""
    rates = {metric: (Rate(**one), Rate(**other)) for metric, (one, other) in fields["rates"].items()}
    earlier = tuple(EarlierHarm(**one) for one in fields["earlier"])
    return LiveEvidence(rates, tuple(_read(one) for one in fields["experiments"]), earlier)


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
            "split": asdict(live.memory.split),
            "looked_us": live.memory.looked_us,
        },
        "planned": {variant: asdict(one) for variant, one in live.planned.items()},
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
            SplitLatch(**memory["split"]),
            looked_us=memory["looked_us"],
        ),
        planned={variant: msgspec.convert(one, Estimate) for variant, one in fields["planned"].items()},
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
        )
        for name, arm in fields["arms"].items()
    }
    return Sums(fields["at_us"], arms)
