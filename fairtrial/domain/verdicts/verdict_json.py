"""Encodes verdicts as JSON and decodes them. Each of the three kinds of evidence names its kind under ``is``."""

from dataclasses import dataclass, fields
from typing import Any

import msgspec

from fairtrial.domain.estimates import Comparison, Estimate, Evidence, NotEnough
from fairtrial.domain.verdicts.verdict import Verdict

KINDS: dict[str, type[Evidence]] = {"estimate": Estimate, "not_enough": NotEnough, "comparison": Comparison}
NAMES = {kind: name for name, kind in KINDS.items()}


@dataclass(frozen=True, slots=True)
class _WrittenComparison(Comparison):
    """A comparison whose difference names its kind; msgspec reads no union of dataclasses."""

    difference: Evidence  # type: ignore[assignment]


def encode(verdict: Verdict) -> bytes:
    """The verdict as a JSON object. One of an earlier version, without provenance, is encoded as that version did."""
    plain: dict[str, Any] = msgspec.to_builtins(verdict)
    for finding, written in zip(verdict.findings, plain["findings"], strict=True):
        written["evidence"] = _named(finding.evidence)
        if verdict.provenance is None:
            written.pop("safety")
    if verdict.provenance is None:
        for added_later in ("provenance", "odds", "conflicts"):
            plain.pop(added_later)
        return msgspec.json.encode(_without_unset(plain, verdict))
    if verdict.odds is not None:
        plain["odds"]["discordance"] = _named(verdict.odds.discordance)
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


def _named(evidence: Evidence | None) -> dict[str, Any] | None:
    if evidence is None:
        return None
    plain = {"is": NAMES[type(evidence)], **msgspec.to_builtins(evidence)}
    if isinstance(evidence, Comparison):
        plain["difference"] = _named(evidence.difference)
        if not evidence.rule:
            plain.pop("rule")  # added later; a comparison without one is encoded as before
    return plain


def decode(text: bytes | str) -> Verdict:
    """The inverse of `encode`; raises `msgspec.ValidationError` or `msgspec.DecodeError`."""
    return msgspec.json.decode(text, type=Verdict, dec_hook=read_evidence)


def read_evidence(kind: type, value: Any) -> Any:
    """The evidence in its JSON object, for types that have a `Verdict`; raises `ValueError`."""
    if kind is not Evidence or not isinstance(value, dict) or value.get("is") not in KINDS:
        raise ValueError(f"one of {', '.join(KINDS)} is required")
    named = KINDS[value["is"]]
    if named is not Comparison:
        return msgspec.convert(value, named)
    written = msgspec.convert(value, _WrittenComparison, dec_hook=read_evidence)
    return Comparison(**{field.name: getattr(written, field.name) for field in fields(Comparison)})
