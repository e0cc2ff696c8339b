"""A SHIP that could not have been a BLOCK, on every surface: the command, its reports, the record."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from fairtrial.domain.verdicts import verdict_json
from tests.fixtures.docs import with_overlay
from tests.fixtures.paths import ROOT
from tests.fixtures.services import fork_server
from tests.fixtures.services.command import fairtrial, in_process
from tests.fixtures.services.project_files import write_project
from tests.fixtures.upstream.scripted_upstream import ScriptedUpstream, last
from tests.fixtures.waiting import PATIENCE

COLOURS = ("red", "green", "blue")
GARBAGE = "purple monkey dishwasher"
SUITE = """\
suite: {name}
params: {{temperature: 0}}
data: rows.jsonl
score: [{{label: {{of: [red, green, blue]}}}}]
gate: {gate}
"""
FAMILY = """\
from evaluators.gate.external_line import JudgedFamily
from evaluators.gate.multiplicity import RuleResult
from fairtrial.domain.verdicts.verdict import Finding

def judge(line):
    finding = Finding(
        line.text, line.gate.name, "fail", "the tide of 3.2 m is above 2 m", "wait for six hours", "tide.m"
    )
    return RuleResult(finding)

family = JudgedFamily("the sea", lambda line: None, judge=judge)
"""
HELD = "no line measures what was answered: this gate would also ship answers to other questions"


def answer(body: dict[str, Any], _: int) -> str:
    """The base is right but for every twelfth question, `junk` answers garbage, `same` like the base."""
    number = int(last(body).rpartition(" ")[2])
    if body["model"] == "junk":
        return GARBAGE
    return "none" if number % 12 == 0 and body["model"] != "tuned" else COLOURS[number % 3]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("controlled")
    with ScriptedUpstream(answer) as upstream:
        file = write_project(folder, upstream=f"http://127.0.0.1:{upstream.port}", workers=1)
        more = "".join(
            f'  {name}: {{model: openai/{name}, base_url: "http://127.0.0.1:{upstream.port}/v1", parent: base}}\n'
            for name in ("junk", "same")
        )
        file.write_text(file.read_text().replace("routes:", f"{more}routes:", 1) + "releases: {gate: errors.yaml}\n")
        rows = [{"id": f"c{at}", "input": f"Which colour has {at}", "expected": COLOURS[at % 3]} for at in range(60)]
        (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        for name, lines in (("errors", '["errors <= 1%", "refusals <= 5%"]'), ("labels", '["label >= 80%"]')):
            (folder / f"{name}.suite.yaml").write_text(SUITE.format(name=name, gate=lines))
            (folder / f"{name}.yaml").write_text(f"version: 1\ngate: {name}\nsuites: [{name}.suite.yaml]\n")
        text = (folder / "errors.yaml").read_text()
        (folder / "form.yaml").write_text(f"{text}form_only: it watches a converter\n")
        (folder / "equal.yaml").write_text((folder / "labels.yaml").read_text() + "may_equal_base: yes\n")
        suites = ("errors.suite.yaml", "labels.suite.yaml")
        done = fairtrial("eval", *suites, "--on", "base,tuned,junk,same", cwd=folder)
        assert done.returncode == 0, done.stderr
        yield folder


def judged(project: Path, gate: str, candidate: str) -> tuple[int, dict[str, Any], str]:
    """The exit code, the JSON report and the printed text of a gate."""
    names = ("--candidate", candidate, "--baseline", "base")
    files = ("--json", "v.json", "--junit", "v.xml", "--markdown", "v.md")
    done = in_process("gate", f"{gate}.yaml", *names, *files, cwd=project)
    return done.returncode, json.loads((project / "v.json").read_text()), " ".join(done.stdout.split())


@pytest.mark.release("stories")
def test_garbage_is_held_on_every_surface_where_only_errors_are_limited(project: Path) -> None:
    code, verdict, printed = judged(project, "errors", "junk")
    controls = "Controls: shuffled SHIP, empty SHIP."
    assert (code, verdict["exit_code"], verdict["decision"]) == (3, 3, "HOLD")
    assert (verdict["controls"]["shuffled"], verdict["controls"]["empty"]) == ("SHIP", "SHIP")
    texts = {"terminal": printed, **{name: (project / f"v.{name}").read_text() for name in ("md", "xml")}}
    verdict_id = verdict["verdict_id"]
    shown = in_process("verdict", "show", verdict_id, cwd=project)
    texts["record"] = " ".join(shown.stdout.split())
    assert in_process("verdict", "export", verdict_id, "--to", "v.html", cwd=project).returncode == 0
    texts["export"] = (project / "v.html").read_text()
    report = in_process("report", verdict_id, "--html", "report.html", cwd=project)
    assert report.returncode == 0, report.stderr
    texts["report"] = (project / "report.html").read_text()
    for line in (HELD, controls, "Shown: ", "Not shown: what users do"):
        assert {name for name, text in texts.items() if line not in text} == set()
    again = in_process("verdict", "recompute", verdict_id, cwd=project)
    assert again.returncode == 0, again.stdout
    stored = json.loads(in_process("verdict", "show", verdict_id, "--json", cwd=project).stdout)["verdict"]
    assert verdict_json.decode(json.dumps(stored)).decision == "HOLD"


@pytest.mark.release("stories")
def test_a_new_family_of_lines_appears_on_every_surface_by_one_file(project: Path, tmp_path: Path) -> None:
    folder = tmp_path / "evaluators" / "gate" / "families"
    folder.mkdir(parents=True)
    (folder / "tide.py").write_text(FAMILY)
    (project / "tide.yaml").write_text("version: 1\ngate: tide\nsuites: [labels.suite.yaml]\nrequire: [tide.m <= 2]\n")

    def run(*arguments: str, code: int = 0) -> str:
        command = (sys.executable, "-m", with_overlay.__name__, str(tmp_path), *arguments)
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = fork_server.run(command, cwd=project, env=environ, capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == code, done.stderr
        return " ".join(done.stdout.split())

    files = ("--json", "v.json", "--junit", "v.xml", "--markdown", "v.md")
    texts = {"terminal": run("gate", "tide.yaml", "--candidate", "tuned", "--baseline", "base", *files, code=1)}
    verdict_id = json.loads((project / "v.json").read_text())["verdict_id"]
    texts["record"] = run("verdict", "show", verdict_id)
    run("verdict", "export", verdict_id, "--to", "v.html")
    run("report", verdict_id, "--html", "report.html")
    texts |= {name: (project / name).read_text() for name in ("v.md", "v.xml", "v.html", "report.html")}
    for words in ("tide.m <= 2", "the tide of 3.2 m is above 2 m", "wait for six hours"):
        assert {name for name, text in texts.items() if words not in unescape(text).replace("\\", "")} == set()


@pytest.mark.release("stories")
def test_the_same_garbage_is_blocked_by_labels_and_ships_only_with_a_reason(project: Path) -> None:
    assert judged(project, "labels", "junk")[0] == 1
    code, verdict, printed = judged(project, "form", "junk")
    assert (code, verdict["form_only"]) == (0, "it watches a converter")
    assert "Form only: it watches a converter." in printed


def test_a_gate_that_could_have_blocked_ships(project: Path) -> None:
    code, verdict, printed = judged(project, "labels", "tuned")
    assert (code, [line["kind"] for line in verdict["controls"]["lines"]]) == (0, ["content"])
    assert "Controls: shuffled BLOCK, empty BLOCK." in printed


def test_a_fine_tune_that_is_not_there_is_held_unless_the_gate_allows_it(project: Path) -> None:
    code, verdict, printed = judged(project, "labels", "same")
    assert (code, verdict["decision"]) == (3, "HOLD")
    assert "60 of 60 answers of same are the same as those of base: is the adapter loaded?" in printed
    assert judged(project, "equal", "same")[0] == 0
    compared = in_process("compare", "labels@same", "labels@base", cwd=project)
    assert "60 of 60 answers of same are the same as those of base." in " ".join(compared.stdout.split())
