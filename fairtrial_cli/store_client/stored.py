"""Reads, stores and judges what takes several operations: runs, their suites and cases, gate files and frozen plans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from evaluators.engine.run_events import run_of
from evaluators.engine.summary import Explanation, changed_since, explain
from evaluators.loading.suite_file import search
from evaluators.loading.suite_reader import load
from evaluators.results.table_formats import table_from
from evaluators.suite import Suite
from fairtrial.api import experiments, runs, store, verdicts
from fairtrial.api.operation import Nothing
from fairtrial.domain.errors import UsageError, nearest
from fairtrial.domain.run import CaseResult, Run
from fairtrial.domain.verdicts.verdict import Verdict
from fairtrial.domain.wording import TEXT_DELETED
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.journal.reader import decode
from fairtrial_cli.store_client.run_journal import write_new_texts

if TYPE_CHECKING:
    from evaluators.results.run_table import RunTable
    from fairtrial.config.project import Project
    from fairtrial_cli.store_client.client import StoreClient


FOLDERS = (Path("suites"), Path())
"""Where a suite's file is searched."""


def load_table(client: StoreClient, run_id: str) -> RunTable:
    """One run in columns, without texts; usable while the store is open. Raises `UsageError`."""

    def details(scorer: str) -> Any:
        return _arrow(client.call(runs.details, runs.DetailsOf(run_id=run_id, scorer=scorer)))

    return table_from(_arrow(client.call(runs.columns, runs.NameRun(run_id=run_id))), details)


def load_noise_floor(client: StoreClient, run_id: str) -> RunTable | None:
    """The run in which the same weights answered this run's suite again, or ``None``; see `load_table`."""
    again = client.call(runs.noise_floor, runs.NameRun(run_id=run_id)).run_id
    return None if again is None else load_table(client, again)


def record_suites(client: StoreClient, suites: Sequence[Suite]) -> None:
    """Store the texts of these suites, unless they are already stored."""

    def is_known(suite_digest: str, text_digest: str) -> bool:
        request = runs.ListSuites(suite_digest=suite_digest, text_digest=text_digest)
        return bool(client.call(runs.suites, request))

    if write_new_texts(client.layout, suites, is_known):
        client.call(store.ingest, Nothing())


def judge(client: StoreClient, request: verdicts.Judge) -> Verdict:
    """Judge, and store the verdict; raises `UsageError`."""
    return client.call(verdicts.judge, request)


def frozen_plans(client: StoreClient) -> dict[str, AnalysisPlan]:
    """The newest frozen analysis plan of each experiment that has started, by name."""
    rows = msgspec.json.decode(client.call(experiments.analysis_plans, Nothing()))["rows"]
    return {plan.experiment: plan for plan in map(AnalysisPlan.restored, rows)}


def _arrow(content: bytes) -> Any:
    import pyarrow

    with pyarrow.ipc.open_stream(content) as stream:
        return stream.read_all()


def judge_gate_file(store: StoreClient, gate_path: Path, project: Project, *, candidate: str, baseline: str) -> Verdict:
    """The verdict of the gate in this file on the store's newest runs of its suites as they stand; it is stored.

    The files are read here, so that every error has its file and line. Their owner gets the gate's text and the
    suites' digests, and judges by what the store has of them. Raises `UsageError` for an unknown target and
    `ConfigError` for a gate with errors; evidence that is missing is a HOLD, not an error.
    """
    from evaluators.gate.file import load
    from gateway.control.verdicts.gate_file import digests_of, judge_request, refuse_unknown_refs

    digests_of(project.plan, candidate, baseline)
    gate = load(gate_path)
    refuse_unknown_refs(gate, project.plan)
    record_suites(store, gate.suites)
    return judge(store, judge_request(gate, gate_path, candidate, baseline))


@dataclass(frozen=True, slots=True)
class ExplainedAnswer:
    """One answer to the case, and an explanation of each score."""

    repeat: int
    outcome: str
    text: str | None
    error: str | None
    explanations: Sequence[Explanation]


@dataclass(frozen=True, slots=True)
class ExplainedCase:
    """One case of a stored run. ``notes`` say what cannot be shown, or what changed since the run."""

    run_id: str
    suite: str
    target: str
    case_id: str
    asked: Sequence[Any]
    expected: Any
    notes: Sequence[str]
    answers: Sequence[ExplainedAnswer]


def suite_of_run(name: str, file: Path | None) -> Suite | None:
    """The suite with this name in the file, or in a file of `FOLDERS`; ``None`` if there is none."""
    for path in [file] if file is not None else [search(folder).suites.get(name) for folder in FOLDERS]:
        if path is not None:
            return next((suite for suite in load(path) if suite.name == name), None)
    return None


def explained_case(store: StoreClient, name: str, case_id: str, file: Path | None) -> ExplainedCase:
    """One case of the run with this name, in all its repeats; raises `UsageError` for an unknown run or case."""
    run = stored_run(store, name)
    results = [result for result in run.results if result.case.case_id == case_id]
    if not results:
        known = nearest(case_id, {result.case.case_id for result in run.results})
        raise UsageError(f"run {run.run_id} has no case {case_id!r} ({known})")
    suite = suite_of_run(run.suite, file)
    if suite is None:
        where = str(file) if file is not None else "./suites and the current folder"
        notes = [
            f"no suite {run.suite!r} in {where}, so only what the store has is shown (name its file: --suite FILE)"
        ]
    else:
        notes = [note] if (note := changed_since(results[0], suite)) else []
    case = results[0].case
    answers = [_answer(result, run, suite) for result in results]
    return ExplainedCase(run.run_id, run.suite, run.target, case_id, case.messages, case.expected, notes, answers)


def stored_run(store: StoreClient, name: str) -> Run:
    """The run with this name, with the texts that are kept; raises `UsageError`."""
    run_id = store.call(runs.resolve, runs.ResolveRun(name=name)).run_id
    lines = store.call(runs.events, runs.NameRun(run_id=run_id)).split(b"\n")
    return run_of(decode(line) for line in lines if line)


def _answer(result: CaseResult, run: Run, suite: Suite | None) -> ExplainedAnswer:
    deleted = result.answer.text is None and result.outcome != "provider_error"
    text = f"[{TEXT_DELETED}]" if deleted else result.answer.text
    originals = {
        case_result.case.case_id: case_result for case_result in run.results if case_result.repeat == result.repeat
    }
    is_stored = result.answer.error is None and result.answer.text is not None
    scores = explain(result, run.versions, suite if is_stored else None, originals)
    return ExplainedAnswer(result.repeat, result.outcome, text, result.answer.error, scores)
