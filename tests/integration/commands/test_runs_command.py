"""`fairtrial runs` prints the same through a control process and from the store itself."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from fairtrial.domain.wording import TEXT_DELETED
from tests.fixtures.services import gate_project
from tests.fixtures.services.command import in_process
from tests.fixtures.services.project_files import free_ports
from tests.fixtures.store.maintenance_fixture import end, start_control

NEW, OLD = "small@tuned", "small@base"
THREE_DAYS_AGO = time.time_ns() // 1000 - 3 * 86_400_000_000
LOST = ("show", NEW, "--against", OLD, "--only", "lost")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Runs with 120 and 100 of 200 right; three answers of the newer one are missing."""
    gate_project.write_gate_project(tmp_path)
    addresses = "\n".join(
        f'{service}: {{bind: "127.0.0.1:{port}"}}'
        for service, port in zip(("gateway", "control", "dashboard"), free_ports(3), strict=True)
    )
    with (tmp_path / "fairtrial.yaml").open("a") as file:
        file.write(addresses + "\n")
    gate_project.record(tmp_path, "base", 120, at_us=THREE_DAYS_AGO)
    gate_project.record(tmp_path, "tuned", 100, at_us=THREE_DAYS_AGO + 100, errors=3)
    return tmp_path


def runs(folder: Path, *arguments: str) -> str:
    done = in_process("runs", *arguments, cwd=folder, env={"COLUMNS": "160"})
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(folder: Path, *arguments: str) -> str:
    done = in_process("runs", *arguments, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    return done.stderr


def test_the_list_names_each_run_newest_first(folder: Path) -> None:
    lines = runs(folder, "list").splitlines()
    assert " ".join(lines[0].split()) == "run suite target status cases unscored age model fingerprint seed"
    assert [re.split(r"\s{2,}", line)[0] for line in lines[1:]] == ["0199-tuned-100", "0199-base-120"]
    assert re.split(r"\s{2,}", lines[1])[3:6] == ["finished", "200", "3"]
    assert "3 days ago" in lines[1]
    assert "older runs exist; to see them: --limit 2" in runs(folder, "list", "--limit", "1")
    assert "no runs with the suite 'other'; run a suite" in runs(folder, "list", "--suite", "other")
    rows = json.loads(runs(folder, "list", "--target", "base", "--json"))
    assert [(row["run_id"], row["cases"], row["unscored"], row["model"]) for row in rows] == [
        ("0199-base-120", 200, 0, None)
    ]


def test_a_run_is_shown_with_its_cases_a_page_at_a_time(folder: Path) -> None:
    said = runs(folder, "show", "0199-t")
    assert "status       finished, 200 cases, 200 answers" in said
    assert "answers      answered and scored 197, no answer from the provider 3" in said
    assert "exact.accuracy: 100 right, 97 wrong, 3 unscored" in said
    assert said.count("\n  asked ") == 50
    assert said.endswith("\ncases 1 to 50 of 200; 150 more: --offset 50\n")
    assert runs(folder, "show", NEW, "--offset", "150").endswith("\ncases 151 to 200 of 200\n")
    unscored = runs(folder, "show", NEW, "--only", "unscored")
    assert unscored.count("  answered  no answer: HTTP 503\n") == 3
    assert "\nc17: right\n" in runs(folder, "show", NEW, "--case", "c17")
    assert "no case matches" in runs(folder, "show", NEW, "--case", "nowhere")


def test_two_runs_side_by_side_show_what_was_lost(folder: Path) -> None:
    said = runs(folder, *LOST, "--limit", "1")
    assert "exact.accuracy: 20 lost, 0 gained, 100 same, 77 both wrong, 3 unscored" in said
    assert "\nc100: lost, exact.accuracy 1 → 0\n" in said
    assert said.index("base (baseline)") < said.index("tuned (candidate)")
    assert "cases 1 to 1 of 20; 19 more: --offset 1" in said


def test_the_same_is_printed_with_and_without_control(folder: Path) -> None:
    wanted = (("list",), ("list", "--json"), LOST, (*LOST, "--json"), ("show", NEW, "--only", "wrong", "--json"))
    wanted += (("why", NEW, "c17"),)
    direct = [runs(folder, *one) for one in wanted]
    errors = [refused(folder, *one) for one in (("show", "0199"), ("show", "nobody@base"))]
    process = start_control(folder, "store.duckdb")
    try:
        assert [runs(folder, *one) for one in wanted] == direct
        assert [refused(folder, *one) for one in (("show", "0199"), ("show", "nobody@base"))] == errors
        assert "cases have no score 'tone' (known: exact.accuracy)" in refused(folder, "show", NEW, "--metric", "tone")
    finally:
        end(process)
    found = json.loads(direct[3])
    assert (found["cases"]["total"], len(found["cases"]["rows"])) == (20, 20)
    assert found["baseline"]["run"]["run_id"] == "0199-base-120"


def test_why_shows_what_the_scorers_of_a_case_compared(folder: Path) -> None:
    said = runs(folder, "why", OLD, "c17")
    assert said.startswith("c17 of small on base, run 0199-base-120\n")
    assert "exact: Right: the answer equals 'x'.\n  values     accuracy 1\n  signature  exact/1 mode:strip\n" in said
    assert "  compared   'x'\n  with       'x'\n" in said
    assert "no answer: HTTP 503" in runs(folder, "why", NEW, "c199")
    found = json.loads(runs(folder, "why", OLD, "c17", "--json"))
    assert (found["case_id"], found["notes"], found["answers"][0]["text"]) == ("c17", [], "x")
    assert found["answers"][0]["explanations"][0]["references"] == ["x"]


def test_why_says_what_it_cannot_show(folder: Path) -> None:
    suite = folder / "suite.yaml"
    suite.write_text(suite.read_text().replace("$input", "Say $input").replace("[exact]", "[{exact: raw}]"))
    changed = runs(folder, "why", NEW, "c17")
    assert "note: the suite's file now has another prompt for this case" in changed
    assert "note       the suite's file now has the scorer 'exact/1 mode:raw'" in changed
    suite.rename(folder / "elsewhere.txt")
    without = runs(folder, "why", NEW, "c17")
    assert "note: no suite 'small' in ./suites and the current folder, so only what the store has is shown" in without
    assert "exact: accuracy is 1.\n" in without and "compared" not in without
    assert "compared" in runs(folder, "why", NEW, "c17", "--suite", "elsewhere.txt")
    assert "has no case 'c1777' (did you mean 'c177'?)" in refused(folder, "why", NEW, "c1777")


def test_a_wrong_question_says_what_is_known(folder: Path) -> None:
    assert "--only lost needs --against RUN" in refused(folder, "show", NEW, "--only", "lost")
    assert "--only wrong is about one run" in refused(folder, "show", NEW, "--against", OLD, "--only", "wrong")
    assert "nearest: small@base" in refused(folder, "show", "smal@base")
    suite = (folder / "suite.yaml").read_text()
    (folder / "suite.yaml").write_text(suite.replace("prompt: $input", "prompt: Say $input"))
    gate_project.record(folder, "base", 119, at_us=THREE_DAYS_AGO + 200)
    said = refused(folder, "show", NEW, "--against", "0199-base-119")
    assert "can't be compared: the suite's content" in said and "fairtrial eval SUITE.yaml --on tuned,base" in said


def test_texts_that_retention_has_deleted_are_marked(folder: Path) -> None:
    assert in_process("store", "retain", "--days", "1", cwd=folder).returncode == 0
    said = runs(folder, "show", NEW, "--limit", "1")
    assert f"texts of 200 answers: {TEXT_DELETED}" in said
    assert f"  answered  [{TEXT_DELETED}]\n" in said
    assert "exact.accuracy: 100 right, 97 wrong, 3 unscored" in said
