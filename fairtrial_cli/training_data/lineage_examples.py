"""Finds the training files of a command: those that its options name, or else those of the deployment's lineage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fairtrial.domain.errors import UsageError

if TYPE_CHECKING:
    from evaluators.training_data.example import Example
    from fairtrial.config.project import Project
    from fairtrial.domain.plan import Deployment
    from fairtrial.domain.training_data import Lineage


@dataclass(frozen=True, slots=True)
class TrainingExamples:
    """The examples of a fine-tune, the held-out ones, and how many rows could not be read."""

    train: tuple[Example, ...]
    held_out: tuple[Example, ...]
    unreadable: int


def training_examples(
    project: Project, candidate: str, *, train: Sequence[Path], held_out: Sequence[Path], option: str
) -> TrainingExamples:
    """The examples of both kinds; ``option`` is the name of the option for held-out files. Raises `UsageError`."""
    lineage = lineage_of(project, candidate)
    folder = project.path.parent
    ours = tuple(train) or tuple(folder / one for one in (lineage.data if lineage else ()))
    other = tuple(held_out) or tuple(folder / one for one in (lineage.validation if lineage else ()))
    for files, name, key in ((ours, "--train", "data"), (other, option, "validation")):
        if not files:
            raise UsageError(
                f"{candidate}: its {key} files are unknown (name them with {name}, or in 'training.{key}')"
            )
    (trained, bad), (held, bad_held) = read_all(ours), read_all(other)
    return TrainingExamples(trained, held, bad + bad_held)


def lineage_of(project: Project, candidate: str) -> Lineage | None:
    """The lineage of a deployment, or of a variant's deployment; ``None`` if the project does not declare one."""
    deployment = deployment_of(project, candidate)
    return None if deployment is None else deployment.lineage


def deployment_of(project: Project, candidate: str) -> Deployment | None:
    """The deployment of that name, or of EXPERIMENT/VARIANT; ``None`` if there is none."""
    name, slash, variant = candidate.partition("/")
    experiment = project.plan.experiments.get(name) if slash else None
    found = next((one.deployment for one in experiment.variants if one.name == variant), None) if experiment else name
    return project.plan.deployments.get(found or "")


def read_all(files: Sequence[Path]) -> tuple[tuple[Example, ...], int]:
    """The examples of several files, and how many rows could not be read; raises `UsageError`."""
    from evaluators.training_data.example_file import read_examples

    read = [read_examples(path) for path in files]
    return tuple(one for file in read for one in file.examples), sum(len(file.errors) for file in read)
