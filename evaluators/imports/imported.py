"""Defines sources of evaluations, and builds the suites that an import makes, with a list of all criteria."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from keyword import iskeyword
from pathlib import Path
from typing import Any, Literal

from evaluators.criteria.content_lines import compares
from evaluators.loading.template import text_or_json
from fairtrial.domain.errors import UsageError
from fairtrial.domain.registry import Registry
from fairtrial.domain.wording import counted

Outcome = Literal["equal", "near", "missing"]
OUTCOMES: tuple[Outcome, ...] = ("equal", "near", "missing")
NOT_NAME = re.compile(r"[^A-Za-z0-9_]+")
CHECKS = "checks"
"""The column, and the tag, that lists the scorers which measure a row."""
SPECIAL = frozenset({"id", "messages", "metadata", "assistant_prefix", "completion", CHECKS})
"""Columns with a meaning of their own in a suite, which an imported column must not get."""

GATE_MARGIN = "5pp"
"""The margin of each imported gate line. The original has none, so the user is told to choose one."""
ANSWER = r"\S"
ANSWERED = {"regex": {"name": "answered", "match": ANSWER}}
"""The scorer of a suite whose criteria have none, so that it runs and its answers can be reviewed."""


class ImportRefused(UsageError):
    """A file that can't be imported; the message names the file and the reason in one line."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion of the original, as the report lists it.

    ``original``: its whole text, which is never dropped. ``scorer``: the name of the scorer that measures it here.
    ``note``: the difference from the original, or why there is no scorer.
    """

    name: str
    original: str
    outcome: Outcome
    scorer: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class ImportedSuite:
    """One suite: ``score`` are entries as a suite's file has them, ``messages`` templates of its prompt.

    Without ``messages``, each row has its own. ``stubs``: the name of an own scorer → the original's code.
    """

    name: str
    description: str
    rows: tuple[Mapping[str, Any], ...]
    messages: tuple[Mapping[str, str], ...]
    params: Mapping[str, Any]
    score: tuple[Mapping[str, Any], ...]
    gate: tuple[str, ...]
    criteria: tuple[Criterion, ...]
    stubs: Mapping[str, str] = field(default_factory=dict)

    @property
    def compares(self) -> bool:
        """Whether a scorer compares answers with references, so that a gate line can measure what was answered."""
        entries = [(kind, options) for entry in self.score for kind, options in entry.items()]
        return any(compares(kind, options) and (kind == "own" or self._differ(options)) for kind, options in entries)

    def _differ(self, options: Mapping[str, Any]) -> bool:
        """Whether the references of a scorer with these options differ; a shuffle shows nothing if all are equal."""
        text = json.dumps(options, default=str)
        columns = {name for row in self.rows for name in row if f'"{name}"' in text} or {"expected"}
        given = [[text_or_json(row[name]) for row in self.rows if row.get(name) is not None] for name in columns]
        return len(self.rows) < 2 or any(len(set(values)) > 1 for values in given)


def named(text: str, *, otherwise: str) -> str:
    """A name for a suite, a scorer or a column, made of letters, digits and underscores."""
    name = NOT_NAME.sub("_", text).strip("_")[:60].strip("_")
    return otherwise if not name else name if name[0].isalpha() else f"{otherwise}_{name}"


def distinct(name: str, used: Iterable[str]) -> str:
    """The name, with a number if it is in use."""
    taken, number, candidate = set(used), 2, name
    while candidate in taken:
        candidate, number = f"{name}_{number}", number + 1
    return candidate


def column_named(text: str) -> str:
    """The column for a name of the original; names with a meaning of their own get a prefix."""
    name = named(text, otherwise="column")
    return f"original_{name}" if name in SPECIAL else name


@dataclass(frozen=True, slots=True)
class ImportSource:
    """One source: ``read(files, columns)`` gives its suites, or raises `ImportRefused`.

    ``columns`` maps names of the files' columns to ours, for sources that are tables.
    """

    name: str
    summary: str
    read: Callable[[Sequence[Path], Mapping[str, str]], list[ImportedSuite]] = field(repr=False)


SOURCES: Registry[ImportSource] = Registry(
    "evaluators.imports.sources", "sources", noun="source", kind=ImportSource, name_of=lambda source: source.name
)


class SuiteBuilder:
    """Collects rows and criteria. Rows may share a scorer; a row without its reference is not measured by it."""

    def __init__(self, name: str, description: str) -> None:
        self._name, self._description = name, description
        self.rows: list[dict[str, Any]] = []
        self.messages: list[Mapping[str, str]] = []
        self.params: dict[str, Any] = {}
        self._entries: dict[str, tuple[str, dict[str, Any]]] = {}
        self._measured: dict[str, set[int]] = {}
        self._criteria: dict[tuple[str, str], Criterion] = {}
        self._stubs: dict[str, str] = {}
        self._stub_rows: dict[str, set[int]] = {}
        self._gate: list[str] = []

    def row(self, columns: Mapping[str, Any]) -> int:
        """Add a row; returns its number."""
        self.rows.append(dict(columns))
        return len(self.rows) - 1

    def variables_as_prompt(self, original: Any, reason: str) -> None:
        """Send the columns of each row, because the prompt is unknown, and list it as missing."""
        names = sorted({name for row in self.rows for name in row})
        for row in self.rows:
            row.update({name: "" for name in names if row.get(name) is None})
        self.messages = [{"role": "user", "content": "\n".join(f"{name}: ${{{name}}}" for name in names) or "?"}]
        self.missing("prompt", original, f"{reason}; until you write it in the suite, the columns are sent")

    def scorer(self, wish: str, kind: str, options: Mapping[str, Any], rows: Mapping[int, Mapping[str, Any]]) -> str:
        """The scorer with these options, which measures these rows, given with the columns that it adds to each.

        ``options`` may have ``{}`` in texts, which stands for the scorer's name, so that its columns are its own.
        """
        for name, (known_kind, entry) in self._entries.items():
            if (known_kind, entry) == (kind, _filled(options, name)) and self._measured[name].isdisjoint(rows):
                break
        else:
            name = distinct(named(wish, otherwise=kind), [*self._entries, *self._stubs])
            self._entries[name] = (kind, _filled(options, name))
            self._measured[name] = set()
        for row, columns in rows.items():
            self._measured[name].add(row)
            self.rows[row].update(_filled(columns, name))
        return name

    def group(
        self, wish: str, members: Sequence[str], weights: Sequence[float], least: float | None, rows: set[int]
    ) -> str:
        """A weighted group of scorers that are built already, with the value from which a row passes.

        A member counts with its score, not with its own passing value.
        """
        entries = [(name, *self._entries[name]) for name in members]
        of = [
            {kind: {"name": name, **{option: value for option, value in options.items() if option != "pass"}}}
            for name, kind, options in entries
        ]
        options = {"of": of, "weights": list(weights), **({} if least is None else {"pass": least})}
        return self.scorer(wish, "group", options, {row: {} for row in rows})

    def limit(self, line: str) -> None:
        """Add a gate line."""
        if line not in self._gate:
            self._gate.append(line)

    def criterion(
        self, name: str, original: Any, outcome: Outcome, *, scorer: str | None = None, note: str = ""
    ) -> None:
        """List a criterion; the same one of several rows is listed once."""
        text = text_or_json(original)
        self._criteria.setdefault((name, text), Criterion(name, text, outcome, scorer, note))

    def near(self, name: str, original: Any, note: str, *, scorer: str | None = None) -> None:
        """List a criterion that differs from the original as ``note`` says."""
        self.criterion(name, original, "near", scorer=scorer, note=note)

    def missing(self, name: str, original: Any, note: str, *, scorer: str | None = None) -> None:
        """List a criterion without a counterpart, for the reason ``note``."""
        self.criterion(name, original, "missing", scorer=scorer, note=note)

    def stub(self, wish: str, code: str, rows: Iterable[int] = ()) -> str:
        """The name of an own scorer that the user has to write; one for the same code. ``rows`` stay for it."""
        name = next((name for name, known_code in self._stubs.items() if known_code == code), None)
        if name is None:
            wish = named(wish, otherwise="own")
            wish = f"own_{wish}" if iskeyword(wish) else wish
            name = distinct(wish, [*self._entries, *self._stubs])
            self._stubs[name] = code
        self._stub_rows.setdefault(name, set()).update(rows)
        return name

    def build(self) -> ImportedSuite:
        every = set().union(*self._measured.values()) if self._measured else set(range(len(self.rows)))
        of_code = set().union(*self._stub_rows.values()) - every
        if of_code:
            self.scorer("answered", "regex", {"match": ANSWER}, {row: {} for row in of_code})
            every |= of_code
        unmeasured = [at + 1 for at in range(len(self.rows)) if at not in every]
        if unmeasured:
            numbers = ", ".join(map(str, unmeasured[:20])) + (" …" if len(unmeasured) > 20 else "")
            share = f"{len(unmeasured):,} of {counted(len(self.rows), 'row')}"
            self.missing("rows", f"rows {numbers}", f"{share} left out, because no scorer has a reference there")
        begun = sum(row["messages"][-1].get("role") == "assistant" for row in self.rows if row.get("messages"))
        if begun:
            note = (
                f"the assistant's message at the end of {counted(begun, 'prompt')} is taken for the reference, not sent"
            )
            self.near("prompt", "messages", note)
        entries = []
        for name, (kind, options) in self._entries.items():
            rows = self._measured[name]
            when = {} if rows == every else {"when": {CHECKS: name}}
            entries.append({kind: {"name": name, **when, **options}})
            for row in () if rows == every else rows:
                self.rows[row].setdefault(CHECKS, []).append(name)
        for name, rows in self._stub_rows.items():
            for row in rows:
                self.rows[row].setdefault(CHECKS, []).append(name)
        if self.rows and not entries:
            entries, every = [ANSWERED], set(range(len(self.rows)))
        margins = [f"{name} not worse than base by {GATE_MARGIN}" for name in self._entries]
        return ImportedSuite(
            self._name,
            self._description,
            tuple({"id": str(at + 1), **self.rows[at]} for at in sorted(every)),
            tuple(self.messages),
            self.params,
            tuple(entries),
            (*margins, *self._gate, "errors <= 1%"),
            tuple(self._criteria.values()),
            dict(self._stubs),
        )


def _filled(value: Any, name: str) -> Any:
    """The value with ``{}`` in keys and texts replaced by the scorer's name, where the text is only that."""
    if isinstance(value, Mapping):
        return {_filled(key, name): _filled(item, name) for key, item in value.items()}
    return f"reference_{name}" if value == "{}" else value
