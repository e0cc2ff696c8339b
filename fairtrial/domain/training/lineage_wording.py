"""Words a candidate's lineage and audit for terminals and pages, from the JSON of a verdict's provenance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from fairtrial.domain.wording import counted

Row = Mapping[str, Any]


def lineage_terms(training: Row) -> list[tuple[str, str]]:
    """Names and values of the lineage; only the deployment if it declares none."""
    lineage = training["lineage"]
    if lineage is None:
        return [("deployment", training["deployment"]), ("lineage", "the deployment declares none")]
    settings = ", ".join(f"{name} {value}" for name, value in lineage["hyperparameters"].items())
    terms = [
        ("deployment", training["deployment"]),
        ("trained from", lineage["base"]),
        ("method", lineage["method"]),
        ("settings", settings),
        ("training job", lineage["job"] or ""),
        ("trained on", lineage["at"] or ""),
        ("cost of the training", "unknown" if lineage["cost"] is None else dollars(lineage["cost"])),
        ("training log", lineage["log"] or ""),
    ]
    return [(name, value) for name, value in terms if value]


def data_rows(training: Row) -> list[tuple[str, str, str]]:
    """Path, role and SHA-256 of each file; the digest is known only if a rule of the gate read the audit."""
    present = {(one["role"], one["path"]): one["sha256"] or one["wrong"] for one in training["files"]}
    lineage = training["lineage"]
    if lineage is None:
        return []
    named = [(path, role) for role, key in (("train", "data"), ("validation", "validation")) for path in lineage[key]]
    return [(path, role, present.get((role, path), "not read")) for path, role in named]


def audit_sentence(training: Row) -> str:
    """The audit that was judged, with what it found; empty if no rule reads audits."""
    audit = training["audit"]
    if audit is None:
        return "" if not training["files"] else "No audit of exactly these files is stored."
    found = ", ".join(_counts(audit["counts"])) or "nothing above info"
    at = f"{datetime.fromtimestamp(audit['at_us'] / 1e6, UTC):%Y-%m-%d %H:%M} UTC"
    took = f"{audit['seconds']:.1f} seconds, version {audit['version']} of the checks"
    return f"Audit {audit['audit_id']} by {audit['actor']} on {at} ({took}) finds {found}."


def dollars(amount: float) -> str:
    """An amount of US dollars, such as ``$1,200.50``."""
    return f"${amount:,.2f}"


def _counts(counts: list[Row]) -> Iterator[str]:
    for one in counts:
        if one["severity"] != "info":
            yield f"{one['check']} ({one['severity']}, {counted(one['rows'], 'row')})"
