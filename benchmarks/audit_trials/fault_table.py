"""Tables of what an audit finds of planted faults, and of its false alarms in clean rows, by kind and source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.audit_trials.found import Figures, fits
from benchmarks.audit_trials.planted.planting import Fault


@dataclass(slots=True)
class Count:
    """Planted rows, those named as errors or warnings, and those that are only suggested."""

    planted: int = 0
    certain: int = 0
    suggested: int = 0

    @property
    def recall(self) -> float:
        """The share that is named at all."""
        return (self.certain + self.suggested) / self.planted if self.planted else 0.0


def recalls(figures: Sequence[Figures], faults: Sequence[Fault]) -> dict[str, dict[str, Count]]:
    """Counts by fault and source."""
    counts: dict[str, dict[str, Count]] = {}
    for fault in faults:
        for of in figures:
            places = of.trial.planted.get(fault.name)
            if places:
                certain, suggested = of.best(fault.fitting, places)
                count = counts.setdefault(fault.name, {}).setdefault(of.source, Count())
                count.planted += len(places)
                count.certain += len(certain)
                count.suggested += len(suggested)
    return counts


def alarms(figures: Sequence[Figures]) -> dict[tuple[str, str], dict[str, tuple[int, int]]]:
    """By check and severity, and by source: the clean rows that are named, and the clean rows of the same files.

    Only files of a group in which the kind can occur count: leaks need a held-out file.
    """
    found: dict[tuple[str, str], dict[str, tuple[int, int]]] = {}
    for finding in sorted({finding for of in figures for finding in of.named}):
        for of in figures:
            if finding[0].startswith("leak") and not of.trial.held_out:
                continue
            clean = of.trial.clean
            by_source = found.setdefault(finding, {})
            named, rows = by_source.get(of.source, (0, 0))
            by_source[of.source] = (named + len(of.named.get(finding, set()) & clean), rows + len(clean))
    return found


def lines(figures: Sequence[Figures], faults: Sequence[Fault]) -> Iterator[str]:
    """The three tables: recall, false alarms, and good rows deleted."""
    sources = list(dict.fromkeys(of.source for of in figures))
    yield f"{'recall: rows named / planted (suggested)':<46}" + "".join(f"{name:>16}" for name in (*sources, "all"))
    for fault, by_source in recalls(figures, faults).items():
        total = Count(
            *(sum(getattr(count, part) for count in by_source.values()) for part in ("planted", "certain", "suggested"))
        )
        cells = [by_source.get(name) for name in sources] + [total]
        yield f"  {fault:<44}" + "".join(f"{_cell(count):>16}" for count in cells)
    yield f"{'alarms per 1,000 clean rows':<46}" + "".join(f"{name:>16}" for name in (*sources, "all"))
    for (kind, severity), by_source in alarms(figures).items():
        cells = [by_source.get(name, (0, 0)) for name in sources]
        cells.append((sum(named for named, _ in cells), sum(rows for _, rows in cells)))
        if cells[-1][0]:
            yield f"  {kind + ' ' + severity:<44}" + "".join(f"{_rate(*cell):>16}" for cell in cells)
    yield from _decoys(figures)
    yield "good rows deleted by `data fix` per 1,000 of all"
    for name in sources:
        deleted = sum(len(of.deleted_good) for of in figures if of.source == name)
        yield f"  {name:<44}{_rate(deleted, sum(len(of.trial.rows) for of in figures if of.source == name)):>16}"


def _decoys(figures: Sequence[Figures]) -> Iterator[str]:
    yield "decoys: sound rows that look like faults, named as errors or warnings / suggested / all"
    names = dict.fromkeys(name for of in figures for name in of.trial.decoys)
    for name in names:
        certain = suggested = rows = 0
        by = set()
        for of in figures:
            places = of.trial.decoys.get(name, set())
            rows += len(places)
            certain += len(of.best((".",), places)[0])
            suggested += len(of.best((".",), places)[1])
            by |= {kind for (kind, _), named in of.named.items() if named & places}
        yield f"  {name:<44}{certain:>5} {suggested:>5} {rows:>5}  {', '.join(sorted(by))}"


def _cell(count: Count | None) -> str:
    if count is None:
        return "–"
    return f"{count.certain}/{count.planted}" + (f" (+{count.suggested})" if count.suggested else "")


def _rate(named: int, rows: int) -> str:
    return f"{1000 * named / rows:.1f}" if rows else "–"


def examples(figures: Sequence[Figures], faults: Sequence[Fault], *, most: int = 4) -> Iterator[str]:
    """Some rows that were missed, and some clean ones that were named."""
    for fault in faults:
        for of in figures:
            places = of.trial.planted.get(fault.name, set())
            missed = sorted(places - set.union(*of.best(fault.fitting, places))) if places else []
            for at in missed[:most]:
                others = sorted({kind for (kind, _), named in of.named.items() if at in named})
                by = ", ".join(others) or "none"
                yield f"missed: {fault.name} in {of.source}, row {at}: {_text(of, at)} (named by: {by})"
    for of in figures:
        for (kind, severity), named in of.named.items():
            for at in sorted(named & of.trial.clean)[:most]:
                yield f"alarm: {kind} {severity} in {of.source} ({of.group}), row {at}: {_text(of, at)}"
            for name, places in of.trial.decoys.items():
                for at in sorted(named & places):
                    yield f"decoy: {name}: {kind} {severity} in {of.source}, row {at}: {_text(of, at)}"
        for at in sorted(of.deleted_good)[:most]:
            yield f"deleted: in {of.source} ({of.group}), row {at}: {_text(of, at)}"


def _text(figures: Figures, at: int) -> str:
    row = figures.trial.rows[at]
    return f"{row.prompt[-160:]!r} -> {row.answer[-160:]!r}"


def reliability(figures: Sequence[Figures], faults: Sequence[Fault]) -> list[dict[str, Any]]:
    """For each kind and source, its false alarms, the rows of the faults that are planted for it, and those found.

    The first pattern of a fault names its kinds. A row that only another fitting kind of its check names is left out.
    """
    measured: list[dict[str, Any]] = []
    for finding in sorted({finding for of in figures for finding, _ in of.named}):
        check, _, kind = finding.partition(":")
        of_kind = [fault for fault in faults if fits(fault.fitting[:1], finding)]
        for source in dict.fromkeys(of.source for of in figures):
            files = [
                of for of in figures if of.source == source and (of.trial.held_out or not finding.startswith("leak"))
            ]
            planted = found = clean_rows = false_alarms = 0
            for of in files:
                for fault in of_kind:
                    places = of.trial.planted.get(fault.name, set())
                    hits = places & of.rows_of(finding)
                    missed = places - set.union(*of.best(fault.fitting, places, check=check))
                    planted += len(hits | missed)
                    found += len(hits)
                clean_rows += len(of.trial.clean)
                false_alarms += len(of.rows_of(finding) & of.trial.clean)
            counts = {"planted": planted, "found": found, "clean_rows": clean_rows, "false_alarms": false_alarms}
            measured.append({"check": check, "kind": kind, "source": source, **counts})
    return measured
