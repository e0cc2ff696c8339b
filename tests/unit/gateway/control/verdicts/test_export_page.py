"""The exported page shows the whole record, runs nothing, and loads nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pytest

from fairtrial.domain.verdicts import verdict_json
from fairtrial.domain.verdicts.verdict import Provenance, Verdict
from gateway.control.verdicts.export_page import render
from tests.fixtures.control.exported_verdict import Exported, exported


class Seen(HTMLParser):
    """The words of a page, its elements, and its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self._hidden = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self._hidden = tag in ("style", "script")

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.texts.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.texts).split())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exported]:
    export = exported(tmp_path_factory.mktemp("exported"))
    yield export
    export.trial.close()


def test_it_shows_everything_that_an_auditor_asks_for(made: Exported) -> None:
    words, provenance = Seen(made.html).words, made.verdict.provenance
    assert provenance is not None
    (experiment,) = provenance.experiments
    entry, head = made.contents.entries[0], made.contents.entries[-1]
    for text in (
        "SHIP, approved by the person who asked for it (account rosa)",
        "tuned against base",
        "OFFICIAL",
        "openai/tuned",
        "openai/base",
        "fp-1",
        "The gate requires: release-manager.",
        *(finding.says for finding in made.verdict.findings),
        *made.verdict.runs,
        provenance.suites[0].digest,
        provenance.gate_sha256,
        "live.primary better than base",
        experiment.analysis_hash,
        provenance.asked_by,
        provenance.plan_hash,
        "duckdb",
        entry.hash,
        head.hash,
        json.loads(made.contents.record)["trail_head"]["hash"],
        "fairtrial verdict verify FILE.html",
    ):
        assert " ".join(str(text).split()) in words, text


def test_only_a_cell_with_a_long_word_may_break_inside_it(made: Exported) -> None:
    cells = re.findall(r"<td( class=\"long\")?>([^<]*)</td>", made.html)
    assert {bool(mark) for mark, _ in cells} == {True, False}
    assert [cell for mark, cell in cells if bool(mark) != any(len(word) > 26 for word in unescape(cell).split())] == []


def test_hostile_words_stay_words(made: Exported) -> None:
    seen = Seen(made.html)
    assert set(seen.tags).isdisjoint({"img", "iframe", "link", "a", "object", "base", "form"})
    assert {value for name, value in seen.attributes if name == "type"} == {"application/octet-stream"}
    names = {name for name, _ in seen.attributes}
    assert names == {
        "lang",
        "charset",
        "name",
        "content",
        "http-equiv",
        "class",
        "type",
        "id",
        "open",
        "scope",
        "tabindex",
    }
    assert "<img src=x onerror=alert(1)></script><script>alert(2)</script>" in seen.words


def changed(made: Exported, *, waiting: Sequence[str] = (), **fields: object) -> str:
    """The page of a verdict with another provenance; ``waiting``: whose approval its record lacks."""
    provenance, record = made.verdict.provenance, json.loads(made.contents.record)
    assert provenance is not None
    record["approvals"]["waiting"] = waiting
    if waiting:
        record["reads"] = f"SHIP, waiting for {', '.join(waiting)}"
    verdict: Verdict = replace(made.verdict, provenance=replace(provenance, **fields))  # type: ignore[arg-type]
    text = verdict_json.encode(verdict).decode()
    return render(replace(made.contents, verdict=text, record=json.dumps(record)))


def test_an_unofficial_ship_never_looks_official(made: Exported) -> None:
    why = "the official gate is another one"
    page = changed(made, official=False, unofficial_why=why)
    seen = Seen(page)
    assert "Unofficial SHIP" in seen.words and "OFFICIAL" not in seen.words.replace("UNOFFICIAL", "")
    assert f"UNOFFICIAL It can't release anything: {why}." in seen.words
    assert page.count("SHIP, approved") == page.count("Unofficial SHIP, approved") == 2


def test_approvals_that_are_missing_are_named(made: Exported) -> None:
    roles: tuple[object, ...] = ("release-manager", "admin")
    assert "SHIP, waiting for admin" in Seen(changed(made, waiting=["admin"], approvers=roles)).words


def test_the_title_names_both_models(made: Exported) -> None:
    title = "SHIP, approved by the person who asked for it (account rosa): tuned against base"
    assert f"<title>{title}</title>" in made.html and f"<h1>{title}</h1>" in made.html


def test_a_verdict_of_an_earlier_version_says_what_it_lacks(made: Exported) -> None:
    old = replace(made.verdict, provenance=None)
    contents = replace(made.contents, verdict=verdict_json.encode(old).decode(), evidence=None, chain=None)
    words = Seen(render(contents)).words
    assert "Unofficial SHIP" in words and "without a record of what it rests on" in words
    assert "no entry in the hash chain" in words
    assert isinstance(made.verdict.provenance, Provenance)
