"""Checks that every relative link resolves, and that every page can be reached from the index."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.fixtures.docs.pages import ROOT, anchors, links, name, pages, prose

MAP = ROOT / "docs" / "index.md"
ARCHITECTURE = ROOT / "docs" / "architecture.md"


def broken_links(page: Path) -> Iterator[str]:
    for file, anchor in links(page):
        target = (page.parent / file).resolve() if file else page
        if not target.exists():
            yield f"{file} does not exist"
        elif anchor and target.suffix == ".md" and anchor not in anchors(target):
            yield f"{file}#{anchor} is not a heading ({', '.join(sorted(anchors(target)))})"


def test_every_relative_link_and_anchor_resolves() -> None:
    broken = [f"{name(page)}: {problem}" for page in pages() for problem in broken_links(page)]
    assert not broken, "\n".join(broken)


def test_every_page_is_reached_from_the_map() -> None:
    reached, front = {MAP}, [MAP]
    while front:
        page = front.pop()
        named = {(page.parent / file).resolve() for file, _ in links(page) if file}
        found = {inside for one in named if one.is_dir() for inside in one.glob("*.md")}
        found |= {one for one in named if one.suffix == ".md"}
        front += found - reached
        reached |= found
    assert {name(page) for page in pages()} - {name(page) for page in reached if page.is_relative_to(ROOT)} == set()


def test_every_word_of_the_glossary_is_linked_from_where_it_is_used() -> None:
    words = ROOT / "docs/glossary.md"
    text = words.read_text(encoding="utf-8")
    wanted = {
        re.sub(r"[^\w\- ]", "", line[4:].lower()).replace(" ", "-")
        for line in text.splitlines()
        if line.startswith("### ")
    }
    others = [page for page in pages() if page != words]
    linked = {anchor for page in others for file, anchor in links(page) if (page.parent / file).resolve() == words}
    assert wanted - linked == set()


def test_the_readme_leads_to_the_map() -> None:
    assert any(file == "docs/index.md" for file, _ in links(ROOT / "README.md"))


def test_every_module_that_the_architecture_names_is_there() -> None:
    path = r"`((?:fairtrial|fairtrial_cli|gateway|evaluators|dashboard|suites|examples)/[\w/.]+)`"
    named = re.findall(path, prose(ARCHITECTURE))
    assert len(named) > 30
    assert [one for one in named if not (ROOT / one).exists()] == []


def test_the_table_of_folders_names_those_that_are_there_and_all_of_a_folder_or_none() -> None:
    problems = []
    for folders, contents in re.findall(r"^\| (`.+?`) \| (.+) \|$", prose(ARCHITECTURE), re.MULTILINE):
        named = set(re.findall(r"`(\w+)/`", contents))
        for folder in map(ROOT.joinpath, re.findall(r"`([\w/]+)`", folders)):
            inside = {path.name for path in folder.iterdir() if path.is_dir() and path.name[0] not in "._"}
            if not folder.is_dir() or (named and named != inside):
                problems.append(f"{name(folder)}: not there: {named - inside}; not named: {inside - named}")
    assert not problems, "\n".join(problems)


def test_the_index_has_every_decision() -> None:
    listed = [file for file, _ in links(MAP) if file.startswith("adr/")]
    assert listed == [f"adr/{page.name}" for page in sorted((ROOT / "docs/adr").glob("*.md"))]


def test_what_the_processes_cost_at_rest_is_said_once() -> None:
    share = re.compile(r"at rest.*(?:\d %|percent) of a core")
    lines = [line for page in pages() for line in page.read_text(encoding="utf-8").splitlines() if share.search(line)]
    assert len(lines) == 1, "\n".join(lines)
