"""Finds the suite of a stored run by its name, and explains a case of the run with the suite's scorers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluators.engine.run_events import run_of
from evaluators.engine.summary import Explanation, changed_since, explain, has_answer
from evaluators.loading.suite_file import suites_near
from evaluators.loading.suite_reader import load
from evaluators.suite import Suite
from fairtrial.api import runs
from fairtrial.config.file.errors import nearest
from fairtrial.domain.errors import UsageError
from fairtrial.domain.run import CaseResult, Run
from fairtrial.domain.wording import TEXT_DELETED
from fairtrial.journal.reader import decode

if TYPE_CHECKING:
    from fairtrial_cli.store_client.client import StoreClient

FOLDERS = (Path("suites"), Path())
"""Where a suite's file is searched."""


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
    for found in [file] if file is not None else [suites_near(folder).get(name) for folder in FOLDERS]:
        if found is not None:
            return next((suite for suite in load(found) if suite.name == name), None)
    return None


def explained_case(store: StoreClient, name: str, case_id: str, file: Path | None) -> ExplainedCase:
    """One case of the run with this name, in all its repeats; raises `UsageError` for an unknown run or case."""
    run = stored_run(store, name)
    results = [one for one in run.results if one.case.case_id == case_id]
    if not results:
        known = nearest(case_id, {one.case.case_id for one in run.results})
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
    answers = [_answer(one, run, suite) for one in results]
    return ExplainedCase(run.run_id, run.suite, run.target, case_id, case.messages, case.expected, notes, answers)


def stored_run(store: StoreClient, name: str) -> Run:
    """The run with this name, with the texts that are kept; raises `UsageError`."""
    run_id = store.call(runs.resolve, runs.ResolveRun(name=name)).run_id
    lines = store.call(runs.events, runs.NameRun(run_id=run_id)).split(b"\n")
    return run_of(decode(line) for line in lines if line)


def _answer(result: CaseResult, run: Run, suite: Suite | None) -> ExplainedAnswer:
    deleted = result.answer.text is None and result.outcome != "provider_error"
    text = f"[{TEXT_DELETED}]" if deleted else result.answer.text
    originals = {one.case.case_id: one for one in run.results if one.repeat == result.repeat}
    scores = explain(result, run.versions, suite if has_answer(result.answer) else None, originals)
    return ExplainedAnswer(result.repeat, result.outcome, text, result.answer.error, scores)
