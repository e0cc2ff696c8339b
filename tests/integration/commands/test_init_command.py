"""`fairtrial init`: the project that it writes runs as its printed lines say, and nothing is overwritten."""

from __future__ import annotations

import json
import subprocess
from datetime import date
from pathlib import Path

import httpx
import pytest

from fairtrial.config.layout import Layout
from fairtrial.config.plan import retirement
from fairtrial.config.project import load_project
from fairtrial_cli.commands.init import NAMES
from gateway.models.catalogue import RESPONDERS
from tests.fixtures.agents_page import assert_page_is_true
from tests.fixtures.credentials import by_key
from tests.fixtures.paths import ROOT
from tests.fixtures.services.command import in_process
from tests.fixtures.services.printed_commands import Terminal
from tests.fixtures.services.project_files import free_ports
from tests.fixtures.waiting import until

KEYS = {f"{name}_API_KEY": "k" for name in ("OPENAI", "ANTHROPIC", "FIREWORKS", "TOGETHER")}
PAGES = {"openai": "docs/quickstart/openai.md", "anthropic": "docs/quickstart/anthropic.md"}
"""The quickstarts of the templates whose models a provider can turn off."""


def init(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return in_process("init", *arguments, cwd=cwd)


@pytest.mark.parametrize("template", NAMES)
def test_every_template_is_sound(tmp_path: Path, template: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retirement, "today_utc", lambda now_us: date(2026, 12, 1))
    assert init("shop", "--template", template, cwd=tmp_path).returncode == 0
    project = load_project(tmp_path / "shop" / "fairtrial.yaml", KEYS)
    assert project.plan.routes.keys() == {"support-bot"} and project.gateway.access == "open"
    priced = all(one.price.input for one in project.plan.deployments.values() if one.external)
    assert priced or "# price: " in (tmp_path / "shop" / "fairtrial.yaml").read_text(encoding="utf-8")
    files = ["fairtrial.yaml", "suites/tickets.yaml", "suites/sums.yaml", "trial.gate.yaml", "release.gate.yaml"]
    done = in_process("check", *files, cwd=tmp_path / "shop", env=KEYS)
    assert done.returncode == 0, done.stderr


def test_a_template_names_models_that_run_on_or_its_page_states_their_last_day(tmp_path: Path) -> None:
    unstated = []
    for template in NAMES:
        assert init(template, "--template", template, cwd=tmp_path).returncode == 0
        project = load_project(tmp_path / template / "fairtrial.yaml", KEYS)
        for deployment in project.plan.deployments.values():
            ends = retirement.retirement_of(deployment)
            if ends is not None and str(ends.day) not in (ROOT / PAGES[template]).read_text(encoding="utf-8"):
                unstated.append((template, deployment.model, str(ends.day)))
    assert not unstated


@pytest.mark.parametrize("template", NAMES)
def test_a_second_project_gets_ports_of_its_own_in_every_file(tmp_path: Path, template: str) -> None:
    done = init("shop", "--template", template, "--port", "9080", cwd=tmp_path)
    assert done.returncode == 0
    project = load_project(tmp_path / "shop" / "fairtrial.yaml", KEYS)
    assert [one.port for one in (project.gateway.address, project.control, project.dashboard)] == [9080, 9081, 9082]
    served_here = {"8080", "8081", "8501"} | ({"8000"} if template == "sample" else set())
    texts = [path.read_text() for path in (tmp_path / "shop").rglob("*") if path.suffix in (".yaml", ".md", ".py")]
    assert not [port for port in served_here for text in texts if port in text]
    assert 'base_url="http://127.0.0.1:9080/v1"' in (tmp_path / "shop" / "app.py").read_text()
    if template == "sample":
        assert "fairtrial models serve --sample --port 9083" in done.stdout
        assert {one.base_url for one in project.plan.deployments.values()} == {"http://127.0.0.1:9083/v1"}


@pytest.mark.parametrize("template", NAMES)
def test_the_page_for_agents_names_commands_and_files_that_exist(tmp_path: Path, template: str) -> None:
    assert init("shop", "--template", template, cwd=tmp_path).returncode == 0
    page = tmp_path / "shop" / "AGENTS.md"
    project = load_project(tmp_path / "shop" / "fairtrial.yaml", KEYS)
    assert_page_is_true(page, {*project.plan.routes}, {*project.plan.deployments})


def test_a_port_that_leaves_no_room_for_the_others_is_refused(tmp_path: Path) -> None:
    done = init("shop", "--port", "65535", cwd=tmp_path)
    assert done.returncode == 2 and "--port" in done.stderr and not (tmp_path / "shop").exists()


def test_nothing_that_is_there_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("mine")
    done = init(cwd=tmp_path)
    assert done.returncode == 2 and "app.py: exists already and would be overwritten" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["app.py"] and (tmp_path / "app.py").read_text() == "mine"


def test_a_project_that_can_not_be_written_whole_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "suites").write_text("a file where a folder is needed")
    done = init(cwd=tmp_path)
    assert done.returncode == 2 and "suites" in done.stderr and "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["suites"]


