"""Renders Markdown: tables, inline code, and program texts escaped for a cell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

NOTICE = "<!-- Made by `make docs` from the program itself; edit there. -->"


def page(title: str, *parts: str) -> str:
    """A whole page."""
    return "\n\n".join([f"# {title}", NOTICE, *(part.strip("\n") for part in parts if part)]) + "\n"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose cells are Markdown already."""
    lines = [_row(heads), "|" + "---|" * len(heads), *(_row(row) for row in rows)]
    return "\n".join(lines)


def code(text: object) -> str:
    """Text as inline code in a cell."""
    return f"`{text}`".replace("|", "\\|")


def codes(texts: Iterable[object]) -> str:
    """Each as inline code, with commas between."""
    return ", ".join(code(text) for text in texts)


def prose(text: str | None) -> str:
    """A docstring as one line: ``double`` backquotes become single ones."""
    return " ".join((text or "").replace("``", "`").split()).replace("|", "\\|")


def paragraphs(text: str | None) -> list[str]:
    """A docstring's paragraphs, each as one line."""
    return [prose(part) for part in (text or "").split("\n\n") if part.strip()]


def block(language: str, text: str) -> str:
    """A fenced block."""
    return f"```{language}\n{text.strip()}\n```"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell or "–" for cell in cells) + " |"
