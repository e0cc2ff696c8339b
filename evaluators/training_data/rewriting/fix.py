"""Cleans training rows: removes broken lines, masks what is proven, and suggests the rest for a person to apply."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from hashlib import sha256
from typing import Any, Literal

from evaluators.training_data.audit import CHECKS
from evaluators.training_data.audit_report import Issue, Reliability, Role, reliability_of
from evaluators.training_data.corpus import Corpus
from evaluators.training_data.damage.kinds import repair_damage
from evaluators.training_data.example import in_usual_dialect
from evaluators.training_data.example_file import (
    ExampleFile,
    other_rows,
    read_again,
    row_columns,
    row_text,
    row_texts,
)
from fairtrial.domain.training_data import PROBLEMS
from fairtrial.privacy.masking import Masking, mask
from fairtrial.privacy.proof import ASKED, PROVEN

PersonalText = Literal["mask", "drop"]
Columns = dict[str, Any]
OnProgress = Callable[[str, int, int], None]
TRAIN: Role = "train"
HELD_OUT: Role = "validation"


@dataclass(frozen=True, slots=True)
class Repair:
    """What is done about the rows that a check finds, with issues of some kinds; without any kind, all count.

    ``change`` returns the repaired columns of a row; without it, the row is removed.
    """

    check: str
    kinds: tuple[str, ...]
    reason: str
    change: Callable[[Columns], Columns] | None = None


def _of_text(kind: str, reason: str, *, changes: bool = True) -> Repair:
    return Repair("text-damage", (kind,), reason, partial(repair_damage, kind) if changes else None)


SUGGESTED: Mapping[str, Repair] = {
    "other-format": Repair("format", ("other",), "the row is whole, but not in the file's format"),
    "dialect": Repair("format", ("dialect",), "roles, keys or the end of another dialect", in_usual_dialect),
    "duplicates": Repair("duplicates", ("exact",), "repeats an earlier row"),
    "mojibake": _of_text("mojibake", "text in a wrong encoding"),
    "control-character": _of_text("control-character", "invisible or control characters"),
    "html": _of_text("html", "leftover HTML"),
    "template-token": _of_text("template-token", "tokens of a chat template"),
    "list-as-text": _of_text("list-as-text", "a list as a program prints it", changes=False),
    "placeholder": _of_text("placeholder", "a placeholder or a missing value", changes=False),
    "empty": Repair("completions", ("empty", "empty prompt"), "the prompt or the completion is empty"),
    "truncated": Repair("completions", ("truncated",), "the completion is cut off"),
    "unfinished": Repair("completions", ("unfinished",), "the completion may be cut off"),
    "echo": Repair("answers", ("echo",), "the completion only repeats the prompt"),
    "refusal": Repair("answers", ("refusal",), "the completion is a refusal that is repeated, or rare in the file"),
    "leaked": Repair("leakage", ("exact", "near", "contained"), "the row is also in held-out data"),
    "near-duplicates": Repair("duplicates", (), "nearly repeats an earlier row"),
    "pii": Repair("personal-text", (), "personal or secret text", lambda columns: mask(columns, Counter(), "", ASKED)),
}
"""Repairs that a person applies, in this order, so that a near duplicate of a removed row is kept."""
REPAIRS = ("unreadable", *SUGGESTED)
"""All repairs. Unasked, broken lines are removed, and personal text that is proven is masked."""


@dataclass(frozen=True, slots=True)
class RowChange:
    """What was done to one row: its line, what happened to it or could, by which repair, and why."""

    line: int
    action: Literal["removed", "changed", "masked", "suggested"]
    repair: str
    reason: str


@dataclass(frozen=True, slots=True)
class Fixed:
    """The rows that stay, as JSON texts by line, every change, the suggestions, and what no repair is for.

    ``remaining``: errors and warnings of an audit of these rows. Changes and suggestions are in the order of the lines.
    """

    rows: Mapping[int, bytes]
    changes: tuple[RowChange, ...]
    suggestions: tuple[RowChange, ...]
    remaining: tuple[Issue, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many rows each repair changed or would change, such as ``duplicates removed``."""
        return dict(Counter(f"{change.repair} {change.action}" for change in (*self.changes, *self.suggestions)))


