"""Refusals are told by their first words, in bounded time."""

from __future__ import annotations

import pytest

from fairtrial.domain.refusals import REFUSAL


@pytest.mark.parametrize("text", ["I’m sorry, but I can’t help.", '  "I cannot assist with that."', "I won't do that"])
def test_a_refusal_is_found_behind_blanks_and_quotes(text: str) -> None:
    assert REFUSAL.match(text) is not None


@pytest.mark.parametrize("text", ["", " " * 201 + "I cannot help", "The hub can't connect.", "I can help."])
def test_what_begins_otherwise_is_no_refusal(text: str) -> None:
    assert REFUSAL.match(text) is None
