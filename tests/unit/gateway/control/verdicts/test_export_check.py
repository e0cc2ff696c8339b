"""An export is checked without a store, and one changed byte of any part of it is found."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import zlib
from collections.abc import Iterator
from dataclasses import replace
from math import inf, nan
from pathlib import Path

import msgspec
import pytest

from evaluators.results.evidence_table import strict_json_of, text_of
from fairtrial.api.verdict_answers import ChainHead
from fairtrial.domain.errors import UsageError
from gateway.control.verdicts import export_check
from gateway.control.verdicts.export_check import ExportCheck, check_export, write_folder
from gateway.control.verdicts.export_page import ExportContents, chain_text, render
from tests.fixtures.control.exported_verdict import Exported, exported
from tests.fixtures.for_each import for_each

PROVEN = ("verdict", "evidence", "chain")
"""The parts that the chain covers; the page says that it does not cover the record."""
DAMAGE = (ValueError, TypeError, KeyError, AttributeError, msgspec.MsgspecError)
FILES = (
    "verdict.json",
    "evidence.bin",
    "evidence.json",
    "chain.json",
    "gate.yaml",
    "suites/small.json",
    "verdict.html",
)
FLIPS = 60
"""Places of each part at which a byte is flipped."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exported]:
    export = exported(tmp_path_factory.mktemp("exported"))
    yield export
    export.trial.close()


def checked(path: Path, content: bytes) -> ExportCheck:
    path.write_bytes(content)
    return check_export(path)


def places(start: int, end: int) -> list[int]:
    """Evenly spread, with both ends."""
    step = max(1, (end - start) // FLIPS)
    return sorted({*range(start, end, step), end - 1})


def test_an_export_is_intact_and_names_what_it_shows_and_its_head(made: Exported, tmp_path: Path) -> None:
    check = checked(tmp_path / "v.html", made.html.encode())
    assert check.problems == [] and check.notes == []
    assert check.intact is True
    last = made.contents.entries[-1]
    assert last.number == 3 and check.head == ChainHead(number=3, hash=last.hash)
    shows = check.shows
    assert shows is not None
    assert (shows.decision, shows.verdict_id, shows.official) == ("SHIP", made.verdict.verdict_id, True)


@pytest.mark.parametrize("part", [*PROVEN, "record"])
def test_a_flipped_byte_in_an_embedded_part_is_found(made: Exported, tmp_path: Path, part: str) -> None:
    match = re.search(f'id="fairtrial-{part}">([^<]*)<', made.html)
    assert match is not None
    content = made.html.encode()
    offset = len(made.html[: match.start(1)].encode())
    for at in places(offset, offset + len(match.group(1))):
        flipped = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        assert not checked(tmp_path / "v.html", flipped).intact, at


@pytest.mark.parametrize("part", PROVEN)
def test_so_is_one_that_was_flipped_before_the_page_was_rendered(made: Exported, tmp_path: Path, part: str) -> None:
    content = getattr(made.contents, part)
    raw = content if isinstance(content, bytes) else content.encode()
    for at in places(0, len(raw)):
        flipped = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        page = embedded(made, part, flipped)
        assert not checked(tmp_path / "v.html", page.encode()).intact, at


def embedded(made: Exported, part: str, content: bytes) -> str:
    """The page with other bytes in one part, rendered again if it can be read, so that only the chain finds it."""
    try:
        given = content if part == "evidence" else content.decode()
        return render(replace(made.contents, **{part: given}))  # type: ignore[arg-type]
    except DAMAGE:
        encoded = base64.b64encode(content).decode()
        return re.sub(f'(id="fairtrial-{part}">)[^<]*', rf"\g<1>{encoded}", made.html)


def test_a_flipped_byte_of_the_visible_page_is_found(made: Exported, tmp_path: Path) -> None:
    content = made.html.encode()
    visible = content.index(b"<script")
    for at in places(0, visible):
        flipped = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        assert not checked(tmp_path / "v.html", flipped).intact, at


def test_another_spelling_of_the_same_bytes_is_found(made: Exported, tmp_path: Path) -> None:
    page = re.sub('(id="fairtrial-verdict">....)', "\\1\n", made.html)
    assert not checked(tmp_path / "v.html", page.encode()).intact
    padded = re.search('id="fairtrial-[a-z]+">[^<]*?([A-Za-z0-9+/])==<', made.html)
    if padded is not None:  # the unused bits of the last character
        at = padded.start(1)
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        flipped = alphabet[alphabet.index(made.html[at]) ^ 1]
        page = made.html[:at] + flipped + made.html[at + 1 :]
        assert not checked(tmp_path / "v.html", page.encode()).intact


def test_an_entry_with_a_matching_new_hash_does_not_lead_to_the_head(made: Exported, tmp_path: Path) -> None:
    verdict = made.contents.verdict.replace('"tuned"', '"tuner"')
    own = made.contents.entries[0]
    forged = msgspec.structs.replace(own, verdict_sha256=hashlib.sha256(verdict.encode()).hexdigest())
    forged = msgspec.structs.replace(forged, hash=forged.expected_hash())
    entries = [forged, *made.contents.entries[1:]]
    contents = replace(made.contents, verdict=verdict, chain=chain_text(entries))
    problems = checked(tmp_path / "v.html", render(contents).encode()).problems
    assert problems == ["entry 2 of the chain does not follow entry 1"]


def test_a_folder_has_each_part_as_stored_and_is_intact(made: Exported, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write_folder(made.html, folder)
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) == sorted(FILES)
    ((stored, evidence),) = made.trial.database.rows(
        "SELECT v.verdict::VARCHAR, r.evidence FROM verdicts v JOIN verdict_records r USING (verdict_id) "
        "WHERE verdict_id = $1",
        (made.verdict.verdict_id,),
    )
    assert (folder / "verdict.json").read_text() == stored
    assert (folder / "evidence.bin").read_bytes() == bytes(evidence)
    assert (folder / "gate.yaml").read_text() == made.trial.gate.read_text()
    assert check_export(folder).problems == []


def test_the_evidence_of_a_folder_is_strict_json_and_as_stored_in_binary(made: Exported, tmp_path: Path) -> None:
    assert made.contents.evidence is not None
    stored = json.loads(zlib.decompress(made.contents.evidence))
    odd = {"nothing": nan, "more": [inf, -inf, 1.5, 10**30, "NaN"]}
    evidence = zlib.compress(json.dumps(stored | odd).encode())
    entry = msgspec.structs.replace(made.contents.entries[-1], evidence_sha256=hashlib.sha256(evidence).hexdigest())
    entry = msgspec.structs.replace(entry, verdict_sha256=hashlib.sha256(made.contents.verdict.encode()).hexdigest())
    entry = msgspec.structs.replace(entry, verdict_id=made.verdict.verdict_id)
    entry = msgspec.structs.replace(entry, hash=entry.expected_hash())
    contents = replace(made.contents, evidence=evidence, chain=chain_text([entry]))
    write_folder(render(contents), tmp_path / "out")
    assert check_export(tmp_path / "out").problems == []
    assert (tmp_path / "out" / "evidence.bin").read_bytes() == evidence
    text = (tmp_path / "out" / "evidence.json").read_text()
    content = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert content == stored | {"nothing": "NaN", "more": ["Infinity", "-Infinity", 1.5, 10**30, "NaN"]}
    assert strict_json_of(evidence) == text
    assert text_of(evidence) != text


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_byte_in_any_file_of_a_folder_is_found(made: Exported, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "out"
    write_folder(made.html, folder)
    content = (folder / name).read_bytes()
    for at in places(0, len(content))[::6]:
        (folder / name).write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        assert not check_export(folder).intact, at
    (folder / name).write_bytes(content)
    assert check_export(folder).intact
    (folder / name).unlink()
    assert not check_export(folder).intact


@for_each("name", FILES)
def test_a_changed_or_missing_file_of_a_folder_is_named(made: Exported, tmp_path: Path, name: str) -> None:
    folder = tmp_path / name.replace("/", "-")
    write_folder(made.html, folder)
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:-3] + b"?" + content[-2:])
    changed = problems_of(folder)
    (folder / name).unlink()
    missing = problems_of(folder)
    if name == "verdict.html":
        assert len(changed) == 1 and changed[0].startswith("verdict.html: the visible page was changed")
        assert len(missing) == 1 and "verdict.html: it can't be read" in missing[0]
    else:
        assert changed == [f"{name} was changed: it differs from what verdict.html contains"]
        assert missing == [f"{name} is missing"]


