"""Converts a plan to the form that the plan history keeps: everything except secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from fairtrial.config.file.environment import PLACEHOLDER
from fairtrial.config.plan.hashes import plain
from fairtrial.domain.plan import Plan

TRAINING = "training"
NOT_KEPT = "(not kept)"
SHORTEST = 8
"""A shorter value is no secret, and could occur in other texts by chance."""


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
    secrets = sorted(substituted.items(), key=lambda one: -len(one[1]))
    templated: dict[str, Any] = _templated(record, [(name, text) for name, text in secrets if len(text) >= SHORTEST])
    return templated


def lineages(record: Mapping[str, Any]) -> dict[str, Any]:
    """The lineage of each deployment of a recorded plan that has one."""
    return {name: one[TRAINING] for name, one in record.get("deployments", {}).items() if TRAINING in one}


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
        return {name: _templated(one, secrets) for name, one in value.items()}
    if isinstance(value, list):
        return [_templated(one, secrets) for one in value]
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
