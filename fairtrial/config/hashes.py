"""The hashes that rows carry: of a plan, of an experiment's frozen analysis, of a deployment's definition."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import msgspec

from fairtrial.domain.plan import Deployment, Experiment, Plan

HASH_HEX = 32


def plan_hash(plan: Plan) -> str:
    """Identifies everything in the plan but the hash itself; 32 hex digits of SHA-256 over canonical JSON."""
    return digest(replace(plan, plan_hash=""))


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
    """32 hex digits of SHA-256 over JSON with sorted keys; decimals are text. For dataclasses and plain values."""
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()[:HASH_HEX]
