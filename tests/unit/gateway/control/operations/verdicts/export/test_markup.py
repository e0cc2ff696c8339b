"""Text in the export is escaped, and characters that could deceive a reader become visible."""

from __future__ import annotations

import pytest

from gateway.control.operations.verdicts.export.markup import REPLACEMENT, element, table, terms, text


@pytest.mark.parametrize("character", ["\N{RIGHT-TO-LEFT OVERRIDE}", "\x00", "\r", "\N{ZERO WIDTH SPACE}"])
def test_a_character_that_deceives_becomes_visible(character: str) -> None:
    assert text(f"a{character}b") == f"a{REPLACEMENT}b"


def test_markup_and_quotes_are_escaped_everywhere() -> None:
    hostile = '<b a="x">&\''
    escaped = "&lt;b a=&quot;x&quot;&gt;&amp;&#x27;"
    assert text(hostile) == escaped
    assert table((hostile,), [(hostile,)]).count(escaped) == 2
    assert terms([(hostile, hostile), ("empty", "")]).count(escaped) == 2


def test_a_table_without_rows_is_left_out_and_a_class_is_set() -> None:
    assert table(("a",), []) == ""
    assert element("p", "x", kind="dim") == '<p class="dim">x</p>'
