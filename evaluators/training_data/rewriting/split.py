"""Holds out a share of the training examples: stratified by class, in whole groups, and always the same for a seed."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from evaluators.training_data.corpus import Corpus
from evaluators.training_data.example import Example
from evaluators.training_data.example_file import USUAL, ExampleFile, column_in
from evaluators.training_data.leaks import CERTAIN, copies
from evaluators.training_data.similarity.containment import Pair
from evaluators.training_data.similarity.near_duplicates import connected
from fairtrial.domain.errors import UsageError, nearest

THREADS = ("thread", "thread_id", "conversation", "conversation_id")
"""Columns that name a conversation. The rows of one conversation stay together."""
MOST_ROUNDS = 10
"""How often rows that an audit would still report are put together, and the split is drawn again."""
AT_LEAST_ONE = 4
"""A class with so many rows gets at least one of them held out."""

COMPLETION = "completion"
MOST_CLASSES, ROWS_PER_CLASS = 50, 5
"""What counts as classes: at most so many values, with on average at least so many rows each."""
USUAL_COLUMNS = ("label", "class", "category", "intent")
UNLABELLED = "(none)"


@dataclass(frozen=True, slots=True)
class SplitOptions:
    """``share`` of the rows that are held out; ``label``: the column of the classes; ``group``: that of the groups."""

    share: float
    seed: int
    label: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class ClassCount:
    """The rows of one class, and how many of them are held out."""

    value: str
    rows: int
    held_out: int


@dataclass(frozen=True, slots=True)
class RowSplit:
    """Positions of the examples of both parts, in order.

    ``label`` and ``group`` are the columns that were used. ``groups``: how many groups of two or more rows stay
    together, the largest with ``largest`` rows.
    """

    train: tuple[int, ...]
    holdout: tuple[int, ...]
    label: str | None
    group: str | None
    groups: int
    largest: int
    classes: tuple[ClassCount, ...]


def split_examples(file: ExampleFile, options: SplitOptions) -> RowSplit:
    """The split of a file's examples; raises `UsageError` if one part would be empty."""
    label = None if options.label is None else _column(file, options.label, "--label")
    classes = classes_of(file.examples, label)
    threads = _usual_columns(file.examples, THREADS)
    column = next(threads, None) if options.group is None else _column(file, options.group, "--group")
    groups, held_out = _separated(file, options, classes, column)
    train = tuple(at for at in range(len(file.examples)) if at not in held_out)
    several = [len(group) for group in groups if len(group) > 1]
    return RowSplit(
        train=train,
        holdout=tuple(sorted(held_out)),
        label=options.label or classes.name,
        group=options.group or column,
        groups=len(several),
        largest=max(several, default=1),
        classes=_counts(classes, held_out),
    )


def _column(file: ExampleFile, name: str, option: str) -> str:
    """The name that `value_of` knows for a column of the file; raises `UsageError` if no row has it."""
    known = list(
        dict.fromkeys(key for example in file.examples for source in (example.fields, example.labels) for key in source)
    )
    column = column_in([*known, *file.roles, *USUAL], name)
    if column is None:
        raise UsageError(f"{option}: no row has {name!r} ({nearest(name, [*known, *file.roles, *USUAL])})")
    return column if column in known else file.roles.get(column, column)


def _usual_columns(examples: Sequence[Example], names: Iterable[str]) -> Iterator[str]:
    fields = dict.fromkeys(name for example in examples for name in example.fields)
    return (column for name in names if (column := column_in(fields, name)) is not None)


def _separated(
    file: ExampleFile, options: SplitOptions, classes: "Classes", column: str | None
) -> tuple[list[list[int]], set[int]]:
    """The groups, and the rows that are held out, so that the audit's own check finds no leak between the parts."""
    similar = Corpus((file,), ("train",)).similar
    pairs = [(group[0], row) for group in (*similar.same, *similar.near) for row in group[1:]]
    pairs += [] if column is None else _same_value(file.examples, column)
    for _ in range(MOST_ROUNDS):
        groups = connected([*pairs, *((row, row) for row in range(len(file.examples)))])
        held_out = _hold_out(groups, classes, _keys(file.examples, groups, options.seed), options.share)
        if not 0 < len(held_out) < len(file.examples):
            raise UsageError(f"{file.path}: {_why_empty(file.examples, groups, options.share)}")
        leaks = list(_leaks(file, held_out))
        if not leaks:
            return groups, held_out
        pairs += leaks
    raise UsageError(
        f"{file.path}: no split without leaks was found in {MOST_ROUNDS} rounds; remove repeated rows first"
    )


