"""`fairtrial report` writes what people read without fairtrial: all of it, in one file, and nothing personal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from xml.etree import ElementTree

import pytest

from fairtrial.domain.wording import TEXT_DELETED
from fairtrial.html_pages import REPLACEMENT, STYLE
from tests.fixtures.evaluators.support_runs import TARGETS as MODELS, write_support_project
from tests.fixtures.services import gate_project
from tests.fixtures.services.command import in_process
from tests.fixtures.services.project_files import free_ports
from tests.fixtures.store.maintenance_fixture import end, start_control

EMAIL, KEY, CARD = "rosa.diaz@customer.example", "sk-live51H8xJ2eZvKYlo2C", "4242 4242 4242 4242"
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script> \N{RIGHT-TO-LEFT OVERRIDE}gnp.exe"
CANARIES = f"Write to {EMAIL} with the key {KEY}, or pay with {CARD}."
TARGETS = MODELS[:3]
BASE, *CANDIDATES = (f"support-tickets@{target}" for target in TARGETS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Runs of three models; the first answers have personal data, and try to become markup."""
    made = tmp_path_factory.mktemp("report")
    addresses = "\n".join(
        f'{service}: {{bind: "127.0.0.1:{port}"}}'
        for service, port in zip(("gateway", "control", "dashboard"), free_ports(3), strict=True)
    )
    write_support_project(made, cases=60, targets=TARGETS, answers=(CANARIES, HOSTILE))
    with (made / "fairtrial.yaml").open("a") as file:
        file.write(addresses + "\n")
    return made


