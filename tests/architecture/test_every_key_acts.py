"""Every key that people write is read by code that acts on it, or `check` warns that it has no effect.

A read counts only if annotations tell the type of the receiver, so a common name such as ``kind`` needs a read of the
right type. Two claims are weaker. A key of a JSON record has no type, so any record's ``role`` counts as read. A key
that has the name of another field of its carrier, such as ``digest`` of a deployment, counts as that field.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import pytest
from pydantic import BaseModel, create_model

from evaluators.criteria.validation import INERT_IN_SUITES
from evaluators.gate.file import GateModel
from evaluators.loading.suite_file import SuiteModel
from fairtrial.config.file.schema import (
    ControlSection,
    DeploymentSection,
    ProjectFile,
    RouteSection,
    StoreSection,
    fields_of,
    is_section,
)
from fairtrial.config.project import INERT
from gateway.proxy.routes.feedback import FeedbackBody
from tests.fixtures.paths import ROOT, SOURCES
from tests.fixtures.source.attribute_reads import Read, Source
from tests.fixtures.source.trees import tree_of

FORMS: dict[str, tuple[type[BaseModel], tuple[str, ...]]] = {
    "fairtrial.yaml": (ProjectFile, tuple(INERT)),
    "a suite": (SuiteModel, tuple(INERT_IN_SUITES)),
    "a gate": (GateModel, ()),
    "feedback": (FeedbackBody, ()),
}
"""What people write, with its schema and the keys of which `check` warns."""

PASSIVE = (
    "fairtrial.config.file.",
    "fairtrial.config.rules.",
    "fairtrial.config.plan.compile",
    "evaluators.loading.suite_file",
)
"""Modules that declare, check or copy keys. A read here does not show that the key has an effect."""

CARRIERS: dict[str, tuple[str, ...]] = {
    "DeploymentSection": ("fairtrial.domain.plan.Deployment",),
    "RouteSection": ("fairtrial.domain.plan.Route",),
    "VariantSection": ("fairtrial.domain.plan.Variant",),
    "MetricSection": ("fairtrial.domain.plan.FeedbackMetric", "fairtrial.experiments.metric_plan.MetricPlan"),
    "Primary": ("fairtrial.experiments.metric_plan.MetricPlan",),
    "Guardrail": ("fairtrial.experiments.metric_plan.MetricPlan",),
    "Enrolment": ("fairtrial.experiments.analysis_plan.AnalysisPlan",),
    "ExperimentSection": ("fairtrial.domain.plan.Experiment", "fairtrial.experiments.analysis_plan.AnalysisPlan"),
    "GatewaySection": ("fairtrial.domain.limits.server_settings.WorkerSettings",),
    "Price": ("fairtrial.domain.money.prices.Rates", "fairtrial.domain.money.prices.TierRates"),
    "PriceEntry": (
        "fairtrial.domain.money.prices.Rates",
        "fairtrial.domain.money.prices.TierRates",
        "fairtrial.domain.money.prices.Price",
    ),
    "TierRates": ("fairtrial.domain.money.prices.Rates",),
    "CaptureSection": ("fairtrial.domain.plan.Plan",),
    "SuiteModel": ("evaluators.suite.Suite",),
    "GateModel": ("evaluators.gate.file.Gate",),
}
"""The types that carry the values of a section to the code that acts. The last one with such a field must be read."""

ELSEWHERE: dict[str, str] = {
    "gateway.auth": "fairtrial.config.file.schema.GatewaySection.access",
    "metrics.*.kind": "fairtrial.domain.plan.Published.feedback",
    "metrics.*.window": "fairtrial.experiments.metric_plan.MetricPlan.window_seconds",
    "metrics.*.range": "fairtrial.experiments.metric_plan.MetricPlan.within",
    "experiments.*.question": "[].question",
    "experiments.*.variants.*.fallback": "fairtrial.domain.plan.Variant.fallbacks",
    "experiments.*.split": "fairtrial.domain.plan.Variant.weight",
    "experiments.*.primary.mde": "fairtrial.experiments.metric_plan.MetricPlan.margin",
    "experiments.*.primary.baseline": "fairtrial.experiments.metric_plan.MetricPlan.level",
    "experiments.*.guardrails.*.stop_margin": "fairtrial.experiments.metric_plan.MetricPlan.stop",
    "experiments.*.guardrails.*.baseline": "fairtrial.experiments.metric_plan.MetricPlan.level",
    "experiments.*.enroll.start": "fairtrial.domain.settings.Enrolment.start",
    "capture.bodies": "fairtrial.domain.plan.Plan.capture",
    "gateway.bind": "fairtrial.config.file.schema.GatewaySection.address",
    "gateway.cors.origins": "fairtrial.domain.limits.server_settings.WorkerSettings.cors_origins",
    "messages.*.role": "[].role",
    "messages.*.content": "[].content",
    "max_age": "evaluators.gate.file.Gate.max_age_seconds",
}
"""Keys whose value acts under another name: ``module.Class.attribute``, or ``[].key`` of a JSON record.

