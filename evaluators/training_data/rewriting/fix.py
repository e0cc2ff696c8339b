"""Cleans training rows: removes what is surely wrong, masks personal text, and lists what a person should look at."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from typing import Literal

from evaluators.training_data.audit import CHECKS
from evaluators.training_data.audit_report import Issue, Role
from evaluators.training_data.corpus import Corpus
from evaluators.training_data.example_file import ExampleFile, row_columns, row_text, row_texts
from fairtrial.privacy.masking import mask

Repair = Literal["unreadable", "duplicates", "empty", "truncated", "echo", "leaked", "near-duplicates", "pii"]
PersonalText = Literal["mask", "drop"]
REPAIRS: tuple[Repair, ...] = (
    "unreadable", "duplicates", "empty", "truncated", "echo", "leaked", "near-duplicates", "pii",
)  # fmt: skip
"""In the order in which they are applied, so that a near duplicate of a removed row is kept."""
SURE: frozenset[Repair] = frozenset({"unreadable", "duplicates"})
"""What is removed without being named. The other checks are heuristics, which also find good rows."""
_CHECKS: Mapping[Repair, tuple[str, tuple[str, ...]]] = {
    "empty": ("completions", ("empty", "empty prompt")),
    "truncated": ("completions", ("truncated",)),
    "echo": ("answers", ("echo",)),
    "leaked": ("leakage", ()),
    "near-duplicates": ("duplicates", ()),
    "pii": ("personal-text", ()),
}
"""The check of an audit that finds the rows, and the kinds of its issues that count; without any, all count."""
_REASONS: Mapping[Repair, str] = {
    "empty": "the prompt or the completion is empty",
    "truncated": "the completion is cut off",
    "echo": "the completion only repeats the prompt",
    "leaked": "the row is also in held-out data",
    "near-duplicates": "nearly repeats an earlier row",
    "pii": "personal or secret text",
}
TRAIN: Role = "train"
HELD_OUT: Role = "validation"
OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Change:
    """What was done to one row: its line, ``removed``, ``masked`` or only ``listed``, by which repair, and why."""

    line: int
    action: Literal["removed", "masked", "listed"]
    repair: Repair
    reason: str


@dataclass(frozen=True, slots=True)
class Fixed:
    """The rows that stay, as JSON texts by line, every change, and the rows that only a person can judge.

    All are in the order of the lines.
    """

    rows: Mapping[int, bytes]
    changes: tuple[Change, ...]
    listed: tuple[Change, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many rows were changed or listed by each repair, such as ``duplicates removed``."""
        return dict(Counter(f"{one.repair} {one.action}" for one in (*self.changes, *self.listed)))


@dataclass(frozen=True, slots=True)
class FixOptions:
    """Which repairs are applied. ``remove``: those that remove rows, besides the sure ones.

    ``against``: held-out files, in which ``leaked`` looks for the rows.
    """

    repairs: frozenset[Repair] = frozenset(REPAIRS)
    remove: frozenset[Repair] = frozenset()
    pii: PersonalText = "mask"
    against: Sequence[ExampleFile] = ()


def fix_examples(file: ExampleFile, options: FixOptions, on_progress: OnProgress = lambda _, __, ___: None) -> Fixed:
    """The cleaned rows of a file. Rows that are not changed stay as they are written."""
    changes = [Change(one.line, "removed", "unreadable", one.wrong) for one in file.errors]
    listed: list[Change] = []
    texts, left = row_texts(file), file
    removing = SURE | options.remove | ({"pii"} if options.pii == "drop" else set())
    repairs = [one for one in REPAIRS if one in options.repairs and one != "unreadable"]
    for done, repair in enumerate(repairs):
        on_progress(repair, done, len(repairs))
        if repair == "pii" and repair not in removing:
            changes += _masked(left, texts)
            continue
        found = _repeated(left) if repair == "duplicates" else _found(left, repair, options)
        if repair not in removing:
            listed += [Change(line, "listed", repair, reason) for line, reason in found.items()]
            continue
        changes += [Change(line, "removed", repair, reason) for line, reason in found.items()]
        left = replace(left, examples=tuple(one for one in left.examples if one.line not in found))
    on_progress("", len(repairs), len(repairs))
    rows = {one.line: texts[one.line] for one in left.examples}
    return Fixed(rows, _sorted(changes), _sorted(one for one in listed if one.line in rows))


def _sorted(changes: Iterable[Change]) -> tuple[Change, ...]:
    return tuple(sorted(changes, key=lambda one: (one.line, one.action)))


def _repeated(file: ExampleFile) -> dict[int, str]:
    """Rows whose columns all equal those of an earlier row, with its line."""
    first: dict[bytes, int] = {}
    found: dict[int, str] = {}
    kept = {one.line for one in file.examples}
    for line, columns in row_columns(file).items():
        if line in kept:
            earlier = first.setdefault(sha256(json.dumps(columns, sort_keys=True).encode()).digest(), line)
            if earlier != line:
                found[line] = f"repeats line {earlier}"
    return found


def _found(file: ExampleFile, repair: Repair, options: FixOptions) -> dict[int, str]:
    """The lines that a check finds in the file, with the reason of each."""
    if not file.examples or (repair == "leaked" and not options.against):
        return {}
    check, kinds = _CHECKS[repair]
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
            reasons |= dict.fromkeys(lines[1:], f"nearly repeats line {lines[0]}")
    return reasons


def _masked(file: ExampleFile, texts: dict[int, bytes]) -> list[Change]:
    """Replace personal and secret text in the rows of ``texts`` by its kind, such as ``[email]``."""
    changes = []
    for line, columns in row_columns(file).items():
        kinds: Counter[str] = Counter()
        masked = mask(columns, kinds)
        if kinds:
            texts[line] = row_text(masked)
            reason = ", ".join(f"{count} × {kind}" for kind, count in kinds.most_common())
            changes.append(Change(line, "masked", "pii", reason))
    return changes


def change_lines(changes: Iterable[Change]) -> list[bytes]:
    """The log: one JSON object for each change."""
    return [json.dumps(asdict(one), ensure_ascii=False).encode() for one in changes]


def listed_lines(fixed: Fixed) -> list[bytes]:
    """The list for a person: the log's line of each listed row, with the row as it stays."""
    logged = zip(fixed.listed, change_lines(fixed.listed), strict=True)
    return [b'%b, "row": %b}' % (line[:-1], fixed.rows[one.line]) for one, line in logged]