def report(folder: Path, *arguments: str) -> str:
    done = in_process("report", *arguments, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(folder: Path, *arguments: str) -> str:
    done = in_process("report", *arguments, cwd=folder)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    return done.stderr


def in_every_form(folder: Path, *options: str) -> list[str]:
    """The report on all runs as HTML, Markdown, JUnit XML and JSON."""
    files = {"--html": "r.html", "--markdown": "r.md", "--junit": "r.xml", "--json": "r.json"}
    report(folder, *CANDIDATES, BASE, *chain.from_iterable(files.items()), *options)
    return [(folder / name).read_text() for name in files.values()]


@pytest.fixture(scope="module")
def forms(folder: Path) -> list[str]:
    return in_every_form(folder)


def test_the_page_is_one_file_that_loads_nothing_and_begins_with_one_sentence(forms: list[str]) -> None:
    page = forms[0]
    assert not re.search(r"<script|<link|<iframe|@import|url\(|\bsrc=\"|style=\"", page.replace(STYLE, ""))
    assert set(re.findall(r'href="([^"]*)"', page)) <= {*re.findall(r'"(#[\w-]+)"', page)}
    heading = re.findall("<h1>(.*?)</h1>", page)
    assert len(heading) == 1 and heading[0].startswith("support-tickets, contains.accuracy against base (")
    assert [page.count(f">{target}") > 60 for target in TARGETS] == [True] * 3
    assert [number for number in range(60) if f"ticket-{number:04}" not in page] == []


def test_each_link_to_a_case_has_its_place(forms: list[str]) -> None:
    page = forms[0]
    links = re.findall(r'<a href="#(s1c\d+)">(ticket-\d+)</a>', page)
    assert links
    for place, case in links:
        assert re.search(rf'id="{place}">\s*<h4>{case}', page), (place, case)


def test_personal_data_and_secrets_are_masked_and_counted_in_every_form(forms: list[str]) -> None:
    found = [(at, canary) for at, text in enumerate(forms) for canary in (EMAIL, KEY, CARD, "4242") if canary in text]
    assert found == []
    count = "Masked in what is shown: 3 e-mail addresses, 3 API keys, 3 card numbers."
    assert count in forms[0] and count.replace("-", "\\-") in forms[1].replace("e-mail", "e\\-mail")
    assert json.loads(forms[3])["masked"] == {"email": 3, "key": 3, "card": 3}
    assert "Write to [email] with the key [key], or pay with [card]." in forms[0]


@pytest.mark.release("stories")
def test_texts_are_shown_in_full_or_left_out_if_asked(folder: Path) -> None:
    full = in_every_form(folder, "--with-texts")
    assert EMAIL in full[0] and KEY in full[0] and CARD in full[2] and "are not masked" in full[0]
    without = in_every_form(folder, "--without-texts")
    assert [text for text in without if re.search(r"Write to|onerror|parcel|arrange a|HTTP 503", text)] == []
    assert "ticket-0000" in without[0] and "left out of this report" in without[0]
    assert "exclude each other" in refused(folder, BASE, "--with-texts", "--without-texts")


def test_unsafe_text_is_shown_as_text(forms: list[str]) -> None:
    page, markdown, junit, _ = forms
    assert f"&lt;img src=x onerror=alert(1)&gt;&lt;script&gt;alert(2)&lt;/script&gt; {REPLACEMENT}gnp.exe" in page
    assert "<img" not in page + markdown
    assert "<script>alert(2)</script>" in "".join(ElementTree.fromstring(junit).itertext())


def test_junit_has_a_test_case_for_each_case_and_candidate(forms: list[str]) -> None:
    root = ElementTree.fromstring(forms[2].encode())
    suites = {suite.attrib["name"]: suite for suite in root.findall("testsuite")}
    assert list(suites) == [f"support-tickets.{target}" for target in TARGETS[1:]]
    assert [len(suite.findall("testcase")) for suite in suites.values()] == [60] * 2
    lost = root.findall(".//failure")
    assert int(root.attrib["failures"]) == len(lost) > 0
    assert {one.attrib["type"] for one in lost} == {"lost"}


def test_markdown_is_printed_without_a_file_and_has_only_what_changed(folder: Path) -> None:
    printed = report(folder, *CANDIDATES, BASE)
    assert printed.startswith("## support-tickets, contains.accuracy against base")
    assert printed == report(folder, *CANDIDATES, "--baseline", BASE, "--markdown")
    assert "ticket-0050" not in printed.partition("<details>")[2]
    assert "Noise floor: " in printed


def test_one_run_is_reported_alone(folder: Path) -> None:
    assert report(folder, BASE).startswith("## support-tickets on base: contains.accuracy is ")
    report(folder, BASE, "--junit", "one.xml", "--html", "one.html")
    failed = {one.attrib["type"] for one in ElementTree.parse(folder / "one.xml").findall(".//failure")}
    assert failed == {"wrong"}
    assert "Every case side by side" in (folder / "one.html").read_text()


def test_a_file_is_replaced_as_a_whole_and_a_wrong_name_writes_nothing(folder: Path) -> None:
    target, link = folder / "kept.html", folder / "link.html"
    target.write_text("old")
    said = refused(folder, "suport-tickets@base", BASE, "--html", "kept.html")
    assert said.count("\n") == 1 and "support-tickets@base" in said
    link.symlink_to(target)
    assert "link.html is a link" in refused(folder, *CANDIDATES, BASE, "--html", "link.html")
    assert target.read_text() == "old"
    report(folder, *CANDIDATES, BASE, "--html", "kept.html")
    assert target.read_text().startswith("<!doctype html>")
    assert list(folder.glob(".kept.html*")) == []
    assert "there is no folder" in refused(folder, BASE, "--html", "nowhere/r.html")
    assert "it is not a regular file" in refused(folder, BASE, "--html", "/dev/null")


@pytest.mark.release("stories")
def test_control_gives_the_same_report_as_the_store_itself(folder: Path) -> None:
    direct = report(folder, *CANDIDATES, BASE)
    process = start_control(folder, "store.duckdb")
    try:
        assert report(folder, *CANDIDATES, BASE) == direct
    finally:
        end(process)


@pytest.fixture
def judged(tmp_path: Path) -> Path:
    """A gate's BLOCK on runs with 120 and 60 of 200 right; three answers of the newer one are missing."""
    gate_project.write_gate_project(tmp_path)
    gate_project.record(tmp_path, "base", 120)
    gate_project.record(tmp_path, "tuned", 60, errors=3)
    done = gate_project.gate(tmp_path, "--json", "verdict.json")
    assert done.returncode == 1, done.stderr
    return tmp_path


def test_a_verdict_is_reported_with_all_its_runs(judged: Path) -> None:
    verdict = json.loads((judged / "verdict.json").read_text())
    report(judged, verdict["verdict_id"][:20], "--html", "v.html", "--junit", "v.xml", "--markdown", "v.md")
    page, markdown = (judged / "v.html").read_text(), (judged / "v.md").read_text()
    assert f"<h1>Unofficial {verdict['headline']}" in page.replace("&#39;", "'")
    assert all(run in page for run in verdict["runs"])
    assert page.index("What decided") < page.index("small against base") < page.index("Every case side by side")
    assert markdown.index("### What decided") < markdown.index("### small against base")
    assert ElementTree.parse(judged / "v.xml").findall(".//failure[@type='BLOCK']")


def test_deleted_texts_are_marked_as_deleted(judged: Path) -> None:
    later = "--days", "1"
    gate_project.record(judged, "base", 119, at_us=1_600_000_000_000_000)
    gate_project.record(judged, "tuned", 118, at_us=1_600_000_000_000_000)
    assert in_process("store", "retain", *later, cwd=judged).returncode == 0
    report(judged, "0199-tuned-118", "0199-base-119", "--html", "d.html")
    assert (judged / "d.html").read_text().count(TEXT_DELETED) >= 400


@pytest.mark.release("stories")
def test_runs_of_two_suites_need_the_baseline_of_each(judged: Path) -> None:
    other = (judged / "suite.yaml").read_text().replace("suite: small", "suite: other")
    (judged / "suite.yaml").write_text(other)
    gate_project.record(judged, "tuned", 99)
    said = refused(judged, "other@tuned", "small@tuned", "small@base")
    assert "suite other: name also its run on base" in said
    gate_project.record(judged, "base", 121)
    printed = report(judged, "other@tuned", "other@base", "small@tuned", "small@base")
    assert "### small against base" in printed and "### other against base" in printed
