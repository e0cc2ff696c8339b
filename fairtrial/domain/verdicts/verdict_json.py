"""Encodes verdicts as JSON and decodes them."""

from dataclasses import replace
from typing import Any

import msgspec

from fairtrial.domain.estimates import named_evidence, read_evidence
from fairtrial.domain.verdicts.verdict import Finding, Verdict
from fairtrial.domain.verdicts.verdict_wording import is_unasked


def encode(verdict: Verdict) -> bytes:
    """The verdict as a JSON object."""
    return msgspec.json.encode(plain_values(verdict))


def plain_values(verdict: Verdict) -> dict[str, Any]:
    """The values of the JSON object. One of an earlier version, without provenance, has the form of that version."""
    plain: dict[str, Any] = msgspec.to_builtins(verdict)
    for finding, written in zip(verdict.findings, plain["findings"], strict=True):
        written["evidence"] = named_evidence(finding.evidence)
        drop_unset(written)
        if verdict.provenance is None:
            written.pop("safety")
    if verdict.provenance is None:
        for added_later in ("provenance", "odds", "conflicts"):
            plain.pop(added_later)
        return _without_unset(plain, verdict)
    if verdict.odds is not None:
        plain["odds"]["discordance"] = named_evidence(verdict.odds.discordance)
    if verdict.odds is not None and verdict.odds.block is None:
        for added_later in ("block", "ship_low", "ship_high", "block_low", "block_high"):
            plain["odds"].pop(added_later)
    for added_later in ("training", "self_approval", "evidence_digest"):
        if getattr(verdict.provenance, added_later) is None:
            plain["provenance"].pop(added_later)
    lineage = (plain["provenance"].get("training") or {}).get("lineage") or {}
    if not lineage.get("waivers"):
        lineage.pop("waivers", None)  # added later
    return _without_unset(plain, verdict)


def drop_unset(finding: dict[str, Any]) -> None:
    """Remove the fields of a written finding that earlier versions do not have, where they are not set."""
    for added_later in ("short", "notable"):
        if finding[added_later] in ("", None):
            finding.pop(added_later)


def _without_unset(plain: dict[str, Any], verdict: Verdict) -> dict[str, Any]:
    """Without what a verdict of an earlier version does not have, so that it is encoded as that version did."""
    for added_later in ("controls", "form_only", "shown", "not_shown"):
        if not getattr(verdict, added_later):
            plain.pop(added_later)
    return plain


def decode(text: bytes | str) -> Verdict:
    """The inverse of `encode`; raises `msgspec.ValidationError` or `msgspec.DecodeError`."""
    verdict = msgspec.json.decode(text, type=Verdict, dec_hook=read_evidence)
    return replace(verdict, findings=tuple(map(_with_change, verdict.findings)))


def _with_change(finding: Finding) -> Finding:
    """The finding with the fields that replace the end of its sentence, which said whether a signal is notable.

    Earlier versions wrote only the sentence.
    """
    if not is_unasked(finding) or finding.notable is not None:
        return finding
    says = finding.says.removesuffix(": not notable").removesuffix(": notable")
    short = says.removeprefix(f"{finding.source}: ").partition(" (")[0]
    return replace(finding, says=says, short=short, notable=finding.says.endswith(": notable"))
