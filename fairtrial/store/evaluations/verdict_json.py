"""Encodes verdicts as JSON and decodes them. Each of the three kinds of evidence names its kind under ``is``."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any, get_type_hints

import msgspec

from fairtrial.domain.estimates import Comparison, Estimate, NotEnough
from fairtrial.domain.verdict import Finding, JudgedSuite, Odds, Provenance, Verdict


def _wire(kind: type, *, tag: str | None = None, **types: Any) -> Any:
    """The struct that mirrors a dataclass in JSON. ``types`` replace those that msgspec can't distinguish."""
    hints = get_type_hints(kind) | types
    columns: list[Any] = [
        (field.name, hints[field.name]) + (() if field.default is MISSING else (field.default,))
        for field in fields(kind)
    ]
    return msgspec.defstruct(kind.__name__, columns, tag=tag, tag_field="is" if tag else None)


_ESTIMATE: Any = _wire(Estimate, tag="estimate")
_NOT_ENOUGH: Any = _wire(NotEnough, tag="not_enough")
_COMPARISON: Any = _wire(Comparison, tag="comparison", difference=_ESTIMATE | _NOT_ENOUGH)
_FINDING: Any = _wire(Finding, evidence=_ESTIMATE | _NOT_ENOUGH | _COMPARISON | None)
_JUDGED_SUITE: Any = _wire(JudgedSuite)
_PROVENANCE: Any = _wire(Provenance, suites=tuple[_JUDGED_SUITE, ...])
_ODDS: Any = _wire(Odds, discordance=_ESTIMATE)
_VERDICT: Any = _wire(Verdict, findings=tuple[_FINDING, ...], provenance=_PROVENANCE | None, odds=_ODDS | None)
_STRUCTS: dict[type, Any] = {
    Estimate: _ESTIMATE,
    NotEnough: _NOT_ENOUGH,
    Comparison: _COMPARISON,
    Finding: _FINDING,
    JudgedSuite: _JUDGED_SUITE,
    Odds: _ODDS,
    Provenance: _PROVENANCE,
    Verdict: _VERDICT,
}
_VALUES = {struct: value for value, struct in _STRUCTS.items()}


def encode(verdict: Verdict) -> bytes:
    """The verdict as a JSON object. One of an earlier version, without provenance, is encoded as that version did."""
    wire = _to_wire(verdict)
    if verdict.provenance is not None:
        return msgspec.json.encode(wire)
    plain: dict[str, Any] = msgspec.to_builtins(wire)
    for added_later in ("provenance", "odds"):
        plain.pop(added_later)
    return msgspec.json.encode(plain)


def decode(text: bytes | str) -> Verdict:
    """The inverse of `encode`; raises `msgspec.ValidationError` or `msgspec.DecodeError`."""
    verdict = _to_value(msgspec.json.decode(text, type=_VERDICT))
    assert isinstance(verdict, Verdict)
    return verdict


def _to_wire(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_to_wire, value))
    struct = _STRUCTS.get(type(value))
    if struct is None:
        return value
    return struct(**{field.name: _to_wire(getattr(value, field.name)) for field in fields(value)})


def _to_value(wire: Any) -> Any:
    if isinstance(wire, tuple):
        return tuple(map(_to_value, wire))
    kind = _VALUES.get(type(wire))
    if kind is None:
        return wire
    return kind(**{field.name: _to_value(getattr(wire, field.name)) for field in fields(kind)})
