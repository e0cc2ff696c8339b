"""Validates JSON Schema within bounds, and checks that an answer follows the schema that its request asks for."""

from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import msgspec

from fairtrial.domain.limits.json_limits import DECODED, excess
from fairtrial.domain.limits.linear_regex import compile_regex

MOST_STEPS = 100_000
"""How many keywords are applied to one answer at most; a typical schema needs some hundred."""
LETTERS = 1_000
"""So many characters that a pattern searches count as a step."""
DATA = ("const", "default", "enum", "examples")
"""Keywords whose values are data, not schemas."""
PROBES: tuple[Any, ...] = (None, {}, [], "", 0)
Keyword = Callable[[Any, Any, Any, Any], Any]
LARGEST_SCHEMA, LARGEST_ANSWER = 16 * 1024, 64 * 1024
"""Bytes. With a larger schema or answer it is not known whether the answer follows it."""

MOST_ANSWER_STEPS = 1_000
"""Keywords that are applied to one answer at most, some milliseconds of work; usual schemas need about a hundred."""

MOST_PATTERNS = 50
"""Patterns that a schema may have, because each is compiled."""

_ANY, _SCHEMA = msgspec.json.Decoder(Any), msgspec.json.Decoder(dict[str, Any])


class TooCostly(Exception):
    """The schema needs more work on one answer than the limit allows."""


class _Steps:
    def __init__(self, most: int) -> None:
        self._most = self.left = most

    def take(self, number: int) -> None:
        self.left -= number
        if self.left < 0:
            raise TooCostly(f"the schema takes more than {self._most:,} steps on one answer")


_STEPS: ContextVar[_Steps] = ContextVar("steps")


class BoundedSchema:
    """One checked schema. ``patterns``: whether it has any patterns.

    A step is the use of one keyword on one value, some microseconds.
    """

    def __init__(self, schema: dict[str, Any], *, most_steps: int = MOST_STEPS) -> None:
        """Raises `ValueError` for an invalid schema, and for one that is not supported here.

        ``most_steps``: how much work the schema may be on a value without content.
        """
        try:
            self.patterns = _check_patterns(schema)
            self._validator = _validator(schema)
            _check_references(schema, self._validator)
            for probe in PROBES:
                self.complaint(probe, most_steps=most_steps)
        except (RecursionError, TooCostly) as error:
            raise ValueError("the schema is nested too deeply, or refers to itself without an end") from error

    def complaint(self, value: Any, *, most_steps: int = MOST_STEPS) -> tuple[str, str] | None:
        """Where and why the schema rejects the value, or ``None``; raises `TooCostly`."""
        token = _STEPS.set(_Steps(most_steps))
        try:
            violation = next(iter(self._validator.iter_errors(value)), None)
        except RecursionError as error:
            raise TooCostly("the answer and the schema are nested too deeply") from error
        finally:
            _STEPS.reset(token)
        return None if violation is None else (violation.json_path, violation.message)


def _validator(schema: dict[str, Any]) -> Any:
    import jsonschema
    import referencing
    import referencing.exceptions

    kind: Any = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        kind.check_schema(schema, format_checker=jsonschema.FormatChecker(formats=()))
    except jsonschema.SchemaError as error:
        raise ValueError(f"the schema is invalid: {error.json_path}: {error.message[:300]}") from error
    try:
        return _bounded(kind)(schema, registry=referencing.Registry())
    except referencing.exceptions.Unresolvable as error:
        raise ValueError(f"the schema cannot be resolved: {error}") from error


@lru_cache(maxsize=16)
def _bounded(kind: Any) -> Any:
    """The validator of a dialect of JSON Schema with bounds; a class for each schema would take 40 KB."""
    import attrs
    import jsonschema

    keywords = {**kind.VALIDATORS, **{name: own for name, own in OWN.items() if name in kind.VALIDATORS}}
    extend: Any = jsonschema.validators.extend
    bounded = extend(kind, {name: _counted(keyword) for name, keyword in keywords.items()})
    # The library's evolve would return to the unbounded validator at each part of the schema with a `$schema`.
    bounded.evolve = lambda self, **changes: attrs.evolve(self, **changes)
    return bounded


def _counted(keyword: Keyword) -> Keyword:
    def counted(validator: Any, value: Any, instance: Any, schema: Any) -> Any:
        _STEPS.get().take(1)
        return keyword(validator, value, instance, schema)

    return counted


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[Any]:  # noqa: ARG001
    import jsonschema

    if validator.is_type(instance, "string"):
        _STEPS.get().take(len(instance) // LETTERS)
    if validator.is_type(instance, "string") and compile_regex(pattern).search(instance) is None:
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Any, instance: Any, schema: Any) -> Iterator[Any]:  # noqa: ARG001
    if not validator.is_type(instance, "object"):
        return
    for pattern, inside in patterns.items():
        for name, value in instance.items():
            if compile_regex(pattern).search(name) is not None:
                yield from validator.descend(value, inside, path=name, schema_path=pattern)


def _additional_properties(validator: Any, allowed: Any, instance: Any, schema: Any) -> Iterator[Any]:
    import jsonschema

    if not validator.is_type(instance, "object"):
        return
    extras = [name for name in instance if not _named(name, schema)]
    if validator.is_type(allowed, "object"):
        for name in extras:
            yield from validator.descend(instance[name], allowed, path=name)
    elif not allowed and extras:
        yield jsonschema.ValidationError(f"additional properties are not allowed: {', '.join(map(repr, extras))}")