@pytest.mark.release("walks")
def test_the_printed_lines_work_as_they_are_printed(tmp_path: Path) -> None:
    ports = free_ports(4)
    known = ("8000", "8080", "8081", "8501")
    replace = {f"127.0.0.1:{old}": f"127.0.0.1:{new}" for old, new in zip(known, ports, strict=True)}
    with Terminal(tmp_path, {**replace, "--port 8000": f"--port {ports[0]}"}) as terminal:
        printed = terminal.run("fairtrial init shop")
        steps = printed.partition("separate terminal):\n\n")[2].splitlines()
        assert steps[0] == "cd shop" and len(steps) == 7
        terminal.substitute_files()
        said = {line: terminal.run(line) for line in steps}
        assert "SHIP" in said[steps[5]] and said[steps[6]] == _answer_of_one_of_the_two(said[steps[6]])
        headers = by_key(Layout(tmp_path / "shop" / "fairtrial.duckdb"))
        with httpx.Client(base_url=f"http://127.0.0.1:{ports[2]}", headers=headers, trust_env=False) as control:
            until(lambda: assigned(control) == ["support-bot"])


def assigned(control: httpx.Client) -> list[str]:
    return [row["route"] for row in control.get("/api/requests").json()["rows"] if row["reason"] == "assigned"]


def _answer_of_one_of_the_two(text: str) -> str:
    answers = [responder("Ticket: my parcel is lost.") + "\n" for responder in RESPONDERS.values()]
    assert text in answers
    return text


def test_the_stand_ins_speak_openais_protocol_and_say_what_they_are(tmp_path: Path) -> None:
    [port] = free_ports(1)
    with Terminal(tmp_path, {}) as terminal:
        terminal.run(f"fairtrial models serve --sample --port {port}   # keep it running")
        url = f"http://127.0.0.1:{port}/v1"
        with httpx.Client(trust_env=False) as client:
            cards = {card["id"]: card for card in client.get(f"{url}/models").json()["data"]}
            assert cards["sample-tuned"]["parent"] == "sample-base" and cards["sample-base"]["owned_by"] == "rules"
            question = {"role": "user", "content": "What is 12 - 5? Answer with the number alone."}
            body = {"model": "sample-tuned", "messages": [question], "stream": True}
            text = client.post(f"{url}/chat/completions", json=body).text
            assert text.endswith("data: [DONE]\n\n") and '"content": "7"' in text
            wrong = client.post(f"{url}/chat/completions", json={**body, "model": "sample-x"})
            assert wrong.status_code == 404 and wrong.json()["error"]["code"] == "model_not_found"
            wrong = client.post(f"{url}/chat/completions", content=json.dumps({**body, "messages": []}))
            assert wrong.status_code == 400 and "messages" in wrong.json()["error"]["message"]