The compiler itself acts on ``start``: an experiment with ``manual`` begins in the state ``declared``.
"""

DEAD = """{key!r} of {form} has no effect: no code reads {read}.
  - If code acts on it under another name, add the key and the name to ELSEWHERE or its type to CARRIERS in this file.
  - If no code acts on it yet, add it to the keys of which `check` and `up` warn: INERT in
    fairtrial/config/project.py, or INERT_IN_SUITES in evaluators/criteria/validation.py."""


class Key(NamedTuple):
    """A key that has no keys inside: ``deployments.*.timeouts.connect``, and the field that declares it."""

    path: str
    section: type[Any]
    field: str

    @property
    def is_checked_by_its_schema(self) -> bool:
        """Whether only one value is allowed, as for ``version: 1``: a schema that refuses every other value acts."""
        annotation = fields_of(self.section)[self.field].annotation
        return get_origin(annotation) is Literal and len(get_args(annotation)) == 1


def keys_of(model: type[Any], path: str = "") -> Iterator[Key]:
    for name, field in fields_of(model).items():
        key = f"{path}{field.alias or name}"
        inner = list(_models(field.annotation, key))
        if not inner:
            yield Key(key, model, name)
        for section, place in inner:
            yield from keys_of(section, f"{place}.")


def _models(annotation: Any, path: str) -> Iterator[tuple[type[Any], str]]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if is_section(annotation):
        yield annotation, path
    elif origin in (Union, UnionType, Annotated):
        for argument in arguments:
            yield from _models(argument, path)
    elif origin in (dict, list):
        yield from _models(arguments[-1], f"{path}.*")


@lru_cache(maxsize=1)
def product() -> Source:
    names = {path: ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in SOURCES}
    return Source.of({names[path].removesuffix(".__init__"): tree_of(path) for path in SOURCES})


@lru_cache(maxsize=1)
def reads() -> Mapping[str, list[Read]]:
    """By what is read: ``module.Class.attribute``."""
    found: dict[str, list[Read]] = {}
    for read in product().reads():
        found.setdefault(f"{read.owner}.{read.attribute}", []).append(read)
    return found


def acting_read(key: Key) -> str:
    """The read that shows an effect: of the last type that carries the value, or of its section."""
    if key.path in ELSEWHERE:
        return ELSEWHERE[key.path]
    carriers = [one for one in CARRIERS.get(key.section.__name__, ()) if key.field in product().declares(one)]
    section = f"{key.section.__module__}.{key.section.__qualname__}"
    return f"{carriers[-1] if carriers else section}.{key.field}"


def acts(key: Key) -> bool:
    if key.is_checked_by_its_schema:
        return True
    found = reads().get(acting_read(key), [])
    if key.path in ELSEWHERE:
        return found != []
    schema = key.section.__name__  # a validator of the section only checks the value
    return any(not read.module.startswith(PASSIVE) and read.reader.rpartition(".")[2] != schema for read in found)


def has_warning(path: str, inert: tuple[str, ...]) -> bool:
    return any(path == one or path.startswith(f"{one}.") for one in inert)


def dead_keys(form: str, keys: Iterable[Key], inert: tuple[str, ...] = ()) -> list[str]:
    dead = [key for key in keys if not acts(key) and not has_warning(key.path, inert)]
    return [DEAD.format(key=key.path, form=form, read=acting_read(key)) for key in dead]


def new_key(section: type[BaseModel], name: str) -> Key:
    """A key that is added to a section."""
    added: dict[str, Any] = {name: (str, "")}
    return Key(name, create_model(section.__name__, __base__=section, __module__=section.__module__, **added), name)


def test_every_key_acts_or_has_a_warning() -> None:
    dead = [line for form, (model, inert) in FORMS.items() for line in dead_keys(form, keys_of(model), inert)]
    assert not dead, "\n".join(dead)


def test_no_key_of_the_project_with_a_warning_acts() -> None:
    keys = [key for key in keys_of(ProjectFile) if has_warning(key.path, tuple(INERT))]
    assert keys != []
    assert [key.path for key in keys if acts(key)] == []


@pytest.mark.parametrize(
    ("section", "name"),
    [
        (DeploymentSection, "colour"),  # no code knows this name
        (DeploymentSection, "kind"),  # common names, which other types have
        (ControlSection, "version"),
        (StoreSection, "name"),
        (RouteSection, "value"),
        (SuiteModel, "role"),
    ],
)
def test_a_new_key_that_no_code_reads_is_found(section: type[BaseModel], name: str) -> None:
    [message] = dead_keys("a form", [new_key(section, name)])
    assert f"{name!r} of a form has no effect" in message and f"{section.__name__}.{name}" in message


def test_a_warning_permits_a_key_without_effect() -> None:
    assert dead_keys("a form", [new_key(DeploymentSection, "colour")], ("colour",)) == []


def test_the_tables_name_only_keys_sections_and_types_that_exist() -> None:
    keys = [key for model, _ in FORMS.values() for key in keys_of(model)]
    paths, sections = {key.path for key in keys}, {key.section.__name__ for key in keys}
    warned = [one for _, inert in FORMS.values() for one in inert]
    assert ELSEWHERE.keys() - paths == CARRIERS.keys() - sections == set()
    assert [one for one in warned if not any(has_warning(path, (one,)) for path in paths)] == []
    assert [one for types in CARRIERS.values() for one in types if one not in product().members] == []