def _named(name: str, schema: Any) -> bool:
    patterns = schema.get("patternProperties", {})
    return name in schema.get("properties", {}) or any(
        compile_regex(pattern).search(name) is not None for pattern in patterns
    )


def _unique_items(validator: Any, unique: Any, instance: Any, schema: Any) -> Any:
    """The library's check, which compares all pairs of unsortable items; ten pairs count as a step."""
    import jsonschema

    if validator.is_type(instance, "array") and not all(isinstance(item, str) for item in instance):
        _STEPS.get().take(len(instance) ** 2 // 20)
    return jsonschema.Draft202012Validator.VALIDATORS["uniqueItems"](validator, unique, instance, schema)


OWN: dict[str, Keyword] = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "uniqueItems": _unique_items,
}


def _check_patterns(schema: dict[str, Any]) -> bool:
    """Whether there are patterns; raises `ValueError` for one that is not supported."""
    any_pattern = False
    keywords: set[str] = set()
    for part in _parts(schema):
        keywords |= part.keys()
        named = part.get("patternProperties")
        patterns = [*named] if isinstance(named, dict) else []
        patterns += [part["pattern"]] if isinstance(part.get("pattern"), str) else []
        for pattern in patterns:
            compile_regex(pattern)
            any_pattern = True
    if {"patternProperties", "unevaluatedProperties"} <= keywords:
        raise ValueError(
            "unevaluatedProperties is not supported together with patternProperties: use additionalProperties"
        )
    return any_pattern


def _check_references(schema: dict[str, Any], validator: Any) -> None:
    """Check that every reference is inside the schema, because nothing is fetched from the network or disk."""
    import referencing.exceptions

    parts = list(_parts(schema))
    if any("$id" in part or "id" in part for part in parts[1:]):
        return  # with named parts, a reference can only be resolved when it is followed
    for part in parts:
        for keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
            reference = part.get(keyword)
            if not isinstance(reference, str):
                continue
            try:
                validator._resolver.lookup(reference)
            except (referencing.exceptions.Unresolvable, ValueError) as error:
                wrong = f"{keyword}: {reference[:200]!r} is not in the schema, and external references are not fetched"
                raise ValueError(f"{wrong} (such as #/$defs/name)") from error


def _parts(schema: Any) -> Iterator[dict[str, Any]]:
    """Every object in the schema that may be a schema itself, the whole first."""
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            waiting += [value for name, value in part.items() if name not in DATA]
        elif isinstance(part, list):
            waiting += part


class _Named(msgspec.Struct, frozen=True):
    schema: msgspec.Raw = msgspec.Raw(b"{}")


class _Format(msgspec.Struct, frozen=True):
    """The ``response_format`` of a chat, or the ``text.format`` of the Responses API."""

    type: str = "text"
    json_schema: _Named = _Named()
    schema: msgspec.Raw = msgspec.Raw(b"{}")


class _Text(msgspec.Struct, frozen=True):
    format: _Format = _Format()


_FORMAT, _TEXT = msgspec.json.Decoder(_Format), msgspec.json.Decoder(_Text)


def requested_schema(fields: Mapping[str, msgspec.Raw]) -> bytes | None:
    """The schema that a request asks its output to follow; ``None`` if it asks for none.

    JSON without a schema (``json_object``) must be an object.
    """
    for name in ("response_format", "text"):
        raw = fields.get(name)
        if raw is None:
            continue
        try:
            requested = _FORMAT.decode(raw) if name == "response_format" else _TEXT.decode(raw).format
        except (msgspec.DecodeError, RecursionError):
            return None
        if requested.type == "json_object":
            return b'{"type":"object"}'
        if requested.type == "json_schema":
            return bytes(requested.json_schema.schema if name == "response_format" else requested.schema)
    return None


def checked_schema(schema: bytes) -> BoundedSchema | None:
    """The checked schema; ``None`` if it is invalid, not supported, or too much work."""
    if len(schema) > LARGEST_SCHEMA or excess(schema, DECODED) is not None or schema.count(b'"pattern') > MOST_PATTERNS:
        return None
    try:
        return BoundedSchema(_SCHEMA.decode(schema), most_steps=MOST_ANSWER_STEPS)
    except Exception:  # noqa: BLE001 - an odd schema must not stop traffic or a run
        return None


def follows(schema: BoundedSchema, text: str) -> bool | None:
    """Whether the text is JSON that follows the schema, for recording and runs; ``None`` if it is too much work."""
    if len(text) > LARGEST_ANSWER:
        return None
    try:
        return _follows(schema, text.encode())
    except Exception:  # noqa: BLE001 - an odd answer must not stop traffic or a run
        return None


def _follows(schema: BoundedSchema, text: bytes) -> bool | None:
    if excess(text, DECODED) is not None:
        return None
    try:
        value = _ANY.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None if b"\\ud" in text.lower() else False  # JSON may hold a lone surrogate, which can't be decoded
    try:
        return schema.complaint(value, most_steps=MOST_ANSWER_STEPS) is None
    except TooCostly:
        return None
