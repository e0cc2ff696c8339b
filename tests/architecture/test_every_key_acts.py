"""Every key that people write is named by code that acts on it, or `check` warns that it has no effect.

A key counts as named where a module outside `PASSIVE` has it as an attribute or as a text. A key with a common name,
such as ``kind``, is therefore not found dead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, create_model

from evaluators.criteria.validation import INERT_IN_SUITES
from evaluators.gate.file import GateModel
from evaluators.loading.suite_file import SuiteModel
from fairtrial.config.file.schema import DeploymentSection, ProjectFile, fields_of, is_section
from fairtrial.config.project import INERT
from gateway.proxy.routes.feedback import Feedback
from tests.fixtures.paths import ROOT, SOURCES

FORMS: dict[str, tuple[type[BaseModel], tuple[str, ...]]] = {
    "fairtrial.yaml": (ProjectFile, tuple(INERT)),
    "a suite": (SuiteModel, tuple(INERT_IN_SUITES)),
    "a gate": (GateModel, ()),
    "feedback": (Feedback, ()),
}
"""What people write, with its schema and the keys of which `check` warns."""

PASSIVE = (
    "fairtrial/config/file/",
    "fairtrial/config/rules/",
    "fairtrial/config/plan/compile",
    "evaluators/loading/suite_file",
)
"""Modules that declare, check or copy keys. A name here does not show that the key has an effect."""

ELSEWHERE: dict[str, str] = {
    "experiments.*.variants.*.fallback": "fallbacks",
    "experiments.*.split": "weight",
    "capture.bodies": "capture",
    "metrics.*.range": "within",
}
"""Keys whose value acts under another name."""

NAME = re.compile(r"""[."'](\w+)""")
DEAD = """{key!r} of {form} has no effect: no code names {read}.
  - If code acts on it under another name, add the key and the name to ELSEWHERE in this file.
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


@cache
def names() -> frozenset[str]:
    """What acting modules have as an attribute or a text."""
    acting = (path for path in SOURCES if not str(path.relative_to(ROOT)).startswith(PASSIVE))
    return frozenset().union(*(NAME.findall(path.read_text(encoding="utf-8")) for path in acting))


def acting_name(key: Key) -> str:
    return ELSEWHERE.get(key.path, key.field)


def has_warning(path: str, inert: tuple[str, ...]) -> bool:
    return any(path == one or path.startswith(f"{one}.") for one in inert)


def dead_keys(form: str, keys: Iterable[Key], inert: tuple[str, ...] = ()) -> list[str]:
    dead = [key for key in keys if not key.is_checked_by_its_schema and acting_name(key) not in names()]
    return [
        DEAD.format(key=key.path, form=form, read=acting_name(key)) for key in dead if not has_warning(key.path, inert)
    ]


def test_every_key_acts_or_has_a_warning() -> None:
    dead = [line for form, (model, inert) in FORMS.items() for line in dead_keys(form, keys_of(model), inert)]
    assert not dead, "\n".join(dead)


def test_a_new_key_that_no_code_names_is_found_unless_it_has_a_warning() -> None:
    added: dict[str, Any] = {"colour_of_it": (str, "")}
    section = create_model("DeploymentSection", __base__=DeploymentSection, **added)
    key = Key("deployments.*.colour_of_it", section, "colour_of_it")
    [message] = dead_keys("a form", [key])
    assert "'deployments.*.colour_of_it' of a form has no effect" in message
    assert dead_keys("a form", [key], ("deployments",)) == []


def test_the_tables_name_only_keys_that_exist() -> None:
    paths = {key.path for model, _ in FORMS.values() for key in keys_of(model)}
    warned = [one for _, inert in FORMS.values() for one in inert]
    assert ELSEWHERE.keys() - paths == set()
    assert [one for one in warned if not any(has_warning(path, (one,)) for path in paths)] == []
