"""Pages escape each value, show characters that could deceive a reader, and come from templates only."""

from __future__ import annotations

import re

import pytest

from fairtrial.html_pages import POLICY, REPLACEMENT, STYLE, TEMPLATES, render
from tests.fixtures.paths import SOURCES

HOSTILE = '<b a="x">&\''
ESCAPED = "&lt;b a=&#34;x&#34;&gt;&amp;&#39;"
EMPTY = {"paragraphs": (), "form": None, "links": (), "note": None, "onward": None}


@pytest.mark.parametrize("character", ["\N{RIGHT-TO-LEFT OVERRIDE}", "\x00", "\r", "\N{ZERO WIDTH SPACE}"])
def test_a_character_that_deceives_becomes_visible(character: str) -> None:
    assert f"<p>a{REPLACEMENT}b</p>" in render("sign_in.html", title="", **EMPTY | {"paragraphs": [f"a{character}b"]})


def test_markup_and_quotes_are_escaped_everywhere() -> None:
    page = render("sign_in.html", title=HOSTILE, **EMPTY | {"paragraphs": [HOSTILE], "note": HOSTILE})
    assert page.count(ESCAPED) == 4 and HOSTILE not in page


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(ValueError, match="'title' is undefined"):
        render("sign_in.html", **EMPTY)


def test_a_page_has_the_one_style_sheet_and_its_policy_allows_no_other() -> None:
    page = render("sign_in.html", title="", **EMPTY)
    assert re.findall("<style>(.*?)</style>", page, re.DOTALL) == [STYLE]
    assert "unsafe" not in POLICY and POLICY.replace("'", "&#39;") in page


def test_no_python_file_writes_html_and_templates_have_no_styles_and_no_scripts() -> None:
    written = re.compile(r"</?(a|body|div|h1|html|li|p|span|style|table|td|ul)\b[^>]*>|<!doctype")
    writers = [path.name for path in SOURCES if written.search(path.read_text())]
    inline = re.compile(r"style=|\bon\w+=|<script(?! type=\"application/octet-stream\")")
    writers += [path.name for path in TEMPLATES.glob("*.html") if inline.search(path.read_text())]
    assert not writers
