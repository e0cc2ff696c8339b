"""Turns a gate's file into the request to judge by it, for the command line and for control's own official gates."""

from __future__ import annotations

from pathlib import Path

from evaluators.gate.file import Gate
from evaluators.loading.suite_text import digest_of, text_of
from fairtrial.api.verdicts import Judge, SuiteReference
from fairtrial.config.file.project_files import MOST_YAML_BYTES, project_root, read_text
from fairtrial.domain.errors import UsageError


def judge_request(gate: Gate, path: Path, candidate: str, baseline: str) -> Judge:
    """The request with the gate's text and the digests of its suites as they are now; raises `UsageError`."""
    text = read_text(path, project_root(path), most=MOST_YAML_BYTES)
    try:
        return Judge(gate=text, suites=tuple(suite_references(gate)), candidate=candidate, baseline=baseline)
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from error


def suite_references(gate: Gate) -> list[SuiteReference]:
    """The digests of a gate's suites."""
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
