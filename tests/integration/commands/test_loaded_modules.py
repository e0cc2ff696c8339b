"""A command loads only what it uses: no store if a control process owns it, and no statistics to list something."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixtures.evaluators.result_files import scored, write_lines
from tests.fixtures.loaded_modules import RUN_COMMANDS, loaded_by
from tests.fixtures.services.gate_project import record, write_gate_project
from tests.fixtures.services.project_files import free_ports
from tests.fixtures.store.maintenance_fixture import end, start_control

LISTS = ("verdict list", "keys list", "config log", "runs list", "data audits", "accounts list", "review status")
RUN = """
import fairtrial_cli.output.terminal, fairtrial_cli.output.runs
import fairtrial_cli.run_suites, gateway.control.background.plan_publisher
"""
"""Imports what `fairtrial eval` does when no gateway is running."""

SLOW = (
    *("scipy.special", "scipy.stats", "scipy.optimize", "sklearn", "pandas", "pyarrow", "nltk", "py3langid"),
    *("fastapi", "starlette", "uvicorn", "httpx", "litellm", "streamlit", "argon2"),
)
GATE = "gate gate.yaml --candidate tuned --baseline base"
LIGHT = {"fairtrial.config.owner_lock", "fairtrial.store.core.query"}
"""Modules of the store that need no other one: who owns it, and how times are written."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_gate_project(tmp_path)
    with (tmp_path / "fairtrial.yaml").open("a") as file:
        file.write(f'control: {{bind: "127.0.0.1:{free_ports(1)[0]}"}}\n')
    for target in ("base", "tuned"):
        record(tmp_path, target, 150)
    return tmp_path


def modules_of_store(loaded: set[str]) -> set[str]:
    packages = {"fairtrial.store", "fairtrial.store.core"}
    return {name for name in loaded if name.startswith("fairtrial.store")} - packages - LIGHT


def test_a_command_whose_store_belongs_to_control_does_not_load_the_store(project: Path) -> None:
    control = start_control(project, "store.duckdb")
    try:
        lists = loaded_by(f"{RUN_COMMANDS}\nrun(*{(*LISTS, 'experiment list', 'store info')})", project)
        gate = loaded_by(f"{RUN_COMMANDS}\nrun({GATE!r})", project)
    finally:
        end(control)
    assert "fairtrial_cli.store_client.http_client" in lists & gate
    assert not modules_of_store(lists | gate) and "duckdb" not in lists | gate
    assert not lists & {"numpy", "scipy", "pyarrow", "fastapi"}
    assert not gate & {"scipy.special", "pyarrow", "fastapi"}


def test_a_command_that_opens_the_store_loads_no_statistics_to_list_something(project: Path) -> None:
    loaded = loaded_by(f"{RUN_COMMANDS}\nrun(*{LISTS})", project)
    assert "duckdb" in loaded
    assert not loaded & {"scipy", "sklearn", "evaluators.gate.file", "fastapi", "httpx", "aiohttp"}


@pytest.mark.release("stories")
def test_checking_files_beside_a_store_and_running_suites_load_no_statistics(project: Path) -> None:
    loaded = loaded_by(
        f"{RUN_COMMANDS}\nrun('config log', 'check fairtrial.yaml suite.yaml gate.yaml')\n{RUN}", project
    )
    assert {"evaluators.loading.suite_reader", "evaluators.gate.odds", "evaluators.engine.engine"} <= loaded
    assert not loaded & {*SLOW, "evaluators.scoring.metrics.rouge", "fairtrial.store.erasure.erase"}


@pytest.mark.release("stories")
def test_a_gate_on_two_files_loads_no_store_and_no_client(tmp_path: Path) -> None:
    for name, right in (("old", 160), ("new", 164)):
        write_lines(tmp_path / f"{name}.jsonl", scored(right))
    loaded = loaded_by(f"{RUN_COMMANDS}\nrun('gate old.jsonl new.jsonl')", tmp_path)
    assert "evaluators.result_files.judged_files" in loaded
    assert not modules_of_store(loaded)
    clients = ("aiohttp", "httpx", "fastapi", "litellm", "streamlit", "duckdb", "pyarrow", "sklearn", "scipy.stats")
    assert not loaded & {*clients, "fairtrial.config.project", "gateway.control"}


def test_a_worker_loads_no_client_that_its_requests_do_not_need(tmp_path: Path) -> None:
    loaded = loaded_by("import gateway.proxy.worker", tmp_path)
    assert "gateway.proxy.transport.pool.pool" in loaded
    assert not loaded & {"aiohttp", "httpx", "litellm", "duckdb", "numpy", "jsonschema"}
