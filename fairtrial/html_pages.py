"""Renders HTML pages from the templates in `templates/`, with one style sheet. Pages run and load nothing."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).with_name("templates")
STYLE = (TEMPLATES / "style.css").read_text(encoding="utf-8")


def _policy(style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'"


POLICY = _policy(STYLE)
"""The content security policy of every page that has no rules of style beside the style sheet."""
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
"""Control characters, and those that are invisible or change the order of other text."""
LONG_WORD = re.compile(r"\S{27}")
"""A word that the cell of a table may break, such as a digest."""
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def render(template: str, /, *, rules: str = "", **values: object) -> str:
    """The page, with each value escaped; raises `ValueError` if a value is missing.

    ``rules``: rules of style that only this page has. They must not contain text of others.
    """
    from jinja2 import UndefinedError
    from markupsafe import Markup

    if rules:
        style = STYLE + rules
        values |= {"style": Markup(style), "policy": _policy(style)}  # noqa: S704 - written by this package
    try:
        return _environment().get_template(template).render(values)
    except UndefinedError as error:
        raise ValueError(error.message) from error


def moment(us: int) -> str:
    """A time in microseconds since 1970, UTC, with seconds."""
    return f"{datetime.fromtimestamp(us / 1e6, UTC):%Y-%m-%d %H:%M:%S} UTC"


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.filters["has_long_word"] = lambda cell: LONG_WORD.search(str(cell)) is not None
    environment.globals |= {"moment": moment, "policy": POLICY, "style": Markup(STYLE)}  # noqa: S704 (a file of this package)
    return environment


def _visible(value: object) -> object:
    """Characters that could deceive a reader become visible. Markup was made of values that already are."""
    return value if hasattr(value, "__html__") else UNSEEN.sub(REPLACEMENT, str(value))
