"""The reference page of providers lists every field and every exception in its row, and nothing else."""

from __future__ import annotations

import re

from fairtrial.config.rules.translation import DEFAULT_VALUES, NOT_PASSED_ON, PASSED
from gateway.proxy.transport.litellm.fields import MESSAGE
from gateway.proxy.transport.litellm.transport import BY_CLASS, CODES
from tests.fixtures.paths import ROOT

PAGE = (ROOT / "docs" / "reference" / "providers.md").read_text(encoding="utf-8")
ROWS = [line.strip("|").split(" | ") for line in PAGE.splitlines() if line.startswith("| `")]
NAMES = re.compile(r"`(\w+)`")


def _row(second: str) -> set[str]:
    [names] = [set(NAMES.findall(row[0])) for row in ROWS if row[1].strip().startswith(second)]
    return names


def test_each_field_is_in_the_row_that_says_what_becomes_of_it() -> None:
    assert _row("translated, if the provider's model knows it") == PASSED
    assert _row("not sent") == NOT_PASSED_ON
    assert all(f"`{name}`" in PAGE for name in (*MESSAGE, "tool_calls", "thinking_blocks"))
    assert all(name.removesuffix("_penalty") in PAGE for name in DEFAULT_VALUES if not name.startswith("presence"))


def test_each_exception_is_in_the_row_of_what_it_becomes() -> None:
    documented = {name: row[1].strip() for row in ROWS for name in NAMES.findall(row[0]) if name[0].isupper()}
    truth = {
        name: str(meaning)
        if isinstance(meaning, int)
        else f"{504 if meaning == 'timeout' else 502} `upstream_{meaning}`"
        for name, meaning in BY_CLASS.items()
    }
    assert documented == truth
    assert all(f"`{code}`" in PAGE for code in CODES.values())
