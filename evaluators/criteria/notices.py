"""What a suite or a gate may say although nothing in this version acts on it: each is told once, with its line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from evaluators.criteria.live_validation import UNDECIDED, WITHOUT
from fairtrial.config.file.yaml_file import Document, Step
from fairtrial.domain.errors import Mistake

NOTHING = "nothing in this version acts on it"
INERT_IN_SUITES: Mapping[str, str] = {"against": "each line of 'gate' names what it compares with"}
INERT_IN_GATES: Mapping[str, str] = {"approvers": "nobody is asked to approve a verdict"}
"""Keys, and what their reader should know."""


def inert_keys(document: Document, keys: Mapping[str, str]) -> Iterator[Mistake]:
    """The keys that the document has and nothing acts on."""
    value: Any = document.value
    yield from (document.mistake((key,), NOTHING, known) for key, known in keys.items() if key in value)


def undecided(document: Document, lines: Iterable[tuple[tuple[Step, ...], str]]) -> Iterator[Mistake]:
    """Lines, by place and text, that are sound and that no evidence of this version can decide."""
    yield from (document.mistake(place, f"{text!r}: {UNDECIDED}", WITHOUT) for place, text in lines)
