"""The hashes that rows carry: of a plan, of an experiment's frozen analysis, of a deployment's definition."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import Field, fields, is_dataclass, replace
from decimal import Decimal
from typing import Any

import msgspec

from fairtrial.domain.plan import ADDED_LATER, Deployment, Experiment, Plan

HASH_HEX = 32


def plan_hash(plan: Plan) -> str:
    """Identifies everything in the plan but the hash itself; 32 hex digits of SHA-256 over canonical JSON."""
    return digest(replace(plan, plan_hash=""))


def written_plan_hash(written: bytes) -> str:
    """The hash of a plan as its JSON was written, with the fields that only a newer program knows.

    Raises `msgspec.DecodeError` for anything but a JSON object.
    """
    return digest(msgspec.json.decode(written, type=dict[str, Any]) | {"plan_hash": ""})


def analysis_hash(experiment: Experiment, deployments: dict[str, str], metrics: dict[str, Any]) -> str:
    """Freezes what will be decided and how; the stage and the state are free to change.

    ``deployments``: digest by name; ``metrics``: the declared metrics that the experiment's own ones are read from.
    """
    variants = {variant.name: variant for variant in experiment.variants}
    return digest(
        {
            "unit": experiment.unit,
            "salt": experiment.salt,
            "control": experiment.control,
            "variants": variants,
            "deployments": {variant.deployment: deployments[variant.deployment] for variant in experiment.variants},
            "primary": experiment.primary,
            "guardrails": experiment.guardrails,
            "metrics": metrics,
        }
    )


def deployment_digest(deployment: Deployment) -> str:
    """Identifies a definition (provider, model, address, parent), not the weights behind it."""
    return digest([deployment.provider, deployment.model, deployment.base_url, deployment.parent])


def digest(value: Any) -> str:
    """32 hex digits of SHA-256 over canonical JSON: sorted keys, decimals as text, see `plain`."""
    return hashlib.sha256(msgspec.json.encode(plain(value), order="sorted")).hexdigest()[:HASH_HEX]


def plain(value: Any) -> Any:
    """Dataclasses as mappings, without each field that is `ADDED_LATER` and has its default value.

    A plan that uses nothing new is therefore written and hashed as the release before wrote it, and workers of that
    release accept it.
    """
    if is_dataclass(value):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value) if not _is_absent(value, one)}
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return str(value) if isinstance(value, Decimal) else value


def _is_absent(value: Any, one: Field[Any]) -> bool:
    return ADDED_LATER.items() <= one.metadata.items() and getattr(value, one.name) == one.default
