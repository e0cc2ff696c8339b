"""Renders the export of a verdict: one HTML page for print, with the stored verdict and its evidence embedded.

The page follows from its embedded parts alone, so that a check without a store can render it again and compare.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairtrial.domain.storage import verdict_json
from fairtrial.domain.verdict import Verdict
from fairtrial.domain.verdicts.approvals import Approval, ApprovalState, approval_state, reads_as, vote_note
from fairtrial.domain.verdicts.wording import standing_word, titled
from gateway.control.operations.verdicts.export.contents import ExportContents
from gateway.control.operations.verdicts.export.markup import element, moment, paragraph, section, table, terms, text
from gateway.control.operations.verdicts.export.parsing import embed
from gateway.control.operations.verdicts.export.sections import evidence_sections, findings_sections, models_section

STYLE = Path(__file__).with_name("style.css")
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
COMMAND = "fairtrial verdict verify FILE.html"
BEFORE = (
    "To check this page, save it as a file, then run this command on any machine with fairtrial. It needs neither the "
    "store nor a network."
)
AFTER = (
    "It computes the SHA-256 of the embedded verdict and evidence, compares them with the chain entry, follows the "
    "chain to its head, and renders this page again. Then compare the head with one that you kept from another time, "
    "or got from another person. Only that shows that nobody replaced the whole chain."
)
NOT_PROVEN = (
    "Approvals, releases and the reasons why a verdict no longer stands are not part of the chain entry. This page "
    "shows them as the store had them at the time of the export. On the machine with the store, `fairtrial verdict "
    "verify` checks them against the audit trail. The head of the trail, which this page shows, proves later that "
    "the trail before it was not replaced."
)


@dataclass(frozen=True, slots=True)
class Printed:
    """What the page shows: the verdict, the state of its approvals, and the rest of the record."""

    verdict: Verdict
    state: ApprovalState
    record: dict[str, Any]

    @property
    def title(self) -> str:
        """How the verdict reads; an unofficial one says so."""
        return titled(reads_as(self.verdict.decision, self.state), official=self.verdict.official)


def render(contents: ExportContents) -> str:
    """The page; raises `ValueError`, `TypeError` or `KeyError` for contents that the store never had."""
    printed = _printed(contents)
    verdict, record = printed.verdict, printed.record
    name = f"{printed.title}: {verdict.candidate} against {verdict.baseline}"
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="content-security-policy" content="{POLICY}">'
        f"<title>{text(name)}</title><style>\n{STYLE.read_text(encoding='utf-8')}</style>"
    )
    body = "\n".join(
        [
            _header(printed),
            *_warnings(printed),
            paragraph(titled(verdict.headline, official=verdict.official)),
            models_section(verdict),
            section("Approvals", *_approvals(printed)),
            *findings_sections(verdict),
            *evidence_sections(verdict, record),
            section("Where it was used", _releases(record)),
            section("Integrity", *_integrity(contents, record["trail_head"])),
        ]
    )
    parts = "\n".join(embed(name, content) for name, content in _parts(contents))
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}</head>\n'
        f'<body class="{standing_word(official=verdict.official)}">\n{body}\n{parts}\n</body></html>\n'
    )


def _printed(contents: ExportContents) -> Printed:
    verdict = verdict_json.decode(contents.verdict)
    record = json.loads(contents.record)
    votes = tuple(Approval(**one) for one in record["approvals"]["votes"])
    return Printed(verdict, approval_state(verdict.approvers, votes), record)


def _parts(contents: ExportContents) -> Iterator[tuple[str, bytes]]:
    yield "record", contents.record.encode()
    yield "verdict", contents.verdict.encode()
    if contents.evidence is not None and contents.chain is not None:
        yield "evidence", contents.evidence
        yield "chain", contents.chain.encode()


def _header(printed: Printed) -> str:
    verdict, record = printed.verdict, printed.record
    made = f"exported {moment(record['now_us'])} by fairtrial {record['program']}"
    brand = element("p", element("span", "fairtrial · release record"), element("span", text(made)), kind="brand")
    word, _, why = verdict.standing.partition(": ")
    mark = element("p", element("span", text(word.upper()), kind="mark"), text(f" {why}" if why else ""))
    about = f"Gate {verdict.gate} · judged {moment(verdict.at_us)} · verdict {verdict.verdict_id}"
    against = element("p", element("strong", text(f"{verdict.candidate} against {verdict.baseline}")))
    return element("header", brand, element("h1", text(printed.title)), against, mark, paragraph(about, kind="dim"))


def _warnings(printed: Printed) -> Iterator[str]:
    yield from (paragraph(f"No longer stands: {reason}", kind="warning") for reason in printed.record["stale"])
    yield from (paragraph(f"Conflict: {one}", kind="warning") for one in printed.verdict.conflicts)


def _approvals(printed: Printed) -> Iterator[str]:
    required, state = printed.verdict.approvers, printed.state
    words = f"The gate requires: {', '.join(required)}." if required else "The gate requires no approval."
    if printed.verdict.decision != "SHIP":
        words += " Only a SHIP can be approved."
    elif state.waiting:
        words += f" Still missing: {', '.join(state.waiting)}."
    yield paragraph(words)
    rows = [
        (vote.vote, vote.actor, vote.role, moment(vote.at_us), vote.why, vote_note(vote.involved, vote.barred))
        for vote in state.votes
    ]
    yield table(("vote", "who", "role", "when", "why", "note"), rows)


def _releases(record: dict[str, Any]) -> str:
    rows = [
        (
            _action(one),
            one["experiment"],
            one["actor"],
            str(one["at_time"])[:19].replace("T", " ") + " UTC",
            one["why"],
        )
        for one in record["releases"]
    ]
    found = table(("action", "experiment", "who", "when", "why"), rows)
    return found or paragraph("No release has used this verdict so far.")


def _action(release: dict[str, Any]) -> str:
    evidence = json.loads(release["evidence"] or "{}")
    missing = "; ".join(evidence.get("missing", ()))
    overridden = evidence.get("override")
    return f"{release['action']}, although something was missing: {missing}" if overridden else str(release["action"])


def _integrity(contents: ExportContents, trail_head: dict[str, Any] | None) -> Iterator[str]:
    entries = contents.entries
    if not entries or contents.evidence is None:
        yield paragraph("An earlier version judged this verdict. It has no evidence and no entry in the hash chain.")
        return
    own, head = entries[0], entries[-1]
    rows = [
        ("number of the chain entry", own.number),
        ("verdict", own.verdict_id),
        ("time", moment(own.at_us)),
        ("SHA-256 of the verdict", own.verdict_sha256),
        ("SHA-256 of the evidence", own.evidence_sha256),
        ("hash of the entry before", own.previous or "none, because this is the first entry"),
        ("hash of the entry", own.hash),
        ("HEAD of the chain: number", head.number),
        ("HEAD of the chain: hash", head.hash),
    ]
    if trail_head is not None:
        rows.append(("HEAD of the audit trail: number", trail_head["number"]))
        rows.append(("HEAD of the audit trail: hash", trail_head["hash"]))
    yield terms(rows)
    yield paragraph(BEFORE)
    yield element("pre", text(COMMAND))
    yield paragraph(AFTER)
    yield paragraph(f"SHA-256 of the record of this export: {contents.record_sha256}", kind="dim")
    yield paragraph(NOT_PROVEN, kind="dim")