def test_several_changes_of_a_folder_are_all_named(made: Exported, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write_folder(made.html, folder)
    (folder / "evidence.bin").write_bytes(b"x")
    (folder / "chain.json").unlink()
    (folder / "suites" / "more.json").write_text("{}")
    (folder / "notes").mkdir()
    (folder / "notes" / "read me.txt").write_text("trust me")
    (folder / "gate.yaml").unlink()
    (folder / "gate.yaml").symlink_to(made.trial.gate)
    assert problems_of(folder) == [
        "gate.yaml was replaced: it is not a file",
        "evidence.bin was changed: it differs from what verdict.html contains",
        "chain.json is missing",
        "notes was added: the export does not have it",
        "notes/read me.txt was added: the export does not have it",
        "suites/more.json was added: the export does not have it",
    ]


def problems_of(folder: Path) -> list[str]:
    check = check_export(folder)
    assert check.intact is (check.problems == [])
    return list(check.problems)


def test_a_folder_with_something_in_it_is_not_overwritten(made: Exported, tmp_path: Path) -> None:
    shutil.copy(made.trial.gate, tmp_path / "mine.yaml")
    with pytest.raises(UsageError, match="is not empty"):
        write_folder(made.html, tmp_path)


def test_an_export_without_a_chain_proves_nothing(made: Exported, tmp_path: Path) -> None:
    bare = ExportContents(made.contents.verdict, made.contents.record)
    check = checked(tmp_path / "v.html", render(bare).encode())
    assert check.problems == [export_check.NO_ENTRY]


def test_the_page_of_another_version_is_checked_if_it_has_the_same_form(made: Exported, tmp_path: Path) -> None:
    record = json.loads(made.contents.record) | {"program": "0.0.1"}
    contents = replace(made.contents, record=json.dumps(record))
    page = render(contents)
    assert checked(tmp_path / "v.html", page.encode()).intact
    changed = checked(tmp_path / "v.html", page.replace("tuned against base", "base against tuned").encode())
    assert "the visible page was changed" in str(changed.problems)


def test_the_page_of_another_form_is_not_vouched_for(made: Exported, tmp_path: Path) -> None:
    record = json.loads(made.contents.record)
    del record["form"]
    contents = replace(made.contents, record=json.dumps(record))
    check = checked(tmp_path / "v.html", render(contents).encode())
    assert (check.intact, check.problems) == (False, [])
    assert "made the page in form 1; this version knows form 2" in check.unknown_form
    assert "trust only what is printed here" in str(check.notes)


@pytest.mark.parametrize("content", [b"", b"<html></html>", b"\xff\xfe", b'<script type="application/octet-stream"'])
def test_something_else_is_no_export(tmp_path: Path, content: bytes) -> None:
    assert not checked(tmp_path / "v.html", content).intact
    with pytest.raises(UsageError, match="can't be read"):
        check_export(tmp_path / "nothing.html")
