"""Plants faults into rows, and keeps which row has which fault."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.audit_trials.planted.rows import Row
from benchmarks.audit_trials.planted.wordings import Wording


@dataclass(slots=True)
class Trial:
    """Rows of one file, the places of each planted fault, and the places that a fault touches without being wrong.

    ``held_out`` are rows of a second file with which the audit compares the first.
    """

    rows: list[Row]
    draw: random.Random
    wording: Wording
    planted: dict[str, set[int]] = field(default_factory=dict)
    decoys: dict[str, set[int]] = field(default_factory=dict)
    touched: set[int] = field(default_factory=set)
    held_out: list[Row] = field(default_factory=list)

    def free(self, suits: Callable[[Row], bool]) -> list[int]:
        """The places of suitable rows that nothing has touched, in an order drawn at random."""
        places = [at for at, row in enumerate(self.rows) if at not in self.touched and suits(row)]
        self.draw.shuffle(places)
        return places

    def mark(self, fault: str, places: Sequence[int], *, partners: Sequence[int] = ()) -> None:
        """Record the places of a fault, and those of sound rows that belong to it."""
        self.planted.setdefault(fault, set()).update(places)
        self.touched.update(places, partners)

    @property
    def clean(self) -> set[int]:
        """The places of rows that no fault and no decoy concerns."""
        return set(range(len(self.rows))) - self.touched


Change = Callable[[Trial, Row], Row | None]
Plant = Callable[[Trial, str, list[int], int], None]


def always(_row: Row) -> bool:
    """Suits every row."""
    return True


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault, the group of faults that share a file, and the checks that are fit to find it.

    ``fitting`` are patterns of which one must occur in ``check:kind``. ``count`` rows are planted in each file.
    """

    name: str
    group: str
    fitting: tuple[str, ...]
    count: int
    plant: Plant
    suits: Callable[[Row], bool] = always
    sources: str = ""
    """Those to which it is restricted: ``labelled``, ``text``, or formats; by default all."""

    def applies(self, form: str, labelled: bool) -> bool:
        """Whether a source of that format can have the fault."""
        return not self.sources or bool({"labelled" if labelled else "text", form} & set(self.sources.split()))


def each(change: Change) -> Plant:
    """Change the first rows that can be changed, one by one."""

    def plant(trial: Trial, fault: str, places: list[int], count: int) -> None:
        done: list[int] = []
        for at in places:
            if len(done) == count:
                break
            changed = change(trial, trial.rows[at])
            if changed is not None and changed != trial.rows[at]:
                trial.rows[at] = changed
                done.append(at)
        trial.mark(fault, done)

    return plant


def planted(rows: Sequence[Row], faults: Sequence[Fault], seed: str, wording: Wording) -> Trial:
    """A copy of the rows with the faults, each in its own rows."""
    trial = Trial(list(rows), random.Random(seed), wording)
    for fault in faults:
        fault.plant(trial, fault.name, trial.free(fault.suits), fault.count)
    return trial