@dataclass(frozen=True, slots=True)
class FixOptions:
    """Which repairs are made or suggested. ``apply``: the suggested ones that are made.

    ``pii``: what its repair does. ``against``: held-out files, in which ``leaked`` looks for the rows.
    """

    repairs: frozenset[str] = frozenset(REPAIRS)
    apply: frozenset[str] = frozenset()
    pii: PersonalText = "mask"
    against: tuple[ExampleFile, ...] = ()


class _Rows:
    """The rows that are left, as texts, as columns and as the examples that the checks read."""

    def __init__(self, file: ExampleFile, against: tuple[ExampleFile, ...]) -> None:
        self.others = other_rows(file)
        self.errors = file.errors
        self.file = replace(file, errors=())
        self.texts = row_texts(file)
        self.against = against
        self._issues: dict[str, list[Issue]] = {}

    @cached_property
    def columns(self) -> dict[int, Columns]:
        return row_columns(self.file)

    def issues(self, check: str) -> list[Issue]:
        """What a check finds in the rows that are left."""
        if not self._issues:
            self._corpus = Corpus((self.file, *self.against), (TRAIN, *(HELD_OUT for _ in self.against)))
        if check not in self._issues:
            found = CHECKS.get(check).find(self._corpus) if self.file.examples else []
            self._issues[check] = [issue for issue in found if issue.file == str(self.file.path)]
        return self._issues[check]

    def remove(self, lines: Iterable[int]) -> None:
        removed = set(lines)
        self.others = {line: text for line, text in self.others.items() if line not in removed}
        if removed:
            self._replace(tuple(example for example in self.file.examples if example.line not in removed))

    def change(self, changed: Mapping[int, Columns]) -> None:
        if changed:
            self.columns.update(changed)
            self.texts |= {line: row_text(columns) for line, columns in changed.items()}
            again = {line: read_again(self.file, line, columns) for line, columns in changed.items()}
            self._replace(tuple(again.get(example.line, example) for example in self.file.examples))

    def _replace(self, examples: tuple[Any, ...]) -> None:
        self.file = replace(self.file, examples=examples)
        self._issues.clear()


def fix_examples(file: ExampleFile, options: FixOptions, on_progress: OnProgress = lambda _, __, ___: None) -> Fixed:
    """The cleaned rows of a file. Rows that are not changed stay as they are written."""
    rows = _Rows(file, options.against)
    broken = (error for error in file.errors if error.line not in rows.others)
    changes = [RowChange(error.line, "removed", "unreadable", error.wrong) for error in broken]
    suggestions: list[RowChange] = []
    names = [name for name in REPAIRS[1:] if name in options.repairs]
    for done, name in enumerate(names):
        on_progress(name, done, len(names) + 1)
        if name == "pii" and (options.pii == "mask" or name not in options.apply):
            changes += _masked(rows)
        reasons = _reasons(rows, name)
        change = None if name == "pii" and options.pii == "drop" else SUGGESTED[name].change
        if name not in options.apply:
            suggestions += [RowChange(line, "suggested", name, reason) for line, reason in reasons.items()]
        elif change:
            rows.change({line: change(rows.columns[line]) for line in reasons})
            action: Literal["masked", "changed"] = "masked" if name == "pii" else "changed"
            changes += [RowChange(line, action, name, reason) for line, reason in reasons.items()]
        else:
            rows.remove(reasons)
            changes += [RowChange(line, "removed", name, reason) for line, reason in reasons.items()]
    on_progress("audit", len(names), len(names) + 1)
    remaining = _remaining(rows, names)
    left = {example.line: rows.texts[example.line] for example in rows.file.examples} | rows.others
    return Fixed(
        {line: left[line] for line in sorted(left)},
        _sorted(changes),
        _sorted(change for change in suggestions if change.line in left),
        remaining,
    )


def _sorted(changes: Iterable[RowChange]) -> tuple[RowChange, ...]:
    return tuple(sorted(changes, key=lambda change: (change.line, change.action)))