def _leaks(file: ExampleFile, held_out: set[int]) -> Iterator[Pair]:
    """Pairs of a training row and a held-out row that an audit of the two parts would report as a problem."""
    rows = [[at for at in range(len(file.examples)) if (at in held_out) is held] for held in (False, True)]
    parts = tuple(replace(file, examples=tuple(file.examples[at] for at in part)) for part in rows)
    number = [*rows[0], *rows[1]]
    pairs = copies(Corpus(parts, ("train", "validation")))
    return ((number[pair], number[other]) for kind in CERTAIN for pair, other in pairs[kind])


def _same_value(examples: Sequence[Example], column: str) -> Iterable[tuple[int, int]]:
    first: dict[str, int] = {}
    for row, example in enumerate(examples):
        value = value_of(example, column)
        if value:
            yield first.setdefault(value, row), row


def _keys(examples: Sequence[Example], groups: Sequence[Sequence[int]], seed: int) -> list[bytes]:
    """The place of each group in the draw: it follows from the seed and the texts, not from the order of the rows."""
    digests = [
        hashlib.sha256(f"{seed}\n{example.prompt}\n{example.completion}".encode("utf-8", "surrogatepass")).digest()
        for example in examples
    ]
    return [min(digests[row] for row in group) for group in groups]


def _hold_out(groups: Sequence[Sequence[int]], classes: "Classes", keys: Sequence[bytes], share: float) -> set[int]:
    """Take groups in the order of the draw, as long as they bring the classes nearer to their shares."""
    left = _quotas(Counter(classes.values), share)
    held_out: set[int] = set()
    for at in sorted(range(len(groups)), key=keys.__getitem__):
        counts = Counter(classes.values[row] for row in groups[at])
        if sum(abs(left[value]) - abs(left[value] - count) for value, count in counts.items()) > 0:
            held_out.update(groups[at])
            for value, count in counts.items():
                left[value] -= count
    return held_out


def _quotas(counts: Counter[str], share: float) -> dict[str, int]:
    """The rows of each class to hold out: rounded by the largest remainder, so that the total is right, too."""
    exact = {value: rows * share for value, rows in counts.items()}
    quotas = {value: int(rows) for value, rows in exact.items()}
    missing = int(counts.total() * share + 0.5) - sum(quotas.values())
    for value in sorted(exact, key=lambda value: (quotas[value] - exact[value], value))[:missing]:
        quotas[value] += 1
    return {value: max(1, rows) if counts[value] >= AT_LEAST_ONE else rows for value, rows in quotas.items()}


def _counts(classes: "Classes", held_out: set[int]) -> tuple[ClassCount, ...]:
    held = Counter(classes.values[row] for row in held_out)
    return tuple(ClassCount(value, rows, held[value]) for value, rows in Counter(classes.values).most_common())


def _why_empty(examples: Sequence[Example], groups: Sequence[Sequence[int]], share: float) -> str:
    largest = max(map(len, groups))
    return (
        f"{share:.0%} of {len(examples)} rows can't be held out, because rows that repeat each other or share a thread "
        f"stay together (the largest of {len(groups)} groups has {largest} rows)"
    )


@dataclass(frozen=True, slots=True)
class Classes:
    """The class of each example; ``name`` is the column, or ``None`` if nothing in the rows looks like classes."""

    name: str | None
    values: tuple[str, ...]


def classes_of(examples: Sequence[Example], name: str | None = None) -> Classes:
    """The classes by the named column: a field, a key of the JSON completion, or ``completion`` itself.

    Without a name, it is a usual column, the completion, or the first key of the JSON completions, whichever first has
    few enough values.
    """
    if name is not None:
        return Classes(name, tuple(_value(example, name) for example in examples))
    keys = dict.fromkeys(key for example in examples for key in example.labels)
    candidates = [*_usual_columns(examples, USUAL_COLUMNS), *([] if keys else [COMPLETION]), *keys]
    for candidate in candidates:
        values = tuple(_value(example, candidate) for example in examples)
        if _are_classes(values):
            return Classes(candidate, values)
    return Classes(None, ("",) * len(examples))


def value_of(example: Example, name: str) -> str | None:
    """A field, or a key of the JSON completion, as text; ``None`` if the example has neither."""
    for source in (example.fields, example.labels):
        if name in source:
            return _text(source[name])
    return {"prompt": example.prompt, COMPLETION: example.completion}[name].strip() if name in USUAL else None


def _value(example: Example, name: str) -> str:
    value = value_of(example, name)
    return UNLABELLED if value is None else value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _are_classes(values: Sequence[str]) -> bool:
    distinct = Counter(value for value in values if value != UNLABELLED)
    known = sum(distinct.values())
    most = min(MOST_CLASSES, known / ROWS_PER_CLASS)
    return known > len(values) / 2 and 2 <= len(distinct) <= most
