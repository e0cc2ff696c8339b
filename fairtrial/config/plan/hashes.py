"""Computes the hashes that rows carry: of a plan, an experiment's fixed analysis, and what a variant serves."""

import hashlib
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass, replace
from decimal import Decimal
from functools import cache
from math import isfinite
from typing import Any

import msgspec

from fairtrial.domain.limits.canonical_json import SCALARS, sha256_of_json, text_key, unknown_type
from fairtrial.domain.plan import Deployment, Experiment, Plan, Variant
from fairtrial.domain.settings import ADDED_LATER, CONTROL_ONLY

HASH_HEX = 32
HEX = 32


def plan_hash(plan: Plan) -> str:
    """Identifies everything in the plan except the hash itself, as 32 hex digits of SHA-256 over canonical JSON."""
    return digest(replace(plan, plan_hash=""))


def written_plan_hash(written: bytes) -> str:
    """The hash of a plan's JSON as written, including fields that only a newer program knows.

    Raises `msgspec.DecodeError` for anything but a JSON object.
    """
    return digest(msgspec.json.decode(written, type=dict[str, Any]) | {"plan_hash": ""})


def analysis_hash(experiment: Experiment, deployments: dict[str, str], metrics: dict[str, Any]) -> str:
    """Identifies what will be decided and how; the stage and the state may change.

    ``deployments``: digest by name; ``metrics``: the declared metrics from which the experiment's metrics are computed.
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
            **({"sources": experiment.sources} if experiment.sources else {}),
        }
    )


def deployment_digest(deployment: Deployment) -> str:
    """Identifies a definition (provider, model, address, parent, params), not the weights behind it."""
    own = [] if deployment.params is None else [deployment.params]
    return digest([deployment.provider, deployment.model, deployment.base_url, deployment.parent, *own])


def digest(value: Any) -> str:
    """32 hex digits of SHA-256 over canonical JSON: sorted keys, decimals as text, see `plain`."""
    return hashlib.sha256(msgspec.json.encode(plain(value), order="sorted")).hexdigest()[:HASH_HEX]


def plain(value: Any, place: str = "") -> Any:
    """Dataclasses as mappings, without `CONTROL_ONLY` fields and those that are `ADDED_LATER` and have their default.

    A plan without new features is therefore written and hashed as by the previous release, whose workers accept it.
    Raises `DigestRefused` for a value of a type that has no canonical form; ``place`` is its path in the error.
    """
    if type(value) in SCALARS and (type(value) is not float or isfinite(value)):  # others would be written as null
        return value
    if isinstance(value, Decimal) and value.is_finite():
        return str(value)
    if (members := _hashed_fields(value.__class__)) is not None:
        items = ((name, getattr(value, name), default) for name, default in members)
        return {name: plain(item, f"{place}.{name}") for name, item, default in items if item != default}
    if isinstance(value, Mapping):
        return {text_key(name, place): plain(item, f"{place}.{name}") for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, f"{place}[{at}]") for at, item in enumerate(value)]
    raise unknown_type(value, place)


@cache
def _hashed_fields(kind: type) -> tuple[tuple[str, Any], ...] | None:
    """A dataclass's fields that are hashed, each with the value at which it is left out; ``MISSING``: never."""
    if not is_dataclass(kind):
        return None
    hashed = (member for member in fields(kind) if not CONTROL_ONLY.items() <= member.metadata.items())
    return tuple(
        (member.name, member.default if ADDED_LATER.items() <= member.metadata.items() else MISSING)
        for member in hashed
    )


def definition_digest(deployment: Deployment, variant: Variant) -> str:
    """The deployment's digest if the variant overrides nothing, so that both are the same definition."""
    if variant.system_prompt is None and not variant.params:
        return deployment.digest
    content = [deployment.digest, variant.system_prompt, dict(variant.params)]
    return sha256_of_json(content)[:HEX]


def definition_of(plan: Plan, variant: Variant) -> str:
    """The digest of what a variant serves by this plan."""
    return definition_digest(plan.deployments[variant.deployment], variant)
