"""Records plans in the plan history without secrets, lists what they served, and compares two of them."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from msgspec.structs import replace

from fairtrial.api.plans import FieldDifference, ServedExperiment, ServedRoute, ServedVariant
from fairtrial.config.file.environment import PLACEHOLDER
from fairtrial.config.plan.hashes import plain
from fairtrial.domain.plan import Plan

TRAINING = "training"
NOT_KEPT = "(not kept)"
SHORTEST = 8
"""A shorter value is no secret, and could occur in other texts by chance."""

_ABSENT = object()


def recorded_plan(plan: Plan, substituted: Mapping[str, str] | None) -> dict[str, Any]:
    """The plan as JSON values, without secrets; ``plan_hash`` is that of the published plan.

    ``substituted``: the environment variables that the file's text names outside of keys. Their values become templates
    again. ``None`` if they are unknown, because the file could not be read since the start of the process; then
    parameters and paths of addresses are left out. Of keys only the templates stay. Lineages are added.
    """
    record: dict[str, Any] = plain(plan)
    for name, deployment in record["deployments"].items():
        deployment["api_key"] = _key(deployment["api_key"])
        lineage = plan.deployments[name].lineage
        if lineage is not None:
            deployment[TRAINING] = plain(lineage)
    if substituted is None:
        return _without_texts(record)
    secrets = sorted(substituted.items(), key=lambda secret: -len(secret[1]))
    templated: dict[str, Any] = _templated(record, [(name, text) for name, text in secrets if len(text) >= SHORTEST])
    return templated


def lineages(record: Mapping[str, Any]) -> dict[str, Any]:
    """The lineage of each deployment of a recorded plan that has one."""
    return {
        name: deployment[TRAINING]
        for name, deployment in record.get("deployments", {}).items()
        if TRAINING in deployment
    }


def with_lineages(record: dict[str, Any], newer: Mapping[str, Any]) -> dict[str, Any]:
    """A recorded plan with the lineages of a newer entry of the same plan."""
    known = lineages(newer)
    for name, deployment in record.get("deployments", {}).items():
        deployment.pop(TRAINING, None)
        if name in known:
            deployment[TRAINING] = known[name]
    return record


def _key(api_key: str | None) -> str | None:
    if api_key is None or not PLACEHOLDER.sub("", api_key).strip():
        return api_key
    return NOT_KEPT


def _templated(value: Any, secrets: list[tuple[str, str]]) -> Any:
    if isinstance(value, dict):
        return {name: _templated(item, secrets) for name, item in value.items()}
    if isinstance(value, list):
        return [_templated(item, secrets) for item in value]
    if isinstance(value, str):
        for name, text in secrets:
            value = value.replace(text, f"${{{name}}}")
    return value


def _without_texts(record: dict[str, Any]) -> dict[str, Any]:
    for deployment in record["deployments"].values():
        parts = urlsplit(deployment["base_url"])
        deployment["base_url"] = f"{parts.scheme}://{parts.netloc}/{NOT_KEPT}" if parts.netloc else NOT_KEPT
    for experiment in record["experiments"].values():
        for variant in experiment["variants"]:
            variant["params"] = dict.fromkeys(variant["params"], NOT_KEPT)
    return record


def served_routes(plan: Mapping[str, Any]) -> list[ServedRoute]:
    """Each route by name; ``plan``: as `recorded_plan` returns it."""
    return [_route(plan, route) for _, route in sorted(plan["routes"].items())]


def _route(plan: Mapping[str, Any], route: Mapping[str, Any]) -> ServedRoute:
    fallback = ", ".join(filter(None, [route.get("fallback"), *route.get("other_fallbacks", ())])) or None
    experiment = plan["experiments"].get(route.get("experiment"))
    if experiment is None:
        alone = [_served(plan, route["deployment"], 100.0)]
        return ServedRoute(route=route["name"], fallback=fallback, experiment=None, serves=alone)
    split = {variant["name"]: variant["weight"] for variant in experiment["variants"]}
    published = {name: experiment.get(name) for name in ("name", "state", "stage", "control", "serves")}
    about = ServedExperiment(**published, segment=experiment.get("segment") or 1, split=split)
    variants = [
        _served(plan, variant["deployment"], share, variant=variant)
        for variant in experiment["variants"]
        if (share := _share(experiment, variant)) > 0
    ]
    return ServedRoute(route=route["name"], fallback=fallback, experiment=about, serves=variants)


def _share(experiment: Mapping[str, Any], variant: Mapping[str, Any]) -> float:
    """The variant's percent of the units; units that are not enrolled get the control."""
    alone = experiment.get("serves") or (experiment["control"] if experiment["state"] != "running" else None)
    if alone is not None:
        return 100.0 if variant["name"] == alone else 0.0
    enrolled: float = experiment["stage"] * variant["weight"] / sum(arm["weight"] for arm in experiment["variants"])
    return enrolled + (100.0 - experiment["stage"] if variant["name"] == experiment["control"] else 0.0)


def _served(
    plan: Mapping[str, Any], name: str, share: float, variant: Mapping[str, Any] | None = None
) -> ServedVariant:
    deployment = plan["deployments"][name]
    served = ServedVariant(deployment=name, model=f"{deployment['provider']}/{deployment['model']}", percent=share)
    if variant is None:
        return served
    changed = variant.get("system_prompt") is not None or bool(variant.get("params"))
    return replace(served, variant=variant["name"], overrides=changed)


def plan_diff(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[FieldDifference]:
    """Each differing field; a deployment, a route or an experiment that only one plan has is one field."""
    return [FieldDifference(path=path, old=before, new=after) for path, before, after in _differences("", old, new)]


def _differences(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted(old.keys() | new.keys()):
            inner = f"{path}.{name}" if path else name
            yield from _differences(inner, old.get(name, _ABSENT), new.get(name, _ABSENT))
    elif _named(old) is not None and _named(new) is not None:
        yield from _differences(path, _named(old), _named(new))
    elif old is _ABSENT or new is _ABSENT or old != new:
        yield path, None if old is _ABSENT else old, None if new is _ABSENT else new


def _named(value: Any) -> dict[str, Any] | None:
    """A list of objects with names, such as variants, by these names."""
    if isinstance(value, list) and value and all(isinstance(item, dict) and "name" in item for item in value):
        return {item["name"]: item for item in value}
    return None
