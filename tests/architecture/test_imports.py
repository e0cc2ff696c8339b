"""The layers hold, the hot path stays light, and the command line starts fast because it imports little."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.loaded_modules import HELP, loaded_by
from tests.fixtures.paths import ROOT

HEAVY = (
    "numpy",
    "scipy",
    "duckdb",
    "litellm",
    "pandas",
    "sklearn",
    "sacrebleu",
    "streamlit",
    "pyarrow",
    "ruamel",
    "py3langid",
)


def test_the_layers_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    out = subprocess.run([linter], capture_output=True, text=True, check=False, cwd=ROOT)
    assert out.returncode == 0, out.stdout


@pytest.mark.parametrize(
    "module",
    [
        "gateway.proxy.worker",
        "fairtrial.journal.writer",
        "fairtrial.config.plan.published",
        "fairtrial.experiments.assignment",
        "fairtrial.domain.events",
    ],
)
def test_the_hot_path_imports_nothing_heavy(module: str) -> None:
    assert not loaded_by(f"import {module}") & set(HEAVY)


EVERY_OPERATION = """
import gateway.control.serve
from fairtrial.api.operation import operations
from gateway.control.answer import implementation
for operation in operations():
    implementation(operation)
"""


def test_control_loads_the_gate_and_the_slow_parts_of_scipy_only_when_they_are_needed() -> None:
    """They would double its time to start, and take 50 MB while nobody asks for a verdict."""
    loaded = loaded_by(EVERY_OPERATION)
    assert "gateway.control.api.verdicts" in loaded
    gate = {"evaluators.gate.file", "evaluators.gate.judge", "evaluators.review.statistics"}
    assert not loaded & ({"scipy.special", "scipy.stats", "scipy.optimize"} | gate)


def test_the_command_line_imports_no_command_to_list_them() -> None:
    assert not loaded_by("import fairtrial_cli.main") & {*HEAVY, "fastapi", "httpx", "aiohttp", "rich"}


def test_the_help_of_every_command_imports_nothing_heavy() -> None:
    assert not loaded_by(HELP) & {*HEAVY, "pydantic", "fastapi", "starlette", "httpx", "aiohttp", "rich"}
