"""Judges an entry as the product does: writes its files, loads them, scores all answers, and asks the gate."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.control_trials import program
from benchmarks.control_trials.entry import Entry, Imported, Model, Shipped, Written
from benchmarks.control_trials.evidence import DEFINITION, NOW_US, live, reviews
from evaluators.clusters import with_clusters
from evaluators.engine.engine import ChangedCopies, versions_of
from evaluators.engine.scoring import metrics_of, score_case
from evaluators.engine.signal_scorer import Signals
from evaluators.gate import file as gate_file
from evaluators.gate.file import Gate
from evaluators.gate.judge import judge
from evaluators.imports import files as imported_files
from evaluators.imports.imported import SOURCES
from evaluators.results.run_table import table_of
from evaluators.suite import Suite
from evaluators.trial import Trial
from fairtrial.domain.run import Answer, Case, CaseResult, Run
from fairtrial.domain.verdicts.verdict import Verdict
from fairtrial_cli.own_scorers import programs_of

ROOT = Path(__file__).parents[2]
GATE = ".gate.yaml"


def verdict_on(entry: Entry) -> Verdict:
    """The verdict on the entry's candidate, from runs with controls."""
    folder = Path(tempfile.mkdtemp(prefix="fairtrial-controls-"))
    try:
        gate = gate_of(entry, folder)
        runs = {
            (suite.name, target): table_of(run_of(suite, target, model))
            for suite in gate.suites
            for target, model in (("tuned", entry.candidate), ("base", entry.base))
        }
    finally:
        shutil.rmtree(folder)
    trial = Trial(
        "tuned",
        "base",
        lambda suite, target: runs.get((suite, target)),
        digests={"tuned": DEFINITION, "base": DEFINITION},
        reviews=reviews(entry, gate.suites),
    )
    return judge(gate, trial, verdict_id="v", at_us=NOW_US, live=live(entry))


def gate_of(entry: Entry, folder: Path) -> Gate:
    """The entry's gate, with its suites, as their loaders read them."""
    (folder / "fairtrial.yaml").write_text("version: 1\n", encoding="utf-8")
    names: list[str] = []
    for at, suite in enumerate(entry.suites):
        if isinstance(suite, Shipped) and suite.path.endswith(GATE):
            return gate_file.load(ROOT / suite.path)
        place = folder / f"part{at}"
        if isinstance(suite, Imported):
            # Where an import compares nothing, it also requires reviewed pairs, which no controls judge.
            return replace(gate_file.load(_imported(suite, place)), external=())
        path = _shipped(suite, place) if isinstance(suite, Shipped) else _written(suite, place, f"part{at}")
        names.append(str(path.relative_to(folder)))
    gate = {"version": 1, "gate": entry.name, "suites": names, "require": list(entry.require)}
    if entry.primary is not None:
        gate["experiment"] = "tuned-vs-base"
    path = folder / f"entry{GATE}"
    path.write_text(json.dumps(gate), encoding="utf-8")
    loaded = gate_file.load(path)
    for own in programs_of(path, loaded.suites):
        own.scorer.process.refused = None
    return loaded


def _shipped(suite: Shipped, place: Path) -> Path:
    source = ROOT / suite.path
    shutil.copytree(source.parent, place)
    return place / source.name


def _written(suite: Written, place: Path, name: str) -> Path:
    place.mkdir()
    for file, text in suite.files.items():
        (place / file).write_text(text, encoding="utf-8")
    (place / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in suite.rows), encoding="utf-8")
    text = f"suite: {name}\ndata: rows.jsonl\nparams: {{temperature: 0}}\nscore: {suite.score}\n{suite.more}"
    path = place / "suite.yaml"
    path.write_text(f"{text}gate: {json.dumps(list(suite.gate))}\n", encoding="utf-8")
    return path


def _imported(imported: Imported, place: Path) -> Path:
    """The gate that the import writes."""
    place.mkdir()
    originals = [place / name for name in imported.files]
    for path, text in zip(originals, imported.files.values(), strict=True):
        path.write_text(text, encoding="utf-8")
    suites = SOURCES.get(imported.source).read(originals, {})
    files = imported_files.files_of(suites)
    imported_files.check(suites, files)
    imported_files.write(files, place / "suites")
    return next(place / "suites" / name for name in files if name.endswith(GATE))


def run_of(suite: Suite, target: str, model: Model) -> Run:
    """The finished run of a suite whose answers the model gives."""
    results = program.with_controls(suite, scored(suite, answers_of(suite, model)))
    return Run(
        f"run-{target}-{suite.name}",
        suite.name,
        suite.digest,
        target,
        DEFINITION,
        None,
        suite.seed,
        suite.repeat,
        NOW_US,
        metrics_of(suite, results),
        versions_of(suite),
        ended_us=NOW_US,
        results=results,
    )


def answers_of(suite: Suite, model: Model) -> list[tuple[Case, int, Answer]]:
    """Each request with its answer, the repeats of a case together."""
    cases = list(with_clusters(suite.cases))
    texts = [model(cases, repeat) for repeat in range(suite.repeat)]
    return [
        (case, repeat, Answer(of[at], None, "stop", latency_ms=100.0, tokens_out=20, cost_usd=0.0001))
        for at, case in enumerate(cases)
        for repeat, of in enumerate(texts)
    ]


def scored(suite: Suite, answers: Sequence[tuple[Case, int, Answer]]) -> tuple[CaseResult, ...]:
    """The results in the order of the answers, changed copies with the scores that need their originals."""
    signals, copies = Signals(suite), ChangedCopies(suite)
    results: dict[int, CaseResult] = {}
    for at, (case, repeat, answer) in enumerate(answers):
        results.update(copies.add(at, score_case(suite, case, repeat, answer, signals=signals)))
    return tuple(results[at] for at in range(len(answers)))
