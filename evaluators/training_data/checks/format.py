"""Finds rows that cannot be read, and completions whose JSON or XML differs from that of the others."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from evaluators.training_data.audit import Check
from evaluators.training_data.audit_report import Issue
from evaluators.training_data.corpus import Corpus
from evaluators.training_data.example import DIALECT
from evaluators.training_data.requests_and_refusals import named_formats
from fairtrial.domain.wording import counted

RARE = 0.05
"""A form that at most this share of the comparable completions has is an exception."""
_TAG = re.compile(r"<(/?)([A-Za-z_][\w.\-]*)(?:\s[^<>]*)?(/?)>")
_KINDS = {str: "a text", bool: "a boolean", int: "a number", float: "a number", list: "a list", dict: "an object"}


def _find(corpus: Corpus) -> list[Issue]:
    shapes = {row: _shape(corpus.examples[row].completion, corpus.labels[row]) for row in corpus.train}
    return [
        *_unreadable(corpus),
        *_dialect(corpus),
        *_mixed(corpus, shapes),
        *_keys(corpus),
        *_types(corpus),
        *_broken_xml(corpus, shapes),
    ]


def _unreadable(corpus: Corpus) -> Iterator[Issue]:
    for file in corpus.files:
        if file.errors:
            lines = tuple(error.line for error in file.errors)
            rows, first = counted(len(lines), "row"), file.errors[0]
            sentence = f"{rows} that cannot be read as {file.format}; the first: line {first.line}: {first.wrong}"
            errors = [f"{error.line}: {error.wrong}" for error in file.errors]
            yield Issue("format", "error", sentence, str(file.path), lines, len(lines), {"errors": errors})


def _dialect(corpus: Corpus) -> list[Issue]:
    """Rows that are readable, although a chat template or a provider may refuse their roles or their end."""
    fields = {row: corpus.examples[row].fields.get("message_fields", {}) for row in corpus.train}
    rows = [row for row, of in fields.items() if any(not rest.keys().isdisjoint(DIALECT) for rest in of.values())]
    sentence = (
        "{rows} in another dialect of the format: other names of roles or keys, or messages behind the completion"
    )
    return corpus.issues("format", "warning", rows, sentence, kind="dialect")


def _shape(completion: str, labels: Mapping[str, Any]) -> str:
    text = completion.strip()
    if labels:
        return "JSON"
    if text.startswith("<") and text.endswith(">") and _TAG.match(text):
        return "XML"
    return "text"


def _mixed(corpus: Corpus, shapes: Mapping[int, str]) -> list[Issue]:
    """Completions that are not of the form that nearly all have, unless the prompt names another format than usual.

    A mixture of tasks is information.
    """
    counts = Counter(shapes.values())
    if len(counts) < 2:
        return []
    usual, most = counts.most_common(1)[0]
    forms = ", ".join(f"{count:,} {shape}" for shape, count in counts.most_common())
    if most < (1 - RARE) * len(shapes):
        sentence = f"completions have several forms ({forms}), as in a mixture of tasks"
        return [corpus.summary("format", "info", sentence, len(counts), forms=dict(counts))]
    named = {row: named_formats(corpus.examples[row].prompt) for row in shapes}
    counted_names = Counter(name for row, shape in shapes.items() if shape == usual for name in named[row])
    habit = {name for name, count in counted_names.items() if count > most / 2}
    rows = [
        row
        for row, shape in shapes.items()
        if shape != usual and corpus.examples[row].completion.strip() and not named[row] - habit
    ]
    sentence = f"{{rows}} with a completion that is not {usual}, unlike the others"
    return corpus.issues("format", "warning", rows, sentence, kind="form", forms=dict(counts))


def _keys(corpus: Corpus) -> list[Issue]:
    """Objects with other keys than usual."""
    keys = {row: tuple(sorted(labels)) for row, labels in enumerate(corpus.labels) if labels}
    usual, rare = _exceptions(keys)
    names = set(usual or ())
    missing = Counter(name for row in rare for name in names - set(keys[row]))
    extra = Counter(name for row in rare for name in set(keys[row]) - names)
    parts = [f"{word} {', '.join(map(repr, sorted(of)))}" for word, of in (("without", missing), ("with", extra)) if of]
    sentence = "{rows} with other keys in the JSON completion than the others: " + "; ".join(parts)
    return corpus.issues("format", "warning", rare, sentence, kind="keys", missing=dict(missing), extra=dict(extra))


def _types(corpus: Corpus) -> Iterator[Issue]:
    """Values of another type than usual. ``null`` is usual if it is frequent."""
    kinds: dict[str, dict[int, str]] = defaultdict(dict)
    for row, labels in enumerate(corpus.labels):
        for name, value in labels.items():
            kinds[name][row] = _KINDS.get(type(value), "null")
    for name, of in kinds.items():
        usual, rare = _exceptions(of)
        types = ", ".join(sorted({of[row] for row in rare}))
        sentence = f"{{rows}} with {types} as {name!r} instead of {usual}"
        yield from corpus.issues("format", "warning", rare, sentence, kind="types", field=name)


def _exceptions(values: Mapping[int, Any]) -> tuple[Any, list[int]]:
    """The most frequent value, and the rows with a rare one."""
    counts = Counter(values.values())
    if len(counts) < 2:
        return None, []
    rare = {value for value, count in counts.items() if count <= RARE * len(values)}
    return counts.most_common(1)[0][0], [row for row, value in values.items() if value in rare]


def _broken_xml(corpus: Corpus, shapes: Mapping[int, str]) -> list[Issue]:
    if Counter(shapes.values()).most_common(1)[0][0] != "XML":
        return []
    rows = [
        row
        for row in corpus.train
        if shapes[row] == "XML" and _left_open(_TAG.findall(corpus.examples[row].completion))
    ]
    sentence = "{rows} with XML tags that are not closed, or closed in the wrong order"
    return corpus.issues("format", "warning", rows, sentence, kind="XML")


def _left_open(tags: Iterable[tuple[str, str, str]]) -> list[str]:
    opened: list[str] = []
    for closing, name, empty in tags:
        if closing:
            if not opened or opened.pop() != name:
                return [name]
        elif not empty:
            opened.append(name)
    return opened


check = Check("rows that cannot be read; completions whose JSON keys, types or XML differ from the others", _find)
