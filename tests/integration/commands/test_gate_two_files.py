"""`fairtrial gate OLD NEW`: a verdict on two files, without a project, and one line for a damaged file."""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.evaluators.result_files import RESULTS, scored, write_lines
from tests.fixtures.services.command import in_process
from tests.fixtures.services.gate_project import fairtrial, gate, record, write_gate_project


def compare(
    folder: Path, *more: str, old: str = "old.jsonl", new: str = "new.jsonl"
) -> subprocess.CompletedProcess[str]:
    return in_process("gate", old, new, *more, cwd=folder)


@pytest.mark.parametrize(
    ("right", "more", "code", "next_step"),
    [
        (164, (), 0, "Next: judge both models on your own questions and users: fairtrial init trial --from URL"),
        (110, (), 1, "Next: repair the new model or prompt, write its results again, and run: fairtrial gate"),
        (155, (), 3, "would settle it (that counts as a further look). Then run: fairtrial gate old.jsonl new.jsonl"),
        (190, ("--better",), 0, "fairtrial init"),
        (164, ("--better", "--margin", "3pp"), 3, "Then run: fairtrial gate old.jsonl new.jsonl"),
        (158, ("--margin", "10pp"), 0, "fairtrial init"),
    ],
)
def test_a_verdict_with_its_exit_code_and_the_next_command(
    tmp_path: Path, right: int, more: tuple[str, ...], code: int, next_step: str
) -> None:
    write_lines(tmp_path / "old.jsonl", scored(160))
    write_lines(tmp_path / "new.jsonl", scored(right))
    done = compare(tmp_path, *more)
    assert done.returncode == code, done.stdout + done.stderr
    *lines, last = done.stdout.splitlines()
    assert last.startswith("Next: ") and next_step in last
    assert "Shown: new.jsonl against old.jsonl: results (score; 200 cases)." in lines
    assert any(line.startswith("Not shown: what users do") for line in lines)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.jsonl", "old.jsonl"]


