"""Describes operations in the terms of OpenAPI."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from fairtrial.api.encoding import path_names
from fairtrial.api.operation import Operation

REFERENCE = "#/components/schemas/{name}"
Schema = dict[str, Any]


def described(operation: Operation[Any, Any]) -> Schema:
    """The parameters and the body of an operation."""
    schema = _schemas([operation.request])[operation.request.__name__]
    fields, required = schema["properties"], schema.get("required", [])
    named = path_names(operation.path)
    fields = {name: _with_meaning(field) for name, field in fields.items()}
    found: Schema = {"parameters": list(_parameters(fields, required, named, in_query=not operation.has_body))}
    body = {name: field for name, field in fields.items() if name not in named}
    if operation.has_body and body:
        needed = [name for name in required if name in body]
        whole = {"type": "object", "properties": body, "additionalProperties": False} | (
            {"required": needed} if needed else {}
        )
        found["requestBody"] = {"content": {"application/json": {"schema": whole}}, "required": bool(needed)}
    return found


def components(every: Iterable[Operation[Any, Any]]) -> Schema:
    """The schemas that the operations refer to."""
    every = list(every)
    requests = {operation.request.__name__ for operation in every}
    schemas = _schemas([operation.request for operation in every])
    return {name: schema for name, schema in schemas.items() if name not in requests}


def _schemas(kinds: list[type]) -> Schema:
    return msgspec.json.schema_components(kinds, ref_template=REFERENCE)[1]


def _with_meaning(field: Schema) -> Schema:
    """The field with the description that one of its alternatives has."""
    meanings = [one["description"] for one in field.get("anyOf", ()) if "description" in one]
    return field | ({"description": meanings[0]} if meanings else {})


def _parameters(fields: Schema, required: list[str], named: tuple[str, ...], *, in_query: bool) -> Iterator[Schema]:
    for name, field in fields.items():
        place = "path" if name in named else "query" if in_query else None
        if place is not None:
            schema = {key: value for key, value in field.items() if key != "description"}
            meaning = {"description": field["description"]} if "description" in field else {}
            yield {"name": name, "in": place, "required": name in required, "schema": schema} | meaning
