"""`fairtrial gate` and `fairtrial compare` on a real store: exit codes, files, and what is said without evidence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.fixtures.services.command import in_process
from tests.fixtures.services.gate_project import GATE, PROJECT, SUITE, fairtrial, gate, record, write_gate_project
from tests.fixtures.waiting import PATIENCE


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_gate_project(tmp_path)


@pytest.mark.parametrize(("right", "decision", "code"), [(150, "SHIP", 0), (60, "BLOCK", 1), (132, "HOLD", 3)])
def test_the_verdict_is_the_exit_code_and_stands_in_every_file(project, right, decision, code) -> None:
    record(project, "base", 150)
    record(project, "tuned", right)
    done = gate(project, "--junit", "g.xml", "--markdown", "g.md", "--json", "g.json")
    assert done.returncode == code, done.stderr
    assert done.stdout.startswith(f"Unofficial {decision} tuned: ")
    assert json.loads((project / "g.json").read_text())["decision"] == decision
    assert decision in (project / "g.md").read_text().splitlines()[0]
    counts = ElementTree.parse(project / "g.xml").getroot().attrib
    assert (counts["tests"], counts["skipped"]) == ("3", "2"), (
        "one rule; the worst slice and the experiments for information"
    )


@pytest.mark.parametrize(("right", "options", "code"), [(150, (), 5), (150, ("--allow-unapproved",), 0), (60, (), 1)])
def test_a_ship_that_waits_for_a_person_has_its_own_exit_code(project, right, options, code) -> None:
    (project / "gate.yaml").write_text(f"{GATE}approvers: [release-manager]\n")
    record(project, "base", 150)
    record(project, "tuned", right)
    done = gate(project, *options, "--junit", "g.xml", "--markdown", "g.md", "--json", "g.json")
    assert done.returncode == code, done.stderr
    verdict = json.loads((project / "g.json").read_text())
    assert verdict["exit_code"] == (5 if right == 150 else 1)
    approve = f"the approval of release-manager (fairtrial verdict approve {verdict['verdict_id']} --why …)"
    reports = [done.stdout, (project / "g.md").read_text(), (project / "g.xml").read_text()]
    assert [approve in report for report in reports] == [right == 150] * 3


def test_an_approved_ship_that_is_judged_again_exits_with_zero(project: Path) -> None:
    (project / "gate.yaml").write_text(f"{GATE}approvers: [release-manager]\n")
    record(project, "base", 150)
    record(project, "tuned", 150)
    assert gate(project, "--json", "first.json").returncode == 5
    first = json.loads((project / "first.json").read_text())["verdict_id"]
    assert fairtrial(project, "verdict", "approve", first, "--why", "read 40 answers").returncode == 0
    done = gate(project, "--junit", "g.xml", "--markdown", "g.md", "--json", "g.json")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((project / "g.json").read_text())
    assert (report["exit_code"], report["approvals"]["complete"]) == (0, True)
    assert report["reads"].startswith("SHIP, approved by the person who asked for it")
    where = f"given on the equal evidence of verdict {first}"
    markdown = (project / "g.md").read_text().replace("\\", "")
    assert [where in text for text in (done.stdout, markdown, (project / "g.xml").read_text())] == [True] * 3
    assert fairtrial(project, "verdict", "reject", first, "--why", "the tone is wrong").returncode == 0
    rejected = gate(project, "--allow-unapproved")
    assert rejected.returncode == 5 and "Rejected on" in rejected.stdout


def test_without_runs_it_holds_and_says_what_to_run(project: Path) -> None:
    done = gate(project, "--json", "-")
    assert done.returncode == 3, done.stderr
    assert json.loads(done.stdout)["findings"][0]["needed"] == "fairtrial eval suite.yaml --on tuned"


def test_a_gate_with_a_mistake_exits_with_two_and_its_line(project: Path) -> None:
    (project / "gate.yaml").write_text(GATE + "require:\n  - exact > 90%\n")
    done = gate(project)
    assert done.returncode == 2
    assert "gate.yaml:5: require[0]" in done.stderr
    assert "did you mean '>='?" in done.stderr


def test_a_line_that_compares_with_a_target_that_is_not_there_is_a_usage_error(project: Path) -> None:
    (project / "gate.yaml").write_text(GATE + "require:\n  - exact not worse than bse by 3pp\n")
    done = gate(project)
    assert done.returncode == 2
    assert "there is no deployment 'bse'" in done.stderr
    assert "did you mean 'base'?" in done.stderr


@pytest.mark.parametrize("option", ["--candidate", "--baseline"])
def test_an_unknown_target_is_an_error_of_the_option_that_names_it(project: Path, option: str) -> None:
    given = {"--candidate": "tuned", "--baseline": "base"} | {option: "bse"}
    done = in_process("gate", "gate.yaml", *(word for pair in given.items() for word in pair), cwd=project)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {option} bse: there is no deployment 'bse' (did you mean 'base'?)")


def test_a_project_without_experiments_says_how_to_get_one(project: Path) -> None:
    done = in_process("experiment", "list", cwd=project)
    assert (done.returncode, done.stdout) == (
        0,
        "no experiments yet; declare one in fairtrial.yaml under experiments\n",
    )
    assert in_process("experiment", "list", "--json", cwd=project).stdout == "[]\n"


@pytest.mark.parametrize(("name", "nearest"), [("gatee", "one of: 'gate'"), ("chekc", "'check'?")])
def test_a_mistyped_command_suggests_the_nearest_one(project: Path, name: str, nearest: str) -> None:
    done = in_process(name, cwd=project)
    assert done.returncode == 2 and f"id you mean {nearest}" in done.stderr


def test_two_runs_are_compared_by_id_or_as_the_newest_of_a_target(project: Path) -> None:
    base, tuned = record(project, "base", 150), record(project, "tuned", 60)
    by_id = fairtrial(project, "compare", tuned, base, "--json")
    assert by_id.returncode == 0, by_id.stderr
    newest = fairtrial(project, "compare", "small@tuned", "small@base", "--json", "--by", "kind")
    found = json.loads(newest.stdout)
    assert json.loads(by_id.stdout)[0] == found[0]
    assert (found[0]["metric"], found[0]["answer"], found[0]["lost"]) == ("exact.accuracy", "worse", 90)
    assert {one["scope"] for one in found} == {"", "kind:a", "kind:b"}
    table = fairtrial(project, "compare", "small@tuned", "small@base")
    assert "worse" in table.stdout


def test_a_run_that_does_not_exist_is_a_usage_error(project: Path) -> None:
    done = fairtrial(project, "compare", "small@tuned", "small@base")
    assert done.returncode == 2
    assert "no finished run of the suite 'small' on 'tuned'" in done.stderr


def test_unsound_evidence_exits_with_four(project: Path) -> None:
    record(project, "base", 150)
    record(project, "tuned", 150, errors=20)
    done = gate(project)
    assert done.returncode == 4, done.stderr
    assert " ".join(done.stdout.split()).startswith(
        "Unofficial INVALID tuned: the evidence is unsound: 10.0 % of 200 cases"
    )


def test_a_run_of_another_definition_of_the_candidate_is_no_evidence_for_it(project: Path) -> None:
    record(project, "base", 150)
    record(project, "tuned", 150)
    (project / "fairtrial.yaml").write_text(PROJECT.replace("openai/m2", "openai/m3"))
    done = gate(project)
    assert done.returncode == 4, done.stderr
    assert "the definition of tuned has changed" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--candidate", "tunde", "--baseline", "base"], "did you mean 'tuned'?"),
        (["--candidate", "base", "--baseline", "base"], "candidate and baseline are the same target"),
        (["--candidate", "tuned", "--baseline", "base", "--junit", "no/g.xml"], "no/g.xml: there is no folder 'no'"),
        (["--candidate", "tuned", "--baseline", "base", "-c", "none.yaml"], "none.yaml"),
    ],
)
def test_a_wrong_use_exits_with_two_before_anything_is_judged(project: Path, options: list[str], says: str) -> None:
    done = fairtrial(project, "gate", "gate.yaml", *options)
    assert done.returncode == 2
    assert says in done.stderr and "Traceback" not in done.stderr
    assert not (project / "store.duckdb").exists()


def test_a_fault_of_the_program_has_no_verdicts_exit_code(project: Path) -> None:
    code = (
        "import fairtrial_cli.store_client.stored as gating\n"
        "def broken(*a, **k): raise RuntimeError('boom')\n"
        "gating.judge_gate_file = broken\n"
        "from fairtrial_cli.main import main; main()"
    )
    words = ["gate", "gate.yaml", "--candidate", "tuned", "--baseline", "base"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=project, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 70
    assert "boom" in done.stderr and "internal error of fairtrial, not a verdict" in done.stderr


def test_a_suite_with_a_wrong_field_or_gate_line_exits_with_two_and_says_where(project: Path) -> None:
    (project / "suite.yaml").write_text(SUITE.replace("slices:", "slice:").replace("by 10pp", "by 10"))
    for words in (["check", "suite.yaml"], ["eval", "suite.yaml", "--on", "base"]):
        done = fairtrial(project, *words)
        assert done.returncode == 2
        assert "suite.yaml:5: slice: unknown field (did you mean 'slices'?)" in done.stderr
    (project / "suite.yaml").write_text(SUITE.replace("suite:", "suit:"))
    assert (
        "suite.yaml:1: suit: unknown field (did you mean 'suite'?)" in fairtrial(project, "check", "suite.yaml").stderr
    )
    (project / "suite.yaml").write_text(SUITE.replace("by 10pp", "by 10"))
    for words in (["check", "suite.yaml"], ["check", "gate.yaml"], ["eval", "suite.yaml", "--on", "base"]):
        done = fairtrial(project, *words)
        assert done.returncode == 2
        assert "suite.yaml:7: gate[0]: 'exact not worse than base by 10': a margin is in pp" in done.stderr
    assert "suite.yaml:7" in gate(project).stderr


def test_a_project_with_an_unset_variable_and_an_unknown_key_exits_with_two_and_says_both(project: Path) -> None:
    wrong = PROJECT.replace("parent: base", 'api_key: "${NO_SUCH_KEY}"').replace("store:", "stores:")
    (project / "fairtrial.yaml").write_text(wrong)
    done = gate(project)
    assert done.returncode == 2
    assert "fairtrial.yaml:4: deployments.tuned.api_key" in done.stderr and "NO_SUCH_KEY" in done.stderr
    assert "fairtrial.yaml:7: stores: unknown field (did you mean 'store'?)" in done.stderr


def test_the_answer_of_a_comparison_has_mcnemars_p_beside_it(project: Path) -> None:
    tuned, base = record(project, "tuned", 140), record(project, "base", 150)
    found = json.loads(fairtrial(project, "compare", tuned, base, "--json").stdout)[0]
    assert (found["p"], found["p_method"]) == (pytest.approx(2 * 2**-10), "McNemar, exact")
    assert "0.002" in fairtrial(project, "compare", tuned, base, "--details").stdout
    gate(project, "--json", "g.json", "--markdown", "g.md")
    assert 'score test of "10 points worse or more": p' in (project / "g.md").read_text()
    evidence = json.loads((project / "g.json").read_text())["findings"][0]["evidence"]
    bound = "one-sided 95 % bound of the paired difference beyond −10 points"
    assert evidence["rule"] == f"{bound} and, beyond the margin, enumerated p ≤ 0.05"
    assert evidence["p"] < 0.05


def test_four_losses_are_not_worse_because_p_disagrees(project: Path) -> None:
    tuned, base = record(project, "tuned", 146), record(project, "base", 150)
    found = json.loads(fairtrial(project, "compare", tuned, base, "--json").stdout)[0]
    assert found["difference"]["high"] < 0
    assert (found["p"], found["answer"]) == (pytest.approx(0.125), "cannot tell")
    assert found["rule"] == "95 % interval of the paired difference excludes 0 and p ≤ 0.05"
    table = " ".join(fairtrial(project, "compare", tuned, base, "--details").stdout.split())
    assert "interval and p: better or worse if the 95 % interval of the paired difference excludes 0" in table
