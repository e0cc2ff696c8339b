"""The pages of the documentation as a test reads them: blocks with their marks, headings, links, inline code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"<!-- (file|not run): (.+?) -->\s*$")
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
INLINE = re.compile(r"`([^`\n]+)`")
RUN_ELSEWHERE = ("quickstart", "gate-in-ci.md")
"""A folder and a page that have runners of their own, in tests/integration."""


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block; ``mark`` is what the comment before it says: a file that it becomes, or why it is not run."""

    page: str
    line: int
    language: str
    text: str
    mark: str = ""
    value: str = ""

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """Every page, in a steady order."""
    top = [ROOT / name for name in ("README.md", "SECURITY.md", "CONTRIBUTING.md")]
    return [*top, *sorted((ROOT / "docs").rglob("*.md"))]


def run_here() -> list[Path]:
    """The pages whose blocks are run here."""
    return [page for page in pages() if not set(RUN_ELSEWHERE) & set(page.parts)]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in BLOCK.finditer(text):
        before = text[: found.start()]
        mark = MARK.search(before)
        kind, value = (mark[1], mark[2]) if mark else ("", "")
        indent = found[1]
        content = "".join(line.removeprefix(indent) for line in found[3].splitlines(keepends=True))
        yield Block(name(page), before.count("\n") + 1, found[2], content, kind, value)


def prose(page: Path) -> str:
    """The page without its blocks and comments."""
    return re.sub(r"<!--.*?-->", "", BLOCK.sub("", page.read_text(encoding="utf-8")), flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """What a link into the page may name, as the usual renderers make it of headings."""
    found: list[str] = []
    for heading in HEADING.findall(BLOCK.sub("", page.read_text(encoding="utf-8"))):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        anchor = re.sub(r"[^\w\- ]", "", plain.lower()).strip().replace(" ", "-")
        found.append(f"{anchor}-{found.count(anchor)}" if anchor in found else anchor)
    return set(found)


def links(page: Path) -> Iterator[tuple[str, str]]:
    """Relative links: the file that is meant ("" is the page itself) and the anchor."""
    for target in LINK.findall(prose(page)):
        if "://" not in target and not target.startswith("mailto:"):
            file, _, anchor = target.partition("#")
            yield file, anchor
