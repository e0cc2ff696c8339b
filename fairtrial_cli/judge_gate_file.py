"""Reads a gate file and asks the store to judge a candidate by it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from fairtrial.config.file.project_files import MOST_YAML_BYTES, project_root, read_text
from fairtrial.domain.errors import UsageError
from fairtrial.domain.verdict import Verdict

if TYPE_CHECKING:
    from evaluators.gate.file import Gate
    from fairtrial.config.project import Project
    from fairtrial_cli.store_client.client import StoreClient
    from gateway.control.operations.requests.judgement import JudgeRequest, SuiteReference


def judge_gate_file(store: StoreClient, gate_path: Path, project: Project, *, candidate: str, baseline: str) -> Verdict:
    """The verdict of the gate in this file on the store's newest runs of its suites as they stand; it is stored.

    The files are read here, so that every error has its file and line. Their owner gets the gate's text and the
    suites' digests, and judges by what the store has of them. Raises `UsageError` for an unknown target and
    `ConfigError` for a gate with errors; evidence that is missing is a HOLD, not an error.
    """
    from evaluators.gate.file import load
    from gateway.control.operations.requests.judgement import digests_of, refuse_unknown_refs

    digests_of(project.plan, candidate, baseline)
    gate = load(gate_path)
    refuse_unknown_refs(gate, project.plan)
    store.record_suites(gate.suites)
    return store.judge(_request(gate, gate_path, candidate, baseline), project)


def _request(gate: Gate, path: Path, candidate: str, baseline: str) -> JudgeRequest:
    from gateway.control.operations.requests.judgement import JudgeRequest

    text = read_text(path, project_root(path), most=MOST_YAML_BYTES)
    try:
        return JudgeRequest(gate=text, suites=_references(gate), candidate=candidate, baseline=baseline)
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def _references(gate: Gate) -> list[SuiteReference]:
    from evaluators.loading.suite_text import digest_of, text_of
    from gateway.control.operations.requests.judgement import SuiteReference

    return [
        SuiteReference(
            suite=suite.name,
            digest=suite.digest,
            text_digest=digest_of(text_of(suite)),
            listed=listed,
            file=str(suite.path),
        )
        for listed, suite in zip(gate.listed, gate.suites, strict=True)
    ]
