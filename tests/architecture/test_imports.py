"""The layers hold, the hot path stays light, and the command line starts fast because it imports little."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

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


def loaded_by(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after the statement."""
    program = f"{statement}\nimport sys\nprint(' '.join({{name.split('.')[0] for name in sys.modules}}))"
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(out.stdout.split())


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


def test_control_loads_the_slow_parts_of_scipy_only_when_a_statistic_needs_them() -> None:
    """They would double its time to start, and take 50 MB while nobody asks for a verdict."""
    program = "import gateway.control.serve, sys\nprint([name for name in sys.modules if name.startswith('scipy.')])"
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert "'scipy.special'" in out.stdout
    assert not {f"'scipy.{part}'" for part in ("stats", "optimize")} & set(re.findall(r"'[\w.]+'", out.stdout))


def test_the_command_line_imports_no_command_to_list_them() -> None:
    assert not loaded_by("import fairtrial_cli.main") & {*HEAVY, "fastapi", "httpx", "aiohttp", "rich"}
