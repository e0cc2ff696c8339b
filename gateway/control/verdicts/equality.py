"""Reads whether a candidate answers as its base or as it was trained, for verdicts, starts and pages."""

from collections.abc import Iterator

from fairtrial.domain.plan import Experiment, Plan
from fairtrial.domain.verdicts.model_equality import ModelEquality
from fairtrial.domain.verdicts.model_parity import ModelParity
from fairtrial.store.core.database import Database
from fairtrial.store.evaluations import model_equality, model_parity
from gateway.control.present import deployment_of

NOT_STARTED = "load the model that was trained and ask again: fairtrial check --ask; or write may_equal_base: yes"


def known_equality(database: Database, plan: Plan, candidate: str, baseline: str) -> ModelEquality | None:
    """The newest result for the present deployments of two targets; ``None`` if they were not asked."""
    first, second = (plan.deployments[deployment_of(plan, target)].digest for target in (candidate, baseline))
    return model_equality.newest(database, first, second)


def known_parity(database: Database, plan: Plan, target: str) -> ModelParity | None:
    """The newest comparison of a target's present deployment with a file of its training; ``None`` without any."""
    return model_parity.newest(database, plan.deployments[deployment_of(plan, target)].digest)


def same_as_control(database: Database, plan: Plan, experiment: Experiment) -> Iterator[ModelEquality]:
    """The treatments whose deployment answers as that of the control, unless the experiment allows it."""
    if experiment.may_equal_base:
        return
    for treatment in experiment.treatments:
        targets = (f"{experiment.name}/{name}" for name in (treatment, experiment.control))
        result = known_equality(database, plan, *targets)
        if result is not None and result.answer == "same":
            yield result


def served_wrongly(database: Database, plan: Plan, experiment: Experiment) -> Iterator[ModelParity]:
    """The comparisons by which a treatment is another model than the one that was trained."""
    results = (known_parity(database, plan, f"{experiment.name}/{name}") for name in experiment.treatments)
    yield from (result for result in results if result is not None and result.wrong)
