"""Cleans training rows: removes or masks what an audit found, and says for each change where and why."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from evaluators.training_data.audit_report import Issue, Role
from evaluators.training_data.check import CHECKS
from evaluators.training_data.corpus import Corpus
from evaluators.training_data.example_file import ExampleFile
from evaluators.training_data.rewriting.source_rows import row_columns, row_text, row_texts
from fairtrial.privacy.search import find_personal_text

Repair = Literal["unreadable", "empty", "truncated", "echo", "leaked", "duplicates", "pii"]
PersonalText = Literal["mask", "drop"]
REPAIRS: tuple[Repair, ...] = ("unreadable", "empty", "truncated", "echo", "leaked", "duplicates", "pii")
"""In the order in which they are applied, so that a duplicate of a removed row is kept."""
_CHECKS: Mapping[Repair, tuple[str, tuple[str, ...]]] = {
    "empty": ("completions", ("empty", "empty prompt")),
    "truncated": ("completions", ("truncated",)),
    "echo": ("completions", ("echo",)),
    "leaked": ("leakage", ()),
    "duplicates": ("duplicates", ()),
    "pii": ("personal-text", ()),
}
"""The check of an audit that finds the rows, and the kinds of its issues that count; without any, all count."""
_REASONS: Mapping[Repair, str] = {
    "empty": "the prompt or the completion is empty",
    "truncated": "the completion is cut off",
    "echo": "the completion only repeats the prompt",
    "leaked": "the row is also in held-out data",
    "duplicates": "repeats an earlier row",
    "pii": "personal or secret text",
}
TRAIN: Role = "train"
HELD_OUT: Role = "validation"
OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Change:
    """What was done to one row: its line, ``removed`` or ``masked``, by which repair, and why."""

    line: int
    action: Literal["removed", "masked"]
    repair: Repair
    reason: str


@dataclass(frozen=True, slots=True)
class Fixed:
    """The rows that stay, as JSON texts in order, and every change in the order of the lines."""

    rows: tuple[bytes, ...]
    changes: tuple[Change, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many rows were changed by each repair, such as ``duplicates removed``."""
        return dict(Counter(f"{one.repair} {one.action}" for one in self.changes))


@dataclass(frozen=True, slots=True)
class FixOptions:
    """Which repairs are applied. ``against``: held-out files, whose rows are removed from the training file.

    ``near_duplicates``: whether rows that nearly repeat another one are duplicates, too.
    """

    repairs: frozenset[Repair] = frozenset(REPAIRS)
    pii: PersonalText = "mask"
    near_duplicates: bool = True
    against: Sequence[ExampleFile] = ()


def fix_examples(file: ExampleFile, options: FixOptions, on_progress: OnProgress = lambda _, __, ___: None) -> Fixed:
    """The cleaned rows of a file. Rows that are not changed stay as they are written."""
    changes = [Change(one.line, "removed", "unreadable", one.wrong) for one in file.errors]
    texts, left = row_texts(file), file
    repairs = [one for one in REPAIRS if one in options.repairs and one in _CHECKS]
    for done, repair in enumerate(repairs):
        on_progress(repair, done, len(repairs))
        found = _found(left, repair, options)
        if repair == "pii" and options.pii == "mask":
            masked = _masked(left, texts)
            changes += masked
            continue
        changes += [Change(line, "removed", repair, reason) for line, reason in found.items()]
        left = replace(left, examples=tuple(one for one in left.examples if one.line not in found))
    on_progress("", len(repairs), len(repairs))
    rows = tuple(texts[one.line] for one in left.examples)
    return Fixed(rows, tuple(sorted(changes, key=lambda one: (one.line, one.action))))


def _found(file: ExampleFile, repair: Repair, options: FixOptions) -> dict[int, str]:
    """The lines that a check finds in the file, with the reason of each."""
    if not file.examples or (repair == "leaked" and not options.against):
        return {}
    check, kinds = _CHECKS[repair]
    if repair == "duplicates" and not options.near_duplicates:
        kinds = ("exact",)
    held_out = options.against if repair == "leaked" else ()
    corpus = Corpus((file, *held_out), (TRAIN, *(HELD_OUT for _ in held_out)))
    issues = [one for one in CHECKS.get(check).find(corpus) if not kinds or one.details.get("kind") in kinds]
    found: dict[int, str] = {}
    for issue in issues:
        if issue.file == str(file.path):
            originals = _originals(issue, file)
            found |= {line: originals.get(line, _REASONS[repair]) for line in issue.rows if line not in found}
    return found


def _originals(issue: Issue, file: ExampleFile) -> dict[int, str]:
    """For rows that repeat another one, the line of the row that is kept."""
    prefix = f"{file.path}:"
    reasons: dict[int, str] = {}
    for group in issue.details.get("groups", ()):
        lines = [int(place.removeprefix(prefix)) for place in group if place.startswith(prefix)]
        if issue.check == "duplicates" and lines:
            nearly = "nearly " if issue.details.get("kind") == "near" else ""
            reasons |= dict.fromkeys(lines[1:], f"{nearly}repeats line {lines[0]}")
    return reasons


def _masked(file: ExampleFile, texts: dict[int, bytes]) -> list[Change]:
    """Replace personal and secret text in the rows of ``texts`` by its kind, such as ``[email]``."""
    changes = []
    for line, columns in row_columns(file).items():
        kinds: Counter[str] = Counter()
        masked = _mask(columns, kinds)
        if kinds:
            texts[line] = row_text(masked)
            reason = ", ".join(f"{count} × {kind}" for kind, count in kinds.most_common())
            changes.append(Change(line, "masked", "pii", reason))
    return changes


def _mask(value: Any, kinds: Counter[str]) -> Any:
    if isinstance(value, str):
        return _mask_text(value, kinds)
    if isinstance(value, Mapping):
        return {name: _mask(one, kinds) for name, one in value.items()}
    return [_mask(one, kinds) for one in value] if isinstance(value, list) else value


def _mask_text(text: str, kinds: Counter[str]) -> str:
    found = find_personal_text(text)
    if not found:
        return text
    raw = text.encode("utf-8", "replace")
    parts, at = [], 0
    for one in found:
        parts += [raw[at : one.start], f"[{one.kind}]".encode()]
        kinds[one.kind] += 1
        at = one.end
    return b"".join([*parts, raw[at:]]).decode("utf-8", "replace")


def change_lines(changes: Iterable[Change]) -> list[bytes]:
    """The log: one JSON object for each change."""
    return [
        json.dumps(
            {"line": one.line, "action": one.action, "repair": one.repair, "reason": one.reason}, ensure_ascii=False
        ).encode()
        for one in changes
    ]
