"""Reads whether a candidate answers as its base, for verdicts, starts and pages."""

from collections.abc import Iterator

from fairtrial.domain.plan import Experiment, Plan
from fairtrial.domain.verdicts.model_equality import ModelEquality
from fairtrial.store.core.database import Database
from fairtrial.store.evaluations import model_equality
from gateway.control.present import deployment_of

NOT_STARTED = "load the model that was trained and ask again: fairtrial check --ask; or write may_equal_base: yes"


def known_equality(database: Database, plan: Plan, candidate: str, baseline: str) -> ModelEquality | None:
    """The newest result for the present deployments of two targets; ``None`` if they were not asked."""
    first, second = (plan.deployments[deployment_of(plan, target)].digest for target in (candidate, baseline))
    return model_equality.newest(database, first, second)


def same_as_control(database: Database, plan: Plan, experiment: Experiment) -> Iterator[ModelEquality]:
    """The treatments whose deployment answers as that of the control, unless the experiment allows it."""
    if experiment.may_equal_base:
        return
    for treatment in experiment.treatments:
        targets = (f"{experiment.name}/{name}" for name in (treatment, experiment.control))
        result = known_equality(database, plan, *targets)
        if result is not None and result.answer == "same":
            yield result
