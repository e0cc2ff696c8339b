"""`fairtrial check` prints what a project leads to, or all errors with exit code 2; the README has a sound project."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fairtrial.config.project import load_project
from fairtrial_cli.commands.check import command
from tests.fixtures.paths import ROOT
from tests.fixtures.services.projects import ENVIRON, changed, write


def check(*arguments: str) -> Result:
    return CliRunner(env=ENVIRON).invoke(command, list(arguments))


def test_a_sound_project_is_summarised(tmp_path: Path) -> None:
    result = check(str(write(tmp_path)))
    assert result.exit_code == 0, result.output
    assert "valid; 3 deployments, 2 routes, 1 experiment" in result.output
    assert "route support-bot → the experiment tuned-vs-base (base or tuned), falls back to base" in result.output
    assert "2 % of users are enrolled (stages 2, 10, 40, 100)" in result.output


def test_mistakes_go_to_the_error_stream_and_exit_with_2(tmp_path: Path) -> None:
    result = check(str(write(tmp_path, changed(("unit: user", "unti: user")))))
    assert result.exit_code == 2 and not result.stdout
    assert "unti: unknown field (did you mean 'unit'?)" in result.stderr
    assert "2 errors found" in result.stderr


def test_json_has_the_same(tmp_path: Path) -> None:
    sound = json.loads(check("--json", str(write(tmp_path))).stdout)
    assert sound["ok"] and sound["files"][0]["routes"]["base-direct"] == "base"
    result = check("--json", str(write(tmp_path, changed(("unit: user", "unit: usr")))))
    assert result.exit_code == 2
    error = json.loads(result.stdout)["mistakes"][0]
    assert (error["line"], error["path"]) == (14, "experiments.tuned-vs-base.unit")


def test_a_faulty_suite_is_a_mistake_of_its_own_kind(tmp_path: Path) -> None:
    suite = tmp_path / "suite.yaml"
    suite.write_text("version: 1\nsuite: odd\ncaess: cases.jsonl\n")
    result = check(str(suite))
    assert result.exit_code == 2
    assert "caess: unknown field" in result.stderr


@pytest.mark.parametrize("name", ["nowhere.yaml", "."])
def test_a_file_that_can_not_be_read_is_a_mistake(tmp_path: Path, name: str) -> None:
    result = check(str(tmp_path / name))
    assert result.exit_code == 2 and "can't be read" in result.stderr


def test_a_key_in_the_file_for_this_machine_is_a_warning_on_the_error_stream(tmp_path: Path) -> None:
    dummy = ('http://gpu-1:8000/v1/",', 'http://127.0.0.1:8000/v1/", api_key: sk-dummy,')
    result = check(str(write(tmp_path, changed(dummy))))
    assert result.exit_code == 0 and ": valid; " in result.stdout and "sk-dummy" not in result.output
    assert "fairtrial.yaml:3: deployments.base.api_key: is written in the file" in result.stderr
    shown = json.loads(check("--json", str(write(tmp_path, changed(dummy)))).stdout)
    assert "deployments.base.api_key" in [warning["path"] for warning in shown["warnings"]]


def test_a_store_that_has_no_published_plan_yet_is_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fairtrial.api import experiments
    from fairtrial.config.project import load_project
    from fairtrial_cli.store_client.client import open_store

    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    path = write(tmp_path)
    layout = load_project(path, ENVIRON).layout
    with open_store(layout, path) as store:
        store.call(experiments.states, experiments.ListStates())
    result = check(str(path))
    assert layout.store.exists() and not layout.plan.exists()
    assert result.exit_code == 0 and "could not be read" not in result.output


README = ROOT / "README.md"


def test_the_readme_shows_a_project_without_mistakes(tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    projects = [block for block in blocks if "deployments:" in block]
    assert len(projects) == 1
    (tmp_path / "fairtrial.yaml").write_text(projects[0], encoding="utf-8")
    assert load_project(tmp_path / "fairtrial.yaml", {}).plan.routes.keys() == {"support-bot"}
