"""The Dockerfile and docker-compose.yml are sound, give no more rights than needed, and no file has a secret."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fairtrial.config.project import load_project
from tests.fixtures.services.clean_environment import RUNTIME, locked
from tests.fixtures.services.compose_file import ROOT, compose
from tests.fixtures.waiting import PATIENCE

SERVICES = compose()["services"]
SECRETS = re.compile(
    r"ft-[0-9a-f]{12}-[\w-]{20,}|\bsk-(?:ant-|proj-)?[A-Za-z0-9]{24,}|AKIA[0-9A-Z]{16}|AIza[\w-]{30,}|gh[pousr]_\w{30,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY(?!-----[\"`])"
)
"""What keys of fairtrial, of providers, of clouds and of key pairs look like. A quoted first line alone has no key."""


def tool(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name(name)), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)


def test_the_dockerfiles_linter_has_nothing_to_say() -> None:
    done = tool("hadolint", "Dockerfile")
    assert done.returncode == 0, done.stdout


def test_the_compose_file_follows_the_compose_specification() -> None:
    done = tool("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml")
    assert done.returncode == 0, done.stdout


def test_the_compose_files_project_is_sound_and_its_doors_are_not_open() -> None:
    project = load_project(ROOT / "examples" / "compose" / "fairtrial.yaml", {})
    assert project.gateway.access == "keys"
    assert project.layout.store.is_relative_to("/data")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_no_rights_that_it_does_not_need(name: str) -> None:
    service: dict[str, Any] = SERVICES[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"].split(":")[0] not in ("0", "root")
    assert service["init"]
    assert service["restart"] == "unless-stopped"
    assert service["deploy"]["resources"]["limits"]["memory"]
    assert service["healthcheck"]["test"][:3] == ["CMD", "fairtrial", "health"]
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_only_what_writes_the_store_has_its_volume_and_only_the_gateway_has_the_providers_keys() -> None:
    with_store = {
        name for name, service in SERVICES.items() if any(v["type"] == "volume" for v in service.get("volumes", ()))
    }
    assert with_store == {"control", "gateway"}
    with_keys = {
        name for name, service in SERVICES.items() if any("API_KEY" in key for key in service.get("environment", ()))
    }
    assert with_keys == {"gateway"}


def test_no_variable_of_a_service_is_a_secret_with_a_default() -> None:
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            assert value is None or not re.search("KEY|SECRET|TOKEN|PASSWORD", name)


def test_the_image_is_locked_by_hashes_and_leaves_the_root_user() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    from_lists = [line for line in dockerfile.splitlines() if "pip install" in line and ".whl" not in line]
    assert from_lists
    assert all("--require-hashes" in line for line in from_lists)
    stages = dockerfile.split("\nFROM ")
    assert all("\nUSER 10001:10001" in stage for stage in stages if "AS runtime" in stage or "AS local-models" in stage)


def test_the_lock_of_the_image_names_what_the_tests_run_with_and_no_tool_of_theirs() -> None:
    names = {requirement.name for requirement in locked(RUNTIME)}
    assert {"duckdb", "litellm", "streamlit", "uvicorn"} <= names
    assert not names & {"pytest", "ruff", "mypy", "hatchling", "playwright", "xllamacpp"}
    tested = (ROOT / "requirements" / "dev.lock").read_text()
    assert all(f"{requirement.name}{requirement.specifier} " in tested for requirement in locked(RUNTIME))


def test_no_file_of_the_repository_has_a_secret() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = []
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        if path.is_file() and path.suffix != ".gguf" and not name.startswith("tests/"):
            found += [f"{name}: {match[0][:12]}…" for match in SECRETS.finditer(path.read_text(errors="replace"))]
    assert not found
