"""The wheel in an environment of nothing but the locked dependencies has all that the product needs, and runs there."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.fixtures.evaluators.result_files import scored, write_lines
from tests.fixtures.services.clean_environment import (
    ROOT,
    RUNTIME,
    build_wheel,
    install,
    installed_python,
    make_environment,
)
from tests.fixtures.services.compose_file import build_context
from tests.fixtures.waiting import PATIENCE

LARGEST_MB = 12
DATA = (
    "dashboard/.streamlit/config.toml",
    "dashboard/app.py",
    "dashboard/views/overview.py",
    "evaluators/generators/pools/facts.txt",
    "fairtrial/bundled/examples/init/shared/gitignore",
    "fairtrial/bundled/examples/support/adapters/support-v2.gguf",
    "fairtrial/bundled/examples/support/fairtrial.yaml",
    "fairtrial/bundled/examples/support/data/train.jsonl",
    "fairtrial/bundled/examples/support/training/log-v2.json",
    "fairtrial/bundled/suites/general/questions.jsonl",
    "fairtrial/bundled/suites/support-release.gate.yaml",
    "fairtrial/bundled/suites/support/suite.yaml",
    "fairtrial/bundled/suites/support/test.jsonl",
    "fairtrial/store/access/common_passwords.LICENSE",
    "fairtrial/store/access/common_passwords.txt",
    "fairtrial/store/migrations/0001_ground.sql",
)
RESULTS = ROOT / "tests" / "fixtures" / "results"
OFFLINE = ("unshare", "--map-root-user", "--net")
"""Runs a program in a namespace without any network."""
PACKAGES = ("dashboard", "evaluators", "fairtrial", "fairtrial_cli", "gateway")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_environment(tmp_path_factory.mktemp("clean") / "environment", wheel, RUNTIME)


def run(programs: Path, folder: Path, *command: str, within: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """A program of the clean environment, in an empty folder that is also HOME; this repository is on no path."""
    environ = {"PATH": f"{programs}{os.pathsep}/usr/bin{os.pathsep}/bin", "HOME": str(folder)}
    full = [*within, str(programs / command[0]), *command[1:]]
    return subprocess.run(full, cwd=folder, env=environ, capture_output=True, text=True, timeout=PATIENCE, check=False)


def test_the_wheel_has_everything_that_is_not_code_and_nothing_that_is_not_shipped(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert not set(DATA) - names
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    for package in PACKAGES:
        assert not {name for name in tracked if name.startswith(f"{package}/") and (ROOT / name).is_file()} - names
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == set(PACKAGES)
    assert not [name for name in names if "/training/" in name and "bundled" in name and name.endswith(".py")]
    assert wheel.stat().st_size < LARGEST_MB * 10**6


def test_the_image_builds_the_same_wheel_from_the_files_that_docker_receives(wheel: Path, tmp_path: Path) -> None:
    for path in build_context():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    assert "RUN python -m hatchling build -t wheel -d /wheels" in (ROOT / "Dockerfile").read_text()
    assert build_wheel(tmp_path / "wheels", source=tmp_path).read_bytes() == wheel.read_bytes()


@pytest.mark.release("containers")
def test_no_tool_of_the_tests_and_no_file_of_the_repository_is_within_reach(programs: Path, tmp_path: Path) -> None:
    for module in ("pytest", "hypothesis", "xllamacpp", "tests"):
        assert "ModuleNotFoundError" in run(programs, tmp_path, "python", "-c", f"import {module}").stderr
    where = run(programs, tmp_path, "python", "-c", "import fairtrial_cli.main as m; print(m.__file__)").stdout
    assert where.startswith(str(programs.parent))


@pytest.mark.release("containers")
def test_every_module_of_the_product_can_be_imported_from_the_wheel(programs: Path, tmp_path: Path) -> None:
    program = """
import importlib, pkgutil, dashboard, evaluators, fairtrial, fairtrial_cli, gateway
skip = {"dashboard.app", "fairtrial_cli.processes.child", "gateway.models.engine_program"}
for package in (fairtrial, fairtrial_cli, gateway, evaluators, dashboard):
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if found.name not in skip and not found.ispkg:
            importlib.import_module(found.name)
print("imported")
"""
    done = run(programs, tmp_path, "python", "-W", "ignore", "-c", program)
    assert done.stdout == "imported\n", done.stderr


@pytest.mark.parametrize("command", [("--help",), ("--version",), ("demo", "--help"), ("init", "--help")], ids=" ".join)
def test_the_command_line_runs_there(programs: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    done = run(programs, tmp_path, "fairtrial", *command)
    assert done.returncode == 0, done.stderr
    assert "fairtrial" in done.stdout


@pytest.mark.release("containers")
def test_the_suites_and_gates_that_ship_are_found_and_sound(programs: Path, tmp_path: Path) -> None:
    program = "from fairtrial.config.layout import bundled_data; print(bundled_data('suites'))"
    place = Path(run(programs, tmp_path, "python", "-c", program).stdout.strip())
    assert place.parent.name == "bundled"
    files = [str(path) for path in sorted(place.rglob("*.yaml"))]
    assert len(files) > 3
    done = run(programs, tmp_path, "fairtrial", "check", *files)
    assert done.returncode == 0, done.stderr


@pytest.mark.release("containers")
def test_a_new_project_is_made_and_checked_there(programs: Path, tmp_path: Path) -> None:
    made = run(programs, tmp_path, "fairtrial", "init", "project")
    assert made.returncode == 0, made.stderr
    checked = run(programs, tmp_path / "project", "fairtrial", "check")
    assert checked.returncode == 0, checked.stderr


@pytest.mark.release("containers")
@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_two_files_are_judged_offline_with_only_the_declared_dependencies(
    wheel: Path, version: str, tmp_path: Path
) -> None:
    python = installed_python(version)
    if python is None:
        pytest.skip(f"Python {version} is not installed here")
    if subprocess.run([*OFFLINE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("a process can't get a namespace without network here")
    programs, empty = install(python, tmp_path / "environment", wheel), tmp_path / "empty"
    empty.mkdir()
    own = [write_lines(tmp_path / f"{right}.jsonl", scored(right)) for right in (160, 164)]
    pairs = {
        (3, "HOLD"): [RESULTS / "lm_eval" / f"{name}_choices.jsonl" for name in ("old", "new")],
        (4, "INVALID"): [RESULTS / "promptfoo" / f"{name}.json" for name in ("old", "new")],
        (0, "SHIP"): own,
    }
    for (code, decision), files in pairs.items():
        done = run(programs, empty, "fairtrial", "gate", *map(str, files), within=OFFLINE)
        assert (done.returncode, done.stdout.split()[1]) == (code, decision), done.stdout + done.stderr
    assert list(empty.iterdir()) == []
    shutil.rmtree(programs.parent)  # a gigabyte
