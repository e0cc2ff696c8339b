"""Checks the parameters that deployments and variants set in requests, by the rules for a suite's."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from fairtrial.config.file.errors import FieldError
from fairtrial.config.file.schema import ProjectFile
from fairtrial.config.rules.translation import NOT_PASSED_ON, PASSED, translated
from fairtrial.domain.answers.chat import OTHER_SERVERS, wrong_value
from fairtrial.domain.errors import nearest

Path = tuple[str | int, ...]
KNOWN_PARAMS = PASSED | NOT_PASSED_ON | OTHER_SERVERS
NEARLY = 0.85
"""How similar to a known name an unknown one must be, from 0 to 1, to be its misspelling."""
NOT_AN_ARMS = ("input", "messages", "model", "prompt", "stream", "stream_options")
"""Fields that the deployment or the caller decides. An arm that set one would be recorded wrongly."""


def wrong_param(name: str, value: Any, *, removes: bool = False) -> tuple[str, str] | None:
    """What is wrong with a parameter's value or name, and the name that it may mean; ``None`` for a sound one.

    ``removes``: whether the value ``None`` removes the parameter.
    """
    kind = None if removes and value is None else wrong_value(name, value)
    if kind is not None:
        return f"{value!r} is not {kind}", ""
    near = [] if name in KNOWN_PARAMS else get_close_matches(name, KNOWN_PARAMS, n=1, cutoff=NEARLY)
    return (f"there is no parameter {name!r}", f"did you mean {near[0]!r}?") if near else None


def wrong_params(file: ProjectFile) -> Iterator[FieldError]:
    """Parameters with a wrong name or value, those that no arm may set, and those that don't reach a provider."""
    for name, deployment in file.deployments.items():
        path: Path = ("deployments", name, "params")
        for field, value in deployment.params.items():
            if (wrong := wrong_param(field, value, removes=True)) is not None:
                yield FieldError((*path, field), *wrong)
        yield from _refused(path, deployment.params, deployment.model)
    for name, experiment in file.experiments.items():
        for key, variant in experiment.variants.items():
            served = file.deployments.get(variant.deployment)
            path = ("experiments", name, "variants", key, "params")
            yield from _refused(path, variant.params, None if served is None else served.model)


def _refused(path: Path, params: Mapping[str, Any], model: str | None) -> Iterator[FieldError]:
    for name in NOT_AN_ARMS:
        if name in params:
            yield FieldError(
                (*path, name), "is not a parameter", "the deployment names the model, the caller sends the rest"
            )
    if model is not None and translated(model):
        for name in sorted(params.keys() - PASSED - NOT_PASSED_ON - {*NOT_AN_ARMS}):
            yield FieldError((*path, name), f"does not reach {model}", nearest(name, PASSED))
