"""Defines the base of the sections of `fairtrial.yaml`, and tells the fields of any section."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeGuard, get_type_hints

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo


class Section(BaseModel):
    """A section of the file; an unknown field is an error, also in the dataclasses that it contains."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def is_section(annotation: Any) -> TypeGuard[type[Any]]:
    """Whether this is a type with fields: a model, or a dataclass of the domain."""
    return isinstance(annotation, type) and (issubclass(annotation, BaseModel) or is_dataclass(annotation))


def fields_of(section: type[Any]) -> Mapping[str, FieldInfo]:
    """The fields of a section by name."""
    if issubclass(section, BaseModel):
        return section.model_fields
    hints = get_type_hints(section, include_extras=True)
    return {field.name: FieldInfo.from_annotated_attribute(hints[field.name], field) for field in fields(section)}
