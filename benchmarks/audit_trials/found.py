"""Audits and fixes the planted files through the command line, and counts what is found, by fault, check and source."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from benchmarks.audit_trials.development import Source
from benchmarks.audit_trials.planted.all_faults import FAULTS
from benchmarks.audit_trials.planted.decoys import PAIRS, Pairs, add_decoys
from benchmarks.audit_trials.planted.planting import Fault, Trial, planted
from benchmarks.audit_trials.planted.rows import FORMATS, Row
from benchmarks.audit_trials.planted.wordings import Wording
from fairtrial_cli.main import fairtrial

ALARMS = ("error", "warning")
Finding = tuple[str, str]
"""A check and its kind, as ``check:kind``, and the severity."""


@dataclass(slots=True)
class Figures:
    """What one file gave: the places of rows by what named them, and of those that the repair removed."""

    source: str
    group: str
    trial: Trial
    named: dict[Finding, set[int]]
    deleted: set[int] = field(default_factory=set)

    def best(self, fitting: Sequence[str], places: set[int], *, check: str = "") -> tuple[set[int], set[int]]:
        """The places that a fitting kind names as an error or a warning, and those that it only suggests."""
        fitting_named = [
            (severity, rows)
            for (finding, severity), rows in self.named.items()
            if fits(fitting, finding) and finding.startswith(f"{check}:" if check else "")
        ]
        certain = {at for severity, rows in fitting_named if severity in ALARMS for at in rows & places}
        return certain, {
            at for severity, rows in fitting_named if severity == "suggestion" for at in rows & places
        } - certain

    def rows_of(self, finding: str) -> set[int]:
        """The places that a kind of finding names, at any severity."""
        return {at for (kind, _), rows in self.named.items() if kind == finding for at in rows}

    @property
    def deleted_good(self) -> set[int]:
        """The places of removed rows in which no fault was planted."""
        return self.deleted - {at for places in self.trial.planted.values() for at in places}


def fits(fitting: Sequence[str], kind: str) -> bool:
    return any(re.search(pattern, kind) for pattern in fitting)


def measure(
    sources: Sequence[Source], wording: Wording, faults: Sequence[Fault] = FAULTS, decoys: Pairs = PAIRS
) -> list[Figures]:
    """What is found in each file of each source."""
    figures: list[Figures] = []
    for source in sources:
        print(f"planting into {source.name}", file=sys.stderr, flush=True)
        figures += run_source(source, faults, wording, decoys)
    return figures


def run_source(source: Source, faults: Sequence[Fault], wording: Wording, decoys: Pairs) -> Iterator[Figures]:
    """The unplanted file with decoys, and one file for each group of faults that the source can have."""
    rows = source.draw()
    sound = planted(rows, (), "", wording)
    if not source.labelled:
        add_decoys(sound, tools=source.format == "chat", pairs_by_name=decoys)
    yield run(source, "unplanted", sound)
    own = [fault for fault in faults if fault.applies(source.format, source.labelled)]
    for group in dict.fromkeys(fault.group for fault in own):
        trial = planted(rows, [fault for fault in own if fault.group == group], f"{source.name} {group}", wording)
        yield run(source, group, trial)


def run(source: Source, group: str, trial: Trial) -> Figures:
    """What an audit names in the rows of a trial, and which rows the repair removes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path, lines = _write(source, trial.rows, folder / "train")
        call = ["audit", str(path), "--json", "--format", source.format]
        if trial.held_out:
            call += ["--validation", str(_write(source, trial.held_out, folder / "held-out")[0])]
        if group == "structure" and "--for " in str(_invoke("audit", "--help")):
            call += ["--for", "openai"]
        issues = json.loads(_invoke(*call))["issues"]
        places = {line: at for at, line in enumerate(lines)}
        figures = Figures(source.name, group, trial, _named(issues, str(path), places))
        output = json.loads(_invoke("fix", str(path), "--json", "-o", str(folder / "fixed.jsonl")))
        gone = {change["line"] for change in output["changes"] if change["action"] == "removed"}
        figures.deleted = {places[line] for line in gone if line in places}
    return figures


def _named(issues: list[dict[str, Any]], path: str, places: dict[int, int]) -> dict[Finding, set[int]]:
    named: dict[Finding, set[int]] = {}
    for issue in issues:
        if issue["file"] == path and issue["severity"] != "info":
            details = issue["details"]
            by_kind = details.get("rows_by_kind") or {details.get("kind", ""): issue["rows"]}
            for kind, lines in by_kind.items():
                of = named.setdefault((f"{issue['check']}:{kind}", issue["severity"]), set())
                of |= {places[line] for line in lines if line in places}
    return named


def _write(source: Source, rows: Sequence[Row], stem: Path) -> tuple[Path, list[int]]:
    ending, write = FORMATS[source.format]
    text, lines = write(rows)
    path = stem.with_suffix(ending)
    path.write_text(text, encoding="utf-8")
    return path, lines


def _invoke(*arguments: str) -> str:
    done = CliRunner().invoke(fairtrial, ["data", *arguments], catch_exceptions=False)
    if done.exit_code == 2:
        print(f"refused, so nothing is found: {done.output.strip()}", file=sys.stderr, flush=True)
        return json.dumps({"issues": [], "changes": []})
    return done.stdout
