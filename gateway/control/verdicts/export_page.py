"""Renders the export of a verdict: one HTML page for print, with the stored verdict and its evidence embedded."""

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec
from msgspec.structs import asdict

from evaluators.results.evidence_table import strict_json_of
from fairtrial import html_pages
from fairtrial.api.verdict_answers import ChainEntry, ChainHead, ChainPlace, RecordParts
from fairtrial.document.html import html
from fairtrial.document.values import Block, Sentence, Texts
from fairtrial.documents.release_record import describe_record
from fairtrial.domain.verdicts import verdict_json

FORM = 2
"""The number of the form of the page. Form 1 has no number."""
SAVE_AND_RUN = (
    "To check this page, save it as a file, then run this command on any machine with fairtrial. It needs neither the "
    "store nor a network."
)
WHAT_IS_CHECKED = (
    "It computes the SHA-256 of the embedded verdict and evidence, compares them with the chain entry, follows the "
    "chain to its head, and renders this page again. Then compare the head with one that you kept from another time, "
    "or got from another person. Only that shows that nobody replaced the whole chain."
)
WHAT_IS_NOT_CHAINED = (
    "Approvals, releases and the reasons why a verdict no longer stands are not part of the chain entry. This page "
    "shows them as the store had them at the time of the export. On the machine with the store, `fairtrial verdict "
    "verify` checks them against the audit trail. The head of the trail, which this page shows, proves later that the "
    "trail before it was not replaced."
)


def render(contents: "ExportContents") -> str:
    """The page; raises `ValueError`, `TypeError` or `KeyError` for contents that the store never had.

    The page follows from its embedded parts alone, so that a check without a store can render it again and compare.
    """
    verdict = verdict_json.decode(contents.verdict)
    record = msgspec.json.decode(contents.record, type=ExportedRecord)
    document = describe_record(verdict, record, _place(contents), end=_how_to_check(contents))
    made = f"exported {html_pages.moment(record.now_us)} by fairtrial {record.program}"
    parts = tuple((name, base64.b64encode(content).decode()) for name, content in _parts(contents))
    return html(document, brand="release record", made=made, parts=parts)


def _place(contents: "ExportContents") -> ChainPlace | None:
    """The verdict's place in the chain that is embedded."""
    entries = contents.entries
    if not entries or contents.evidence is None:
        return None
    return ChainPlace(**asdict(entries[0]), head=ChainHead(number=entries[-1].number, hash=entries[-1].hash))


def _how_to_check(contents: "ExportContents") -> Iterator[Block]:
    if _place(contents) is None:
        return
    yield Sentence(SAVE_AND_RUN)
    yield Texts((("", "fairtrial verdict verify FILE.html"),))
    yield Sentence(WHAT_IS_CHECKED)
    yield Sentence(f"SHA-256 of the record of this export: {contents.record_sha256}", "quiet")
    yield Sentence(WHAT_IS_NOT_CHAINED, "quiet")


def _parts(contents: "ExportContents") -> Iterator[tuple[str, bytes]]:
    yield "record", contents.record.encode()
    yield "verdict", contents.verdict.encode()
    if contents.evidence is not None and contents.chain is not None:
        yield "evidence", contents.evidence
        yield "chain", contents.chain.encode()


class ExportedRecord(RecordParts, frozen=True, kw_only=True):
    """The release record at the time of the export. ``program``: the version that made the page, in this ``form``."""

    program: str
    form: int = 1


@dataclass(frozen=True, slots=True)
class ExportContents:
    """The parts of an export as text and bytes, exactly as they are embedded.

    ``verdict``: the stored JSON. ``evidence``: the stored bytes. ``chain``: JSON with the verdict's own entry of the
    hash chain and every later one, so that its last entry is the head. The last two are ``None`` for a verdict of an
    earlier version. ``record``: JSON with the rest of the release record at the time of the export.
    """

    verdict: str
    record: str
    evidence: bytes | None = None
    chain: str | None = None

    @property
    def record_sha256(self) -> str:
        """The digest of the record, which the page shows."""
        return hashlib.sha256(self.record.encode()).hexdigest()

    @property
    def entries(self) -> tuple[ChainEntry, ...]:
        """The verdict's own entry of the chain and the later ones; raises `ValueError` or `TypeError`."""
        return () if self.chain is None else tuple(ChainEntry(**entry) for entry in json.loads(self.chain))

    @property
    def evidence_text(self) -> str | None:
        """The evidence as JSON; raises `UnreadableEvidence`."""
        return None if self.evidence is None else strict_json_of(self.evidence)


def chain_text(entries: Sequence[ChainEntry]) -> str:
    """Entries of the chain as JSON, one on each line. Equal entries always give equal text."""
    return "[\n" + ",\n".join(json.dumps(asdict(entry), separators=(",", ":")) for entry in entries) + "\n]\n"
