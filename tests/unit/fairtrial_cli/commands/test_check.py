"""`fairtrial check` prints who may call the gateway, and what a project leaves out."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from fairtrial_cli.commands.check import command
from fairtrial_cli.commands.init import command as init

PROJECT = 'version: 1\ndeployments: {base: {model: openai/m, base_url: "http://127.0.0.1:1/v1"}}\n'


def printed(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return CliRunner().invoke(command, [str(path)]).output


def test_a_gateway_on_loopback_is_open_unless_it_requires_keys(tmp_path: Path) -> None:
    path = tmp_path / "fairtrial.yaml"
    assert "open to every caller on this machine" in printed(path, PROJECT)
    assert "for callers with a key" in printed(path, PROJECT + "gateway: {auth: keys}\n")


def test_map_reads_the_rows_of_a_suite_under_other_names(tmp_path: Path) -> None:
    suite = tmp_path / "suite.yaml"
    suite.write_text("suite: s\ndata: rows.jsonl\nscore: [exact]\n", encoding="utf-8")
    (tmp_path / "rows.jsonl").write_text('{"question": "2 + 3?", "answer": "5"}\n', encoding="utf-8")

    def check(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(command, [str(suite), *arguments])
        return result.exit_code, result.output + str(result.exception or "")

    assert check()[0] == 2
    assert check("--map", "question=input", "--map", "answer=expected")[0] == 0
    assert "did you mean 'question'?" in check("--map", "questions=input", "--map", "answer=expected")[1]
    assert "write a column and its new name" in check("--map", "question")[1]
    (tmp_path / "fairtrial.yaml").write_text(PROJECT, encoding="utf-8")
    alone = CliRunner().invoke(command, [str(tmp_path / "fairtrial.yaml"), "--map", "question=input"])
    assert "no file is a suite" in str(alone.exception)


def test_a_waiver_of_a_check_that_does_not_exist_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    path = tmp_path / "fairtrial.yaml"
    (tmp_path / "a.jsonl").write_text("", encoding="utf-8")
    waiver = "{check: CHECK, all: true, reason: ours, owner: Rosa}"
    tuned = PROJECT + (
        '  tuned: {model: openai/t, base_url: "http://127.0.0.1:1/v1", parent: base,\n'
        f"    training: {{method: lora, data: [a.jsonl], waivers: [{waiver}]}}}}\n"
    )
    text = tuned.replace("deployments: {base: ", "deployments:\n  base: ").replace('/v1"}}\n', '/v1"}\n', 1)
    refused = printed(path, text.replace("CHECK", "completion"))
    assert "waivers[0].check: the check 'completion' does not exist (did you mean 'completions'?)" in refused
    for check in ("completions", "pii", "provider-rules"):
        assert "valid; 2 deployments" in printed(path, text.replace("CHECK", check))


def test_a_scorer_of_a_route_that_can_t_measure_a_pair_is_refused_at_its_place(tmp_path: Path) -> None:
    routed = PROJECT + "routes: {support: {deployment: base, scorers: [well-formed, SCORER]}}\n"
    path = tmp_path / "fairtrial.yaml"
    for entry, wrong in {
        "exact_mach": "scorer 'exact-mach' does not exist (did you mean 'exact'?)",
        "bleu": "bleu can't measure one answer of a shadow, with 1 for the best",
        "contains: {every: [a]}": "'contains' has no option 'every'",
    }.items():
        assert f"routes.support.scorers[1]: {wrong}" in printed(path, routed.replace("SCORER", entry))
    assert "valid; 1 deployment" in printed(path, routed.replace("SCORER", "contains: {any: [parcel]}"))


SHORT = """\
version: 1
deployments:
  base: {model: openai/b, base_url: "http://127.0.0.1:1/v1"}
  tuned: {model: openai/t, base_url: "http://127.0.0.1:1/v1", parent: base, timeouts: {connect: 9}}
routes: {assistant: {deployment: base}}
releases: {gate: release.gate.yaml}
"""


def test_the_defaults_of_a_short_project_stand_with_their_meanings_by_what_it_declares(tmp_path: Path) -> None:
    path = tmp_path / "fairtrial.yaml"
    path.write_text(SHORT, encoding="utf-8")
    gate, suite = tmp_path / "release.gate.yaml", tmp_path / "sums.yaml"
    gate.write_text("version: 1\ngate: release\nsuites: [sums.yaml]\nmax_age: 7d\n", encoding="utf-8")
    suite.write_text("suite: sums\ndata: rows.jsonl\nscore: [exact]\ngate: [exact >= 50%]\n", encoding="utf-8")
    (tmp_path / "rows.jsonl").write_text('{"input": "2 + 3?", "expected": "5"}\n', encoding="utf-8")

    result = CliRunner().invoke(command, [str(path), "--defaults", "--json"])
    files = json.loads(result.stdout)["files"][0]["defaults"]
    assert [*files] == ["fairtrial.yaml", "release.gate.yaml"]
    rows = {row["setting"]: row for settings in files.values() for row in settings}
    assert rows["deployments.<name>.parent"]["entries"] == ["base"]
    assert rows["deployments.<name>.timeouts.connect"]["entries"] == ["base"]
    assert rows["deployments.<name>.retry.attempts"]["default"] == "2"
    assert rows["gateway.workers"]["meaning"] == "Number of processes that share the port."
    assert rows["self_approval"]["default"] == "false"
    stated = {"deployments.<name>.model", "routes.<name>.deployment", "max_age", "releases.gate"}
    undeclared = {name for name in rows if name.startswith(("experiments.", "metrics."))}
    assert not {*rows} & stated | undeclared
    assert [name for name, row in rows.items() if not row["meaning"]] == [] and "](" not in result.stdout


def test_the_defaults_fit_into_eighty_columns(tmp_path: Path) -> None:
    assert CliRunner().invoke(init, [str(tmp_path / "shop")]).exit_code == 0
    project = tmp_path / "shop" / "fairtrial.yaml"
    result = CliRunner(env={"COLUMNS": "80"}).invoke(command, [str(project), "--defaults"])
    table = result.output.partition("\n\nWhat fairtrial.yaml leaves out:\n")[2]
    assert all(name in table for name in ("variants.<name>.params", "guardrails.<n>.signal", "Left out by base."))
    assert [line for line in table.splitlines() if len(line) > 80] == []


def test_defaults_of_a_suite_are_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"input": "2 + 3?", "expected": "5"}\n', encoding="utf-8")
    suite = tmp_path / "sums.yaml"
    suite.write_text("suite: sums\ndata: rows.jsonl\nscore: [exact]\n", encoding="utf-8")
    result = CliRunner().invoke(command, [str(suite), "--defaults"])
    assert "no file is a project" in str(result.exception)
