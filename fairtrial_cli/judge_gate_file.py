"""Reads a gate file and asks the store to judge a candidate by it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fairtrial.domain.verdict import Verdict
from fairtrial_cli.store_client.stored import judge, record_suites

if TYPE_CHECKING:
    from fairtrial.config.project import Project
    from fairtrial_cli.store_client.client import StoreClient


def judge_gate_file(store: StoreClient, gate_path: Path, project: Project, *, candidate: str, baseline: str) -> Verdict:
    """The verdict of the gate in this file on the store's newest runs of its suites as they stand; it is stored.

    The files are read here, so that every error has its file and line. Their owner gets the gate's text and the
    suites' digests, and judges by what the store has of them. Raises `UsageError` for an unknown target and
    `ConfigError` for a gate with errors; evidence that is missing is a HOLD, not an error.
    """
    from evaluators.gate.file import load
    from gateway.control.operations.gate_file import digests_of, judge_request, refuse_unknown_refs

    digests_of(project.plan, candidate, baseline)
    gate = load(gate_path)
    refuse_unknown_refs(gate, project.plan)
    record_suites(store, gate.suites)
    return judge(store, judge_request(gate, gate_path, candidate, baseline))