def test_the_numbers_are_those_of_a_project(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    write_gate_project(project)
    for target, right in (("base", 160), ("tuned", 158)):
        record(project, target, right)
        write_lines(tmp_path / f"{target}.jsonl", scored(right))
    inside = gate(project, "--json", "-")
    outside = compare(tmp_path, "--margin", "10pp", "--json", "-", old="base.jsonl", new="tuned.jsonl")
    assert inside.returncode == outside.returncode == 0, inside.stderr + outside.stderr
    evidence = [json.loads(done.stdout)["findings"][0]["evidence"] for done in (inside, outside)]
    assert evidence[0] | {"metric": ""} == evidence[1] | {"metric": ""}
    assert fairtrial(project, "verdict", "list").stdout.count("HOLD") == 0


def test_reports_are_written_where_they_are_requested(tmp_path: Path) -> None:
    write_lines(tmp_path / "old.jsonl", scored(160))
    write_lines(tmp_path / "new.jsonl", scored(164))
    done = compare(tmp_path, "--json", "v.json", "--junit", "v.xml", "--markdown", "v.md")
    assert done.returncode == 0, done.stderr
    verdict = json.loads((tmp_path / "v.json").read_text())
    assert (verdict["decision"], verdict["exit_code"], verdict["official"]) == ("SHIP", 0, False)
    assert all("SHIP new.jsonl" in (tmp_path / name).read_text() for name in ("v.xml", "v.md"))
    assert compare(tmp_path, "--json", "none/v.json").returncode == 2


def test_markdown_names_the_measures_and_the_cases_that_changed_and_no_text(tmp_path: Path) -> None:
    for name, answer in (("old", "red"), ("new", "blue")):
        rows = [{"id": f"c{at}", "answer": "red" if at % 2 else answer, "expected": "red"} for at in range(200)]
        write_lines(tmp_path / f"{name}.jsonl", rows)
    assert compare(tmp_path, "--markdown", "v.md").returncode == 1
    report = (tmp_path / "v.md").read_text()
    assert report.startswith("## Unofficial BLOCK new.jsonl")
    assert "- new.jsonl: worse by exact.accuracy" in report
    assert "changed for the worse most, by exact.accuracy: c0, c2, c4, c6, c8" in report
    assert "100 of 200 answers of new.jsonl are the same as those of old.jsonl" in report
    assert "blue" not in report


def test_only_json_is_printed_in_place_of_a_file(tmp_path: Path) -> None:
    for name in ("old", "new"):
        write_lines(tmp_path / f"{name}.jsonl", scored(160 if name == "old" else 164))
    for option in ("markdown", "junit"):
        done = compare(tmp_path, f"--{option}", "-")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert f"--{option} -: only --json can be printed" in done.stderr
    assert not (tmp_path / "-").exists()


def test_a_report_never_replaces_a_file_of_results(tmp_path: Path) -> None:
    write_lines(tmp_path / "old.jsonl", scored(160))
    before = write_lines(tmp_path / "new.jsonl", scored(164)).read_bytes()
    done = compare(tmp_path, "--json", "../" + f"{tmp_path.name}/new.jsonl")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "new.jsonl: a report would replace this file of results" in done.stderr
    assert (tmp_path / "new.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("old.jsonl",), "Missing argument 'NEW'"),
        (("old.jsonl", "new.jsonl", "--candidate", "tuned"), "--candidate: this option is for a gate file"),
        (("old.jsonl", "new.jsonl", "--run"), "--run: this option is for a gate file"),
        (("gate.yaml", "new.jsonl"), "gate.yaml is a gate, which is judged with --candidate and --baseline"),
        (("gate.yaml", "--better"), "--better: this option is for two files of results"),
        (("gate.yaml", "--measure", "score"), "--measure: this option is for two files of results"),
        (("gate.yaml",), "Missing option '--candidate'"),
        (("old.jsonl", "new.jsonl", "--margin", "much"), "--margin: 'much' is not a number"),
        (("old.jsonl", "new.jsonl", "--measure", "scor"), "did you mean 'score'?"),
        (("old.jsonl", "none.jsonl"), "error: none.jsonl: No such file or directory"),
        ((".", "new.jsonl"), "error: .: can't be read: it is a folder"),
    ],
)
def test_one_place_tells_files_from_a_gate(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    write_gate_project(tmp_path)
    write_lines(tmp_path / "old.jsonl", scored(160))
    write_lines(tmp_path / "new.jsonl", scored(164))
    done = in_process("gate", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in " ".join(done.stderr.split())


def zipped(members: dict[str, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return content.getvalue()


def lines(*rows: Any) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


RESULT = {"promptIdx": 0, "testIdx": 0, "vars": {"q": "a"}, "success": True, "score": 1}
EVENT = {"run_id": "r", "event_id": 1, "sample_id": "a", "type": "match", "data": {"correct": True}}
SAMPLE = {"id": "a", "epoch": 1, "scores": {"match": {"value": "C"}}}
DAMAGED: dict[str, tuple[str, str | bytes, str]] = {
    "empty": ("jsonl", "", "1: the file has no rows"),
    "cut": ("jsonl", '{"id": "a", "score": 1}\n{"id": "b", "sco', "2: the line is not JSON"),
    "latin-1": ("jsonl", b'{"id": "a"}\n{"id": "\xe9"}\n', "2: it is not UTF-8 text"),
    "binary": ("csv", b"id,score\n\x00\xff\xfe", "2: it is not UTF-8 text"),
    "list": ("jsonl", "[1, 2]\n", "1: a row must be a JSON object"),
    "ending": ("xlsx", "PK", "1: '.xlsx' is not a supported format of rows (known: jsonl, json, csv, parquet)"),
    "no score": ("jsonl", lines({"id": "a", "note": "x"}), "1: there is neither a column with scores nor one with"),
    "bad score": ("jsonl", lines({"id": "a", "score": 1}, {"id": "b", "score": "good"}), "2: the score 'score' is 'go"),
    "infinite": ("csv", "id,score\na,inf\n", "2: the score 'score' is 'inf'"),
    "twice": ("jsonl", lines({"id": "a", "score": 1}, {"id": "a", "score": 0}), "2: the id 'a' occurs twice (first on"),
    "no id": ("jsonl", lines({"id": "a", "score": 1}, {"score": 0}), "2: the row has no 'id'"),
    "other ids": ("jsonl", lines(*({"id": f"x{at}", "score": 1} for at in range(200))), "1: only 0 of 200 ids are in"),
    "no ids": ("jsonl", lines({"score": 1}, {"score": 1}), "1: the file has no column with ids (old.jsonl has one)"),
    "two columns": ("csv", "id,score,score\na,1,0\n", "1: the row that starts here is not CSV: its header has"),
    "cells": ("csv", "id,score\na,1,2\n", "2: the line has more cells than the header has names"),
    "quote": ("csv", 'id,score\n"a,1\n', "2: the row that starts here is not CSV"),
    "json": ("json", '{\n"results": {', "2: the file is not JSON"),
    "deep": ("json", '{"a": ' * 100_000, "1: the file is not JSON"),
    "surrogate": ("json", '{"results": {"results": [{"vars": {"q": "\\ud800"}}]}}', "1: it has half of a character"),
    "promptfoo empty": ("json", json.dumps({"results": {"results": []}}), "1: results.results is not a list of"),
    "promptfoo item": ("json", json.dumps({"results": {"results": [1]}}), "1: result 1 of results.results is not"),
    "promptfoo test": ("json", json.dumps({"results": {"results": [{"success": 1}]}}), "1: result 1: it has no test"),
    "promptfoo two": ("jsonl", lines(RESULT, RESULT | {"promptIdx": 1}), "1: the file has results of 2 providers or"),
    "lm-eval": ("jsonl", lines({"doc_id": 1, "resps": []}, {"resps": []}), "2: the sample has no 'doc_id'"),
    "lm-eval twice": ("jsonl", lines(*[{"doc_id": 1, "resps": [], "acc": 1}] * 2), "2: the document 1 occurs twice"),
    "openai event": ("jsonl", lines({"spec": {"eval_name": "e"}}, {"run_id": "r"}), "2: the event has no 'type'"),
    "openai none": ("jsonl", lines({"spec": {"eval_name": "e"}}), "1: the file has no results of OpenAI evals"),
    "openai two runs": ("jsonl", lines(EVENT, EVENT | {"run_id": "s"}), "1: the file has events of 2 runs (r, s)"),
    "inspect twice": ("json", json.dumps({"eval": {}, "samples": [SAMPLE] * 2}), "1: the sample 'a' "),
    "inspect none": ("json", json.dumps({"eval": {}, "samples": []}), "1: the log has no samples"),
    "inspect id": ("json", json.dumps({"eval": {}, "samples": [{}]}), "1: result 1: it has no 'id'"),
    "no archive": ("eval", "PK\x03\x04", "1: it can't be unpacked"),
    "cut archive": ("eval", zipped({"header.json": '{"eval": {}}'})[:-30], "1: it can't be unpacked"),
    "bad member": ("eval", zipped({"header.json": "{"}), "1: header.json: the file is not JSON"),
    "no samples": ("eval", zipped({"header.json": '{"eval": {}}'}), "1: the log has no samples"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_one_line_and_writes_nothing(tmp_path: Path, name: str) -> None:
    ending, content, words = DAMAGED[name]
    write_lines(tmp_path / "old.jsonl", scored(160))
    damaged = tmp_path / f"new.{ending}"
    damaged.write_bytes(content if isinstance(content, bytes) else content.encode())
    done = compare(tmp_path, "--json", "v.json", new=damaged.name)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {damaged.name}:{words}"), done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "v.json").exists()


TOOLS = {
    "promptfoo/{}.json": "the file is not JSON",
    "promptfoo/{}.jsonl": "the line is not JSON",
    "inspect/{}.eval": "it can't be unpacked",
    "lm_eval/{}_texts.jsonl": "the line is not JSON",
    "openai_evals/{}.jsonl": "the line is not JSON",
}


@pytest.mark.parametrize("name", TOOLS)
def test_half_of_a_file_that_a_tool_wrote_is_one_line_and_writes_nothing(tmp_path: Path, name: str) -> None:
    old, new = (RESULTS / name.format(model) for model in ("old", "new"))
    content = new.read_bytes()
    cut = tmp_path / new.name
    for share in (0.3, 0.6, 0.9):
        cut.write_bytes(content[: int(len(content) * share)])
        for files in ((str(old), cut.name), (cut.name, str(old))):
            done = in_process("gate", *files, "--json", "v.json", "--junit", "v.xml", cwd=tmp_path)
            assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
            assert done.stderr.startswith(f"error: {cut.name}:") and TOOLS[name] in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [cut.name]


def test_files_of_two_tools_share_no_case(tmp_path: Path) -> None:
    for old, new in ((a, b) for a in TOOLS for b in TOOLS if a.partition("/")[0] != b.partition("/")[0]):
        done = in_process("gate", str(RESULTS / old.format("old")), str(RESULTS / new.format("new")), cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
        assert "only 0 of 24 ids are in both files" in done.stderr
