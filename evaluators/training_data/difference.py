"""Compares two versions of a data set: rows, labels, class shares, and what the checks find."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from evaluators.training_data.audit_report import AuditReport
from evaluators.training_data.corpus import Corpus
from evaluators.training_data.example import Example
from evaluators.training_data.example_file import ExampleFile
from evaluators.training_data.similarity.near_duplicates import grouped
from fairtrial.privacy.masking import mask


@dataclass(frozen=True, slots=True)
class ChangedRow:
    """A row with the same prompt in both versions, apart from masking: its lines, and the parts that differ."""

    before: int
    now: int
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabelChange:
    """Rows whose label in a field is another one now; ``None``: no label."""

    field: str
    before: str | None
    now: str | None
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ClassShare:
    """How many rows have a label in both versions, and which share of the labelled rows they are."""

    field: str
    label: str
    rows_before: int
    rows_now: int
    share_before: float
    share_now: float


@dataclass(frozen=True, slots=True)
class FindingChange:
    """Rows of a finding: ``new`` and ``gone`` have lines of the new and the old file. A whole-file one has no rows."""

    check: str
    kind: str
    severity: str
    rows_before: int | None
    rows_now: int | None
    new: tuple[int, ...]
    gone: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AuditDifference:
    """Two versions of a data set. ``added`` has lines of the new file, ``removed`` of the old one."""

    same: int
    added: tuple[int, ...]
    removed: tuple[int, ...]
    changed: tuple[ChangedRow, ...]
    labels: tuple[LabelChange, ...]
    shares: tuple[ClassShare, ...]
    findings: tuple[FindingChange, ...]


def compare(old: ExampleFile, new: ExampleFile, audit: Callable[[ExampleFile], AuditReport]) -> AuditDifference:
    """The difference. Equal rows match wherever they stand, then rows with the same prompt in their order, then those
    whose prompts are the same once they are masked.
    """
    removed, added = _unmatched(old.examples, new.examples, _content)
    same = len(old.examples) - len(removed)
    pairs: list[tuple[Example, Example]] = []
    for key in (_prompt, _masked_prompt):
        left, right = removed, added
        removed, added = _unmatched(left, right, key)
        pairs += _paired(left, right, {example.line for example in removed}, {example.line for example in added}, key)
    pairs.sort(key=lambda pair: pair[1].line)
    changed = tuple(ChangedRow(before.line, now.line, _parts(before, now)) for before, now in pairs)
    labels = _Labels(old), _Labels(new)
    return AuditDifference(
        same,
        tuple(example.line for example in added),
        tuple(example.line for example in removed),
        changed,
        tuple(_label_changes(*labels, changed)),
        tuple(_shares(*labels)),
        tuple(_findings(old, new, audit(old), audit(new))),
    )


def _unmatched(
    before: Sequence[Example], now: Sequence[Example], key: Callable[[Example], object]
) -> tuple[list[Example], list[Example]]:
    """The rows of each version without an equal partner in the other one; a repeated row has as many partners."""
    counts = Counter(map(key, before)) & Counter(map(key, now))
    return _rest(before, key, counts), _rest(now, key, counts)


def _rest(examples: Iterable[Example], key: Callable[[Example], object], counts: Counter[object]) -> list[Example]:
    left, rest = counts.copy(), []
    for example in examples:
        if left[key(example)] > 0:
            left[key(example)] -= 1
        else:
            rest.append(example)
    return rest


def _paired(
    before: Sequence[Example],
    now: Sequence[Example],
    removed: set[int],
    added: set[int],
    key: Callable[[Example], str],
) -> list[tuple[Example, Example]]:
    """Rows with the same key that differ in something else."""
    partners = grouped((key(example), example) for example in reversed(before) if example.line not in removed)
    return [(partners[key(example)].pop(), example) for example in now if example.line not in added]


def _prompt(example: Example) -> str:
    return example.prompt.strip()


def _masked_prompt(example: Example) -> str:
    return str(mask(example.prompt.strip(), Counter()))


def _content(example: Example) -> bytes:
    return sha256(json.dumps([example.messages, example.fields], sort_keys=True, default=dict).encode()).digest()


def _parts(before: Example, now: Example) -> tuple[str, ...]:
    differs = {
        "prompt": _prompt(before) != _prompt(now),
        "completion": before.completion != now.completion,
        "system prompt": before.system != now.system,
        "columns": before.fields != now.fields,
    }
    return tuple(name for name, is_other in differs.items() if is_other) or ("messages",)


class _Labels:
    """The label fields of one version."""

    def __init__(self, file: ExampleFile) -> None:
        fields = Corpus((file,), ("train",)).label_fields
        self.values = {field.name: field.values for field in fields}
        self.counts = {field.name: field.counts for field in fields}
        self.row_of = {example.line: row for row, example in enumerate(file.examples)}


def _label_changes(before: _Labels, now: _Labels, changed: Iterable[ChangedRow]) -> list[LabelChange]:
    lines = grouped(
        ((field, old, new), row.now)
        for row in changed
        for field in before.values.keys() & now.values.keys()
        if (old := before.values[field][before.row_of[row.before]]) != (new := now.values[field][now.row_of[row.now]])
    )
    ordered = sorted(lines.items(), key=lambda item: (item[0][0], -len(item[1])))
    return [LabelChange(*labels, tuple(rows)) for labels, rows in ordered]


def _shares(before: _Labels, now: _Labels) -> Iterator[ClassShare]:
    for field in dict.fromkeys((*now.counts, *before.counts)):
        old, new = before.counts.get(field, Counter()), now.counts.get(field, Counter())
        totals = max(1, old.total()), max(1, new.total())
        for label in sorted(old.keys() | new.keys(), key=lambda label: -new[label]):
            share = old[label] / totals[0], new[label] / totals[1]
            yield ClassShare(field, label, old[label], new[label], *(round(part, 6) for part in share))


def _findings(old: ExampleFile, new: ExampleFile, before: AuditReport, now: AuditReport) -> Iterator[FindingChange]:
    """Findings with other rows than before; rows are the same if their content is."""
    was, is_now = _rows_found(old, before), _rows_found(new, now)
    for key in dict.fromkeys((*is_now, *was)):
        earlier, later = was.get(key), is_now.get(key)
        contents = set((earlier or {}).values()), set((later or {}).values())
        gone = tuple(line for line, content in (earlier or {}).items() if content not in contents[1])
        added = tuple(line for line, content in (later or {}).items() if content not in contents[0])
        if added or gone or (earlier is None) != (later is None):
            before_rows, now_rows = (None if rows is None else len(rows) for rows in (earlier, later))
            yield FindingChange(*key, before_rows, now_rows, added, gone)


def _rows_found(file: ExampleFile, report: AuditReport) -> dict[tuple[str, str, str], dict[int, bytes]]:
    """For each check, kind and severity the lines found, with the content of their rows."""
    contents = {example.line: example for example in file.examples}
    rows_of: dict[tuple[str, str, str], dict[int, bytes]] = {}
    for issue in report.issues:
        rows = rows_of.setdefault((issue.check, issue.kind, issue.severity), {})
        rows |= {line: _content(contents[line]) for line in issue.rows if line in contents}
    return rows_of
