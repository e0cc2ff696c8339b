"""Shows the rows that an audit names: their masked texts, and which of them belong side by side."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from evaluators.training_data.audit_report import Issue
from evaluators.training_data.example import Example, as_text
from evaluators.training_data.example_file import ExampleFile
from fairtrial.domain.training_data import RowText
from fairtrial.privacy.masking import mask

MOST_GROUP = 4
"""Rows of one group that are shown; the others are counted."""
MOST_MESSAGES = 12
MOST_CHARACTERS = 2_000
MOST_FIELDS = 400
MOST_WORDS = 300
"""Longer texts are not compared word by word."""
SYSTEM = ("system", "developer")
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")

Place = tuple[str, int]
"""A file and a line."""
Piece = tuple[str, bool]
"""A part of a text, and whether it differs from the text beside it."""


def row_text(example: Example, file: str) -> RowText:
    """The masked texts of a row. A text is masked before it is cut, so that no part of a secret is left."""
    spoken = [message for message in example.messages if message["role"] not in SYSTEM]
    left_out = sum(len(turn["content"]) for turn in spoken[:-MOST_MESSAGES])
    columns = " · ".join(f"{name}: {as_text(value)}" for name, value in example.fields.items())
    shown = [example.system, columns, *(turn["content"] for turn in spoken[-MOST_MESSAGES:])]
    system, fields, *contents = mask(shown, Counter())
    texts = [(turn["role"], content) for turn, content in zip(spoken[-MOST_MESSAGES:], contents, strict=True)]
    cut = left_out + sum(max(0, len(text) - MOST_CHARACTERS) for text in (system, *(text for _, text in texts)))
    messages = tuple((role, text[:MOST_CHARACTERS]) for role, text in texts)
    return RowText(file, example.line, messages, system[:MOST_CHARACTERS], fields[:MOST_FIELDS], cut)


def groups_of(issue: Issue) -> Iterator[list[Place]]:
    """The rows of an issue: those that belong together as one group, which is complete, and the others alone."""
    rows, grouped = set(issue.rows), set[int]()
    for places in (*issue.details.get("matches", ()), *issue.details.get("groups", ())):
        group = [_place(place) for place in places]
        own = {line for path, line in group if path == issue.file} & rows
        if own - grouped:
            grouped |= own
            yield group
    yield from ([(issue.file, line)] for line in issue.rows if line not in grouped)


def texts_of(files: Iterable[ExampleFile], places: Iterable[Place]) -> Mapping[Place, RowText]:
    """The texts of the rows at these places; lines that are no readable row are left out."""
    named = set(places)
    return {
        place: row_text(example, str(file.path))
        for file in files
        for example in file.examples
        if (place := (str(file.path), example.line)) in named
    }


def pieces(text: str, beside: str | None) -> Sequence[Piece]:
    """The text, with the words that differ from the text beside it marked; a long text is one piece."""
    words = _WORDS.findall(text)
    others = [] if beside is None else _WORDS.findall(beside)
    if beside is None or text == beside or max(len(words), len(others)) > MOST_WORDS:
        return ((text, False),)
    blocks = SequenceMatcher(None, others, words, autojunk=False).get_opcodes()
    return [("".join(words[start:end]), tag != "equal") for tag, _, _, start, end in blocks if start < end]


def _place(text: str) -> Place:
    path, _, line = text.rpartition(":")
    return path, int(line)
