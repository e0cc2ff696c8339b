"""Identifies what a variant serves: its deployment with its prompt and parameters."""

from __future__ import annotations

from fairtrial.domain.limits.canonical_json import sha256_of_json
from fairtrial.domain.plan import Deployment, Plan, Variant

HEX = 32


def definition_digest(deployment: Deployment, variant: Variant) -> str:
    """The deployment's digest if the variant overrides nothing, so that both are the same definition."""
    if variant.system_prompt is None and not variant.params:
        return deployment.digest
    content = [deployment.digest, variant.system_prompt, dict(variant.params)]
    return sha256_of_json(content)[:HEX]


def definition_of(plan: Plan, variant: Variant) -> str:
    """The digest of what a variant serves by this plan."""
    return definition_digest(plan.deployments[variant.deployment], variant)
