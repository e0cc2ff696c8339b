"""Resolves the target of a run: a deployment or an experiment's variant, pinned, through the data plane."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from fairtrial.config.plan.hashes import definition_digest
from fairtrial.domain.errors import UsageError
from fairtrial.domain.money.prices import Price
from fairtrial.domain.plan import Experiment, Plan
from fairtrial.domain.registry import near

PIN_DEPLOYMENT = "x-fairtrial-deployment"
PIN_VARIANT = "x-fairtrial-variant"
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Target:
    """One model that a run queries.

    ``name`` is as the user writes it (``tuned``, ``tuned-vs-base/tuned``); ``base_url`` ends in ``/v1``; ``headers``
    pin it and ``deployment_digest`` identifies its definition, overrides included. ``model`` is what requests name,
    ``declared_model`` the provider and model of the deployment behind it, such as ``openai/support-v2``.
    ``first_repeat``: the number of the first repeat of each case; a higher one asks again what is already cached.
    """

    name: str
    model: str
    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    api_key: str | None = None
    deployment_digest: str = ""
    plan_hash: str = ""
    price: Price = field(default_factory=Price)
    declared_model: str | None = None
    first_repeat: int = 0

    def cost(self, tokens_in: int | None, tokens_out: int | None) -> float | None:
        """US dollars by token prices; ``None`` if a price or a count is unknown."""
        price = self.price
        if price.input is None or price.output is None or tokens_in is None or tokens_out is None:
            return None
        return float((price.input * tokens_in + price.output * tokens_out) / MILLION)


def resolve(name: str, plan: Plan, *, base_url: str, api_key: str | None = None) -> Target:
    """The target of that name: ``DEPLOYMENT`` or ``EXPERIMENT/VARIANT``; raises `UsageError` with the nearest one."""
    experiment_name, slash, variant_name = name.partition("/")
    if slash:
        experiment = plan.experiments.get(experiment_name)
        if experiment is None:
            raise UsageError(f"--on {name}: there is no experiment {experiment_name!r} ({_known(name, plan)})")
        return replace(_variant(name, experiment, variant_name, plan), base_url=base_url, api_key=api_key)
    deployment = plan.deployments.get(name)
    if deployment is None:
        raise UsageError(f"--on {name}: there is no deployment {name!r} ({_known(name, plan)})")
    return Target(
        name=name,
        model=deployment.model,
        base_url=base_url,
        headers={PIN_DEPLOYMENT: name},
        api_key=api_key,
        deployment_digest=deployment.digest,
        plan_hash=plan.plan_hash,
        price=deployment.price,
        declared_model=deployment.declared_model,
    )


def _variant(name: str, experiment: Experiment, variant_name: str, plan: Plan) -> Target:
    variant = next((variant for variant in experiment.variants if variant.name == variant_name), None)
    if variant is None:
        known = ", ".join(variant.name for variant in experiment.variants)
        raise UsageError(f"--on {name}: {experiment.name!r} has no variant {variant_name!r} (known: {known})")
    route = next((route.name for route in plan.routes.values() if route.experiment == experiment.name), None)
    if route is None:
        raise UsageError(f"--on {name}: no route leads to the experiment {experiment.name!r}")
    deployment = plan.deployments[variant.deployment]
    return Target(
        name=name,
        model=route,
        base_url="",
        headers={PIN_VARIANT: variant_name},
        deployment_digest=definition_digest(deployment, variant),
        plan_hash=plan.plan_hash,
        price=deployment.price,
        declared_model=deployment.declared_model,
    )


def _known(name: str, plan: Plan) -> str:
    variants = [
        f"{experiment.name}/{variant.name}"
        for experiment in plan.experiments.values()
        for variant in experiment.variants
    ]
    return near(name, [*plan.deployments, *variants])