def _repeated(rows: _Rows) -> dict[int, str]:
    """Rows whose columns all equal those of an earlier row, with its line."""
    first: dict[bytes, int] = {}
    repeated: dict[int, str] = {}
    for line in [example.line for example in rows.file.examples]:
        columns = rows.columns[line]
        earlier = first.setdefault(sha256(json.dumps(columns, sort_keys=True).encode()).digest(), line)
        if earlier != line:
            repeated[line] = f"repeats line {earlier}"
    return repeated


def _counts_for(repair: Repair, issue: Issue) -> bool:
    return not repair.kinds or issue.details.get("kind") in repair.kinds


def _reasons(rows: _Rows, name: str) -> dict[int, str]:
    """The lines that a repair is for, with the reason of each."""
    if name == "other-format":
        return {error.line: error.wrong for error in rows.errors if error.line in rows.others}
    if name == "duplicates":
        return _repeated(rows)
    if name == "pii":
        return _kinds_of(rows, ASKED)
    reasons: dict[int, str] = {}
    repair, equal = SUGGESTED[name], _repeated(rows) if name == "near-duplicates" else ()
    for issue in rows.issues(repair.check):
        if _counts_for(repair, issue):
            special = {**issue.details.get("reasons", {}), **_originals(issue, rows.file)}
            found = (line for line in issue.rows if line not in reasons and line not in equal)
            reasons |= {line: special.get(line, repair.reason) for line in found}
    return reasons


def _originals(issue: Issue, file: ExampleFile) -> dict[int, str]:
    """For rows that repeat another one, the line of the row that is kept."""
    prefix = f"{file.path}:"
    reasons: dict[int, str] = {}
    for group in issue.details.get("groups", ()):
        lines = [int(place.removeprefix(prefix)) for place in group if place.startswith(prefix)]
        if issue.check == "duplicates" and lines:
            reasons |= dict.fromkeys(lines[1:], f"nearly repeats line {lines[0]}")
    return reasons


def _masked(rows: _Rows) -> list[RowChange]:
    """Replace personal text that is proven by its kind, in rows that don't have the same text elsewhere."""
    reasons = _kinds_of(rows, PROVEN)
    rows.change({line: mask(rows.columns[line], Counter(), "", PROVEN) for line in reasons})
    return [RowChange(line, "masked", "pii", reason) for line, reason in reasons.items()]


def _kinds_of(rows: _Rows, masking: Masking) -> dict[int, str]:
    """The lines with personal text, and how many texts of each kind are masked."""
    reasons = {}
    for line in [example.line for example in rows.file.examples]:
        kinds: Counter[str] = Counter()
        mask(rows.columns[line], kinds, "", masking)
        if kinds:
            reasons[line] = ", ".join(f"{count} × {kind}" for kind, count in kinds.most_common())
    return reasons


def _remaining(rows: _Rows, names: Sequence[str]) -> tuple[Issue, ...]:
    """The errors and warnings of an audit that none of these repairs is for."""
    repairs = [SUGGESTED[name] for name in names if name in SUGGESTED]
    return tuple(
        issue
        for check in CHECKS.names()
        for issue in rows.issues(check)
        if issue.severity in PROBLEMS
        and not any(repair.check == check and _counts_for(repair, issue) for repair in repairs)
    )


def reliability_of_repair(name: str) -> Reliability | None:
    """How reliable the findings behind a repair are; ``None`` if that was not measured."""
    repair = SUGGESTED.get(name)
    return None if repair is None else reliability_of(repair.check, repair.kinds[0] if repair.kinds else "near")


def change_lines(changes: Iterable[RowChange]) -> list[bytes]:
    """The log: one JSON object for each change."""
    return [row_text(asdict(change)) for change in changes]


def review_lines(fixed: Fixed) -> list[bytes]:
    """The suggestions for a person: the row as it stays, and as the repair would leave it, ``null`` if removed."""
    lines = []
    for suggestion in fixed.suggestions:
        before = json.loads(fixed.rows[suggestion.line])
        change = SUGGESTED[suggestion.repair].change
        after = change(before) if change else None
        about = {"line": suggestion.line, "kind": suggestion.repair, "reason": suggestion.reason}
        reliability = reliability_of_repair(suggestion.repair)
        measured = None if reliability is None else asdict(reliability)
        lines.append(row_text({**about, "reliability": measured, "before": before, "after": after}))
    return lines
