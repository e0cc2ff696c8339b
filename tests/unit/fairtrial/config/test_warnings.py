"""Keys that nothing acts on are warned of, once each at their line; names that nothing measures are errors."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from evaluators.gate.odds import inspect as inspect_gate
from evaluators.loading.suite_reader import inspect as inspect_suite
from fairtrial.config.project import load_project
from fairtrial.domain.errors import ConfigError
from fairtrial_cli.commands.check import command
from tests.fixtures.for_each import for_each
from tests.fixtures.paths import ROOT
from tests.fixtures.services.projects import ENVIRON, changed, project, write

WARNED = {
    "metrics.resolved.per": 10,
}


def test_every_key_that_nothing_acts_on_is_warned_of_at_its_line(tmp_path: Path) -> None:
    lines = {warning.path: warning.line for warning in project(tmp_path).warnings}
    assert lines == WARNED
    texts = "\n".join(map(str, project(tmp_path).warnings))
    assert "nothing in this version acts on it: units are averaged" in texts


def test_a_key_at_several_places_is_warned_of_once(tmp_path: Path) -> None:
    more = ("metrics:\n", "metrics:\n  other: {from: feedback, key: other, kind: boolean, per: unit}\n")
    [per] = [warning for warning in project(tmp_path, more).warnings if ".per" in warning.path]
    assert per.known == "and at 1 other place"


def test_a_guardrail_on_the_primary_metric_is_warned_of(tmp_path: Path) -> None:
    edit = ("metric: feedback.resolved", "metric: requests.error_rate")
    (diagnostic,) = [warning for warning in project(tmp_path, edit).warnings if "decides by itself" in warning.wrong]
    assert diagnostic.path == "experiments.tuned-vs-base.guardrails[0].metric"


def test_deciding_feedback_that_says_nothing_about_missing_values_is_warned_of(tmp_path: Path) -> None:
    unstated = (", missing: at_random", "")
    (diagnostic,) = [warning for warning in project(tmp_path, unstated).warnings if "at random" in warning.wrong]
    assert (diagnostic.path, diagnostic.line) == ("metrics.resolved", 10)
    watched = ("metric: feedback.resolved", "metric: feedback.resolved.given")
    assert not any("at random" in warning.wrong for warning in project(tmp_path, unstated, watched).warnings)


def test_defaults_are_no_reason_to_warn(tmp_path: Path) -> None:
    text = changed(
        (", price: {gpu_hour: 2.10}", ""),
        (", per: unit", ""),
    )
    assert load_project(write(tmp_path, text), ENVIRON).warnings == ()


def test_check_prints_warnings_and_says_them_in_json_and_exits_with_0(tmp_path: Path) -> None:
    path = str(write(tmp_path))
    result = CliRunner(env=ENVIRON).invoke(command, [path])
    assert result.exit_code == 0
    assert result.stderr.count("warning: ") == len(WARNED)
    assert f"warning: {path}:10: metrics.resolved.per: nothing in this version acts on it" in result.stderr
    printed = json.loads(CliRunner(env=ENVIRON).invoke(command, ["--json", path]).stdout)
    assert printed["ok"] and {warning["path"]: warning["line"] for warning in printed["warnings"]} == WARNED


def test_up_prints_the_same_before_it_starts_anything(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        binds = f'gateway: {{bind: "127.0.0.1:{taken.getsockname()[1]}"}}\n'
        path = write(tmp_path, changed(("store: {", f"{binds}store: {{")))
        up = [sys.executable, "-m", "fairtrial_cli.main", "up", "-c", str(path), "--no-dashboard"]
        done = subprocess.run(
            up, env={**os.environ, **ENVIRON}, capture_output=True, text=True, timeout=120, check=False
        )
    assert done.returncode == 2 and "is in use" in done.stderr
    assert done.stderr.count("warning: ") == len(WARNED)


@for_each("metric", ["judge.nonsense", "safety.toxicity", "requests.nonsense", "live.x", "review.tone"])
def test_an_experiment_is_not_decided_by_what_nothing_measures(tmp_path: Path, metric: str) -> None:
    with pytest.raises(ConfigError, match=r"primary\.metric: "):
        project(tmp_path, ("metric: feedback.resolved", f"metric: {metric}"))
    with pytest.raises(ConfigError, match=r"guardrails\[0\]\.metric: "):
        project(tmp_path, ("metric: requests.error_rate", f"metric: {metric}"))


PROJECTS = [*ROOT.glob("examples/*/fairtrial.yaml"), *ROOT.glob("examples/init/*/fairtrial.yaml")]
GATES = [*ROOT.glob("suites/*.gate.yaml"), *ROOT.glob("examples/init/shared/*.gate.yaml")]
SUITES = [*ROOT.glob("suites/*/*.yaml"), *ROOT.glob("examples/init/shared/suites/*.yaml")]


@for_each("path", [*PROJECTS, *GATES, *SUITES], label=lambda path: str(path.relative_to(ROOT)))
def test_what_ships_prints_no_warning(path: Path, tmp_path: Path) -> None:
    """The templates of `init`, the examples, the demo's project, and the suites and gates that they use."""
    providers = ("OPENAI", "ANTHROPIC", "TOGETHER", "FIREWORKS")
    keys = {f"{provider}_API_KEY": "of-the-test" for provider in providers}
    if path in PROJECTS:
        folder = tmp_path / path.parent.relative_to(ROOT)
        shutil.copytree(ROOT / "examples" / "init" / "shared", folder)  # as `init` does
        shutil.copytree(path.parent, folder, dirs_exist_ok=True)
        assert load_project(folder / path.name, keys).warnings == ()
    else:
        _, notices = (inspect_gate if path in GATES else inspect_suite)(path)
        assert notices == []


def test_there_is_something_that_ships() -> None:
    assert len(PROJECTS) >= 6 and len(GATES) >= 3 and len(SUITES) >= 6
