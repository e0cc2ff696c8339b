"""Lists what each route of a recorded plan served: deployments with their models and their shares of the units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Row = dict[str, Any]


def served_routes(plan: Mapping[str, Any]) -> list[Row]:
    """Each route by name, with its experiment if it has one, and ``serves``: what answers which share in percent.

    ``plan``: as `recorded_plan` returns it. Fallbacks after a failure and forced variants are not in the shares.
    """
    return [_route(plan, route) for _, route in sorted(plan["routes"].items())]


def _route(plan: Mapping[str, Any], route: Mapping[str, Any]) -> Row:
    fallbacks = [route.get("fallback"), *route.get("other_fallbacks", ())]
    found = {"route": route["name"], "fallback": ", ".join(filter(None, fallbacks)) or None, "experiment": None}
    experiment = plan["experiments"].get(route.get("experiment"))
    if experiment is None:
        return found | {"serves": [_served(plan, route["deployment"], 100.0)]}
    about = {name: experiment.get(name) for name in ("name", "state", "stage", "control", "segment", "serves")}
    about["segment"] = about["segment"] or 1
    split = {one["name"]: one["weight"] for one in experiment["variants"]}
    variants = [
        _served(plan, one["deployment"], share, variant=one)
        for one in experiment["variants"]
        if (share := _share(experiment, one)) > 0
    ]
    return found | {"experiment": about | {"split": split}, "serves": variants}


def _share(experiment: Mapping[str, Any], variant: Mapping[str, Any]) -> float:
    """The variant's percent of the units; units that are not enrolled get the control."""
    alone = experiment.get("serves") or (experiment["control"] if experiment["state"] != "running" else None)
    if alone is not None:
        return 100.0 if variant["name"] == alone else 0.0
    enrolled: float = experiment["stage"] * variant["weight"] / sum(one["weight"] for one in experiment["variants"])
    return enrolled + (100.0 - experiment["stage"] if variant["name"] == experiment["control"] else 0.0)


def _served(plan: Mapping[str, Any], name: str, share: float, variant: Mapping[str, Any] | None = None) -> Row:
    deployment = plan["deployments"][name]
    found = {"deployment": name, "model": f"{deployment['provider']}/{deployment['model']}", "percent": share}
    if variant is None:
        return found | {"variant": None, "overrides": False}
    changed = variant.get("system_prompt") is not None or bool(variant.get("params"))
    return found | {"variant": variant["name"], "overrides": changed}
