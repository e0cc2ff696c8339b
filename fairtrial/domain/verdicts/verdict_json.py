"""Encodes verdicts as JSON and decodes them. Each of the three kinds of evidence names its kind under ``is``."""

from dataclasses import MISSING, Field, fields
from typing import Any, get_type_hints

import msgspec

from fairtrial.domain.estimates import Comparison, Estimate, NotEnough
from fairtrial.domain.verdicts.odds import Odds
from fairtrial.domain.verdicts.verdict import Finding, Verdict


def _wire(kind: type, *, tag: str | None = None, **types: Any) -> Any:
    """The struct that mirrors a dataclass in JSON. ``types`` replace those that msgspec can't distinguish."""
    hints = get_type_hints(kind) | types
    columns: list[Any] = [(field.name, hints[field.name], *_default(field)) for field in fields(kind)]
    return msgspec.defstruct(kind.__name__, columns, tag=tag, tag_field="is" if tag else None)


def _default(field: Field[Any]) -> tuple[Any, ...]:
    if field.default_factory is not MISSING:
        return (msgspec.field(default_factory=field.default_factory),)
    return () if field.default is MISSING else (field.default,)


_ESTIMATE: Any = _wire(Estimate, tag="estimate")
_NOT_ENOUGH: Any = _wire(NotEnough, tag="not_enough")
_COMPARISON: Any = _wire(Comparison, tag="comparison", difference=_ESTIMATE | _NOT_ENOUGH)
_FINDING: Any = _wire(Finding, evidence=_ESTIMATE | _NOT_ENOUGH | _COMPARISON | None)
_ODDS: Any = _wire(Odds, discordance=_ESTIMATE)
_VERDICT: Any = _wire(Verdict, findings=tuple[_FINDING, ...], odds=_ODDS | None)
_STRUCTS: dict[type, Any] = {
    Estimate: _ESTIMATE,
    NotEnough: _NOT_ENOUGH,
    Comparison: _COMPARISON,
    Finding: _FINDING,
    Odds: _ODDS,
    Verdict: _VERDICT,
}
_VALUES = {struct: value for value, struct in _STRUCTS.items()}


def encode(verdict: Verdict) -> bytes:
    """The verdict as a JSON object. One of an earlier version, without provenance, is encoded as that version did."""
    plain: dict[str, Any] = msgspec.to_builtins(_to_wire(verdict))
    for finding in plain["findings"]:
        evidence = finding["evidence"]
        if evidence and evidence.get("rule") == "":
            del evidence["rule"]  # added later; a comparison without one is encoded as before
        if verdict.provenance is None:
            finding.pop("safety")
    if verdict.provenance is None:
        for added_later in ("provenance", "odds", "conflicts"):
            plain.pop(added_later)
        return msgspec.json.encode(_without_unset(plain, verdict))
    if verdict.odds is not None and verdict.odds.block is None:
        for added_later in ("block", "ship_low", "ship_high", "block_low", "block_high"):
            plain["odds"].pop(added_later)
    for added_later in ("training", "self_approval", "evidence_digest"):
        if getattr(verdict.provenance, added_later) is None:
            plain["provenance"].pop(added_later)
    lineage = (plain["provenance"].get("training") or {}).get("lineage") or {}
    if not lineage.get("waivers"):
        lineage.pop("waivers", None)  # added later
    return msgspec.json.encode(_without_unset(plain, verdict))


def _without_unset(plain: dict[str, Any], verdict: Verdict) -> dict[str, Any]:
    """Without what a verdict of an earlier version does not have, so that it is encoded as that version did."""
    for added_later in ("controls", "form_only", "shown", "not_shown"):
        if not getattr(verdict, added_later):
            plain.pop(added_later)
    return plain


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
