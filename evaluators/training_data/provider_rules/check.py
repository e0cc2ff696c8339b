"""Checks rows and files by the rules of a provider, as a check of an audit and for conversions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from evaluators.training_data.audit import Check
from evaluators.training_data.audit_report import MOST_LISTED, Issue, Severity
from evaluators.training_data.corpus import Corpus
from evaluators.training_data.example import Row, RowError
from evaluators.training_data.example_file import ExampleFile, every_row
from evaluators.training_data.provider_rules.rule import Layout, Provider, Upload
from evaluators.training_data.rows import NumberedRow, UnreadableRow
from fairtrial.domain.wording import counted

NAME = "provider-rules"
LAYOUT = "fields"
"""The rule that a row has the fields of a layout, of the documented types."""
ONE_LAYOUT = "one-format"
READABLE = "readable"


@dataclass(frozen=True, slots=True)
class Breach:
    """What breaks a rule: the line of the row, or 0 for a file; the rule's name, and what is wrong."""

    line: int
    rule: str
    wrong: str
    severity: Severity = "error"


def row_breaches(provider: Provider, rows: Iterable[NumberedRow | UnreadableRow]) -> list[Breach]:
    """All rules that the rows break, each once a row."""
    breaches: list[Breach] = []
    layouts: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        if isinstance(row, UnreadableRow):
            breaches.append(Breach(row.line, READABLE, row.wrong))
            continue
        found = layouts_of(provider, row.columns)
        if len(found) == 1 or (found and not provider.one_layout):
            layouts[found[0].name].append(row.line)
            breaches += (Breach(row.line, *broken) for broken in _broken(found[0], row.columns))
        elif found:
            names = " and ".join(layout.name for layout in found)
            breaches.append(Breach(row.line, ONE_LAYOUT, f"the row has the fields of several formats: {names}"))
        else:
            breaches.append(Breach(row.line, LAYOUT, _no_layout(provider, row.columns)))
    if provider.one_layout and len(layouts) > 1:
        usual = max(layouts, key=lambda name: len(layouts[name]))
        for name in layouts.keys() - {usual}:
            wrong = f"the row has the format {name}, unlike most rows, which have the format {usual}"
            breaches += (Breach(line, ONE_LAYOUT, wrong) for line in layouts[name])
    return sorted(breaches, key=lambda breach: breach.line)


def layouts_of(provider: Provider, row: Row) -> list[Layout]:
    """The layouts whose fields the row has, without those that are a part of another one."""
    found = [layout for layout in provider.layouts if all(name in row for name in layout.fields)]
    return [one for one in found if not any({*one.fields} < {*other.fields} for other in found)]


def _no_layout(provider: Provider, row: Row) -> str:
    has = ", ".join(map(repr, list(row)[:10])) or "no field"
    known = "; or ".join(", ".join(layout.fields) for layout in provider.layouts)
    return f"the row has {has}, and {provider.title} reads rows with {known}"


def _broken(layout: Layout, row: Row) -> Iterator[tuple[str, str, Severity]]:
    try:
        conversations = layout.read(row)
    except RowError as error:
        yield LAYOUT, error.wrong, "error"
        return
    for rule in layout.rules:
        wrong = next(filter(None, map(rule.find, conversations)), "")
        if wrong:
            yield rule.name, wrong, rule.severity


def file_breaches(provider: Provider, upload: Upload, *, training: bool = True) -> list[Breach]:
    """The rules for files that one of so many rows and bytes breaks."""
    broken = [one for one in provider.limits if (training or not one.training) and not one.holds(upload)]
    has = f"{counted(upload.rows, 'row')}, {upload.size:,} bytes, named {upload.suffix or 'without an ending'}"
    return [Breach(0, one.name, f"{provider.title} needs {one.needs} (the file has {has})") for one in broken]


def provider_check(provider: Provider) -> Check:
    """The check of an audit for the provider's rules. It reads training and validation files as they are written."""

    def find(corpus: Corpus) -> list[Issue]:
        issues: list[Issue] = []
        rows = [len(file.examples) + len(file.errors) for file in corpus.files]
        total = sum(number for number, role in zip(rows, corpus.roles, strict=True) if role == "train")
        for file, role, number in zip(corpus.files, corpus.roles, rows, strict=True):
            if role == "suite":
                continue
            training = role == "train"
            upload = Upload(file.path.suffix.lower(), file.path.stat().st_size, total if training else number)
            breaches = file_breaches(provider, upload, training=training) + row_breaches(provider, every_row(file))
            issues += _issues(provider, file, breaches)
        return issues

    return Check(f"the rules of {provider.title} for rows and files", find)


def _issues(provider: Provider, file: ExampleFile, breaches: Iterable[Breach]) -> list[Issue]:
    by_rule: dict[tuple[str, Severity], list[Breach]] = defaultdict(list)
    for breach in breaches:
        by_rule[breach.rule, breach.severity].append(breach)
    rules = {rule.name: rule for layout in provider.layouts for rule in layout.rules}
    needs = {name: f" ({rule.needs})".replace("`", "") for name, rule in rules.items()}
    issues = []
    for (rule, severity), found in by_rule.items():
        lines = tuple(breach.line for breach in found if breach.line)
        verb = "that breaks" if len(lines) == 1 else "that break"
        rows = f"{counted(len(lines), 'row')} {verb} {provider.title}'s rule {rule}{needs.get(rule, '')}; the first: "
        says = (rows if lines else f"rule {rule}: ") + found[0].wrong
        listed = [f"{breach.line}: {breach.wrong}" for breach in found[:MOST_LISTED] if breach.line]
        details = {"kind": rule, "provider": provider.title, "errors": listed}
        issues.append(Issue(NAME, severity, says, str(file.path), lines, len(found), details))
    return issues
