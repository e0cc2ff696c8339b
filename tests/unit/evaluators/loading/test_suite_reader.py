"""A suite file is read as it is meant, and all of its errors are reported at once, each at its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from evaluators.loading.suite_reader import load
from evaluators.suite import Suite
from fairtrial.domain.errors import ConfigError
from tests.fixtures.evaluators.file_errors import gate_errors, suite_errors
from tests.fixtures.paths import ROOT

ROWS: list[dict[str, Any]] = [
    {"id": "a", "input": "How much is $5 in $total?", "expected": "yes", "product": "hub", "tags": ["x", "y"]},
    {"id": "b", "input": "Off?", "expected": "no", "product": "camera", "tags": ["y"]},
    {"id": "c", "input": "On?", "expected": "on", "product": "doorbell", "tags": []},
]


def suite_in(folder: Path, text: str, rows: list[dict[str, Any]] | str = ROWS, *, name: str = "rows.jsonl") -> Path:
    lines = rows if isinstance(rows, str) else "".join(json.dumps(row) + "\n" for row in rows)
    (folder / name).write_text(lines, encoding="utf-8")
    path = folder / "suite.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def read(folder: Path, text: str, rows: list[dict[str, Any]] | str = ROWS, *, name: str = "rows.jsonl") -> Suite:
    return load(suite_in(folder, text, rows, name=name))[0]


def errors_of(
    folder: Path, text: str, rows: list[dict[str, Any]] | str = ROWS, *, name: str = "rows.jsonl"
) -> list[str]:
    return [str(error).replace(f"{folder}/", "") for error in suite_errors(suite_in(folder, text, rows, name=name))]


def test_a_template_keeps_dollars_that_name_nothing_and_labels_stay_words(tmp_path: Path) -> None:
    suite = read(
        tmp_path,
        "suite: s\ndata: rows.jsonl\nsystem: Be $mood.\nvars: {labels: [yes, no, on], mood: kind}\n"
        "prompt: 'One of $labels, for $5 or $$5: ${input}'\nscore: [label: {of: $labels}]\n",
    )
    assert suite.cases[0].messages == (
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "One of yes, no, on, for $5 or $5: How much is $5 in $total?"},
    )
    assert suite.scorers[0].version == "label/1 text of:yes|no|on off-label:wrong"


def test_chat_rows_bring_their_prompt_their_reference_and_their_columns(tmp_path: Path) -> None:
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": '{"intent": "refund"}'}]
    rows = [{"messages": messages, "metadata": {"id": "t-1", "phrasing": "seen"}, "family": "plain"}]
    suite = read(tmp_path, "suite: s\ndata: rows.jsonl\nscore: [fields: [intent]]\nslices: [phrasing, intent]", rows)
    case = suite.cases[0]
    assert case.messages == ({"role": "user", "content": "Hi"},)
    assert (case.case_id, case.expected) == ("t-1", '{"intent": "refund"}')
    assert case.tags == {"phrasing": "seen", "intent": "refund"}
    assert case.fields == {"id": "t-1", "phrasing": "seen", "family": "plain"}


def test_groups_and_lists_make_slices(tmp_path: Path) -> None:
    suite = read(
        tmp_path,
        "suite: s\ndata: rows.jsonl\nscore: [exact]\nslices: [tags]\ntags: {what: product}\ncluster: product\n"
        "groups:\n  devices: {of: product, camera+doorbell: [camera, doorbell], rest: hub}\n",
    )
    assert suite.slices == ("tags", "what", "devices")
    assert [case.tags for case in suite.cases] == [
        {"tags": "x|y", "what": "hub", "devices": "rest"},
        {"tags": "y", "what": "camera", "devices": "camera+doorbell"},
        {"what": "doorbell", "devices": "camera+doorbell"},
    ]
    assert suite.cases[0].cluster == "hub"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rows.csv", 'id,input,expected\na,"Two\nlines",yes\nb,Off?,no\n'),
        ("rows.json", '[\n {"id": "a", "input": "Two\\nlines", "expected": "yes"},\n'
         ' {"id": "b", "input": "Off?", "expected": "no"}]'),
    ],
)  # fmt: skip
def test_rows_may_be_csv_or_json(tmp_path: Path, name: str, text: str) -> None:
    suite = read(tmp_path, f"suite: s\ndata: {name}\nscore: [exact]", text, name=name)
    assert [(case.case_id, case.expected) for case in suite.cases] == [("a", "yes"), ("b", "no")]
    assert suite.cases[0].messages[0]["content"] == "Two\nlines"


def test_the_digest_is_of_what_decides_the_numbers_and_not_of_the_gate(tmp_path: Path) -> None:
    text = "suite: s\ndata: rows.jsonl\nscore: [exact]\n"
    digest = read(tmp_path, text).digest
    assert read(tmp_path, text + "gate: [exact >= 90%]\nagainst: base\n").digest == digest
    assert read(tmp_path, text + "params: {temperature: 1}\n").digest != digest
    assert read(tmp_path, text.replace("exact", "contains")).digest != digest
    assert read(tmp_path, text + "repeat: 2\n").digest != digest
    assert read(tmp_path, text, ROWS[:2]).digest != digest
    assert read(tmp_path, text).with_limit(2).digest != digest
    assert read(tmp_path, text).with_limit(3).digest == digest


def test_a_sample_is_the_same_every_time_and_in_the_files_order(tmp_path: Path) -> None:
    rows = [{"id": f"r{at:02}", "input": "q", "expected": "a"} for at in range(50)]
    text = "suite: s\ndata: rows.jsonl\nscore: [exact]\nsample: {n: 5, seed: 7}\n"
    drawn = [case.case_id for case in read(tmp_path, text, rows).cases]
    assert drawn == ["r02", "r05", "r26", "r29", "r45"] or drawn == sorted(drawn)
    assert drawn == [case.case_id for case in read(tmp_path, text, rows).cases]
    assert len(read(tmp_path, text.replace("n: 5", "n: 500"), rows).cases) == 50


def test_every_mistake_is_reported_at_once_with_its_line_and_the_nearest_name(tmp_path: Path) -> None:
    errors = errors_of(
        tmp_path,
        "suite: s\ndata: [rows.jsonl, gone.jsonl]\nslices: [prodct]\nprobes:\n  - resist\nscore:\n"
        "  - exat\n  - exact: {mod: squad}\n  - regex:\n      match: '('\n  - label: {of: $labels}\n"
        "  - contains: {when: {famly: x}}\ngate:\n  - exact >= 90%\n  - exact not worse than base\n",
        [*ROWS, {"id": "a", "input": "again", "expected": "x"}],
    )
    assert [line.split(": ")[0] for line in errors] == [
        "rows.jsonl:4", "suite.yaml:2", "suite.yaml:3", "suite.yaml:5", "suite.yaml:7", "suite.yaml:8",
        "suite.yaml:10", "suite.yaml:11", "suite.yaml:12", "suite.yaml:15",
    ]  # fmt: skip
    text = "\n".join(errors)
    for sentence in (
        "the id 'a' occurs twice (first at line 1 of rows.jsonl)",
        "data[1]: there is no file 'gone.jsonl'",
        "slices[0]: no row has the column 'prodct' (columns: expected, id, input, product, tags)",
        "probes[0]: an entry must be a mapping",
        "did you mean 'exact'?",
        "'exact' has no option 'mod' (did you mean 'mode'?)",
        "$labels is not one of 'vars'",
        "'when' names the tag 'famly', which no row has",
        "needs a margin",
    ):
        assert sentence in text


def test_a_gate_line_must_measure_what_the_suite_has(tmp_path: Path) -> None:
    text = "suite: s\ndata: rows.jsonl\nscore: [exact]\nslices: [product]\ngate:\n  - exat.accuracy >= 90%\n"
    errors = errors_of(tmp_path, text + "  - exact >= 50% in product:hob\n  - errors <= 1%\n")
    assert [line.split(": ")[0] for line in errors] == ["suite.yaml:6", "suite.yaml:7"]
    assert "did you mean 'exact.accuracy'?" in errors[0] and "did you mean 'hub'?" in errors[1]


def test_an_unknown_key_names_the_nearest_one(tmp_path: Path) -> None:
    [errors] = errors_of(tmp_path, "suite: s\ndata: rows.jsonl\nscore: [exact]\nslice: [product]\n")
    assert errors == "suite.yaml:4: slice: unknown field (did you mean 'slices'?)"


def test_mistakes_of_rows_have_the_rows_line(tmp_path: Path) -> None:
    rows = '{"input": "a", "expected": "low"}\n\n{"input": "b"\n["c"]\n'
    rows += '{"input": "d", "expected": "lwo"}\n{"expected": "low"}\n'
    errors = errors_of(tmp_path, "suite: s\ndata: rows.jsonl\nscore: [label: [low, high]]\n", rows)
    assert [line.split(": ")[0] for line in errors] == ["rows.jsonl:3", "rows.jsonl:4", "rows.jsonl:5", "rows.jsonl:6"]
    assert "the line is not JSON" in errors[0] and "a row must be a JSON object" in errors[1]
    assert (
        "the label 'lwo' in 'expected', which is not one of low, high" in errors[2]
        and "the row has no prompt" in errors[3]
    )


@pytest.mark.parametrize(
    ("rows", "line"),
    [('id,input,expected\na,"On\noff?",yes\nb,"Off?,no\nc,Up?,no\n', 4), ('id,"input,expected\na,On?,yes\n', 1)],
)
def test_a_csv_quotation_mark_that_never_closes_is_a_mistake_at_the_start_of_its_row(
    tmp_path: Path, rows: str, line: int
) -> None:
    assert errors_of(tmp_path, "suite: s\ndata: rows.csv\nscore: [exact]\n", rows, name="rows.csv") == [
        f"rows.csv:{line}: the row that starts here is not CSV: unexpected end of data"
    ]


def test_a_csv_row_with_more_cells_than_names_is_a_mistake_at_its_line(tmp_path: Path) -> None:
    rows = 'id,input,expected\na,"Two\nlines",yes\nb,Off?,no,more\n'
    assert errors_of(tmp_path, "suite: s\ndata: rows.csv\nscore: [exact]\n", rows, name="rows.csv") == [
        "rows.csv:4: the line has more cells than the header has names"
    ]


def test_a_prompt_that_names_no_column_is_a_mistake_of_its_rows(tmp_path: Path) -> None:
    errors = errors_of(tmp_path, "suite: s\ndata: rows.jsonl\nprompt: Answer $qestion\nscore: [exact]\n")
    assert len(errors) == 1 and "the prompt names $qestion, but the row has no such column (3 rows" in errors[0]


def test_many_mistakes_of_one_kind_are_counted_and_not_all_shown(tmp_path: Path) -> None:
    rows = [{"id": at, "input": "q"} for at in range(100)]
    errors = errors_of(tmp_path, "suite: s\ndata: rows.jsonl\nscore: [exact]\n", rows)
    assert len(errors) == 21 and "80 more errors" in errors[-1]


def test_rows_of_fine_tuning_files_are_cases(tmp_path: Path) -> None:
    rows = [
        {"prompt": "Off?", "completion": "no"},
        {"prompt": [{"role": "user", "content": "On?"}], "completion": [{"role": "assistant", "content": "yes"}]},
    ]
    suite = read(tmp_path, "suite: s\ndata: rows.jsonl\nscore: [exact]\n", rows)
    assert [(case.messages[0]["content"], case.expected) for case in suite.cases] == [("Off?", "no"), ("On?", "yes")]


def test_rows_may_be_parquet(tmp_path: Path) -> None:
    columns = {"input": ["Off?", "On?"], "expected": ["no", None], "labels": [["x"], []], "n": [1.5, float("nan")]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "rows.parquet")
    text = "suite: s\ndata: rows.parquet\nscore: [{regex: o}]\n"
    (tmp_path / "suite.yaml").write_text(text, encoding="utf-8")
    first, second = load(tmp_path / "suite.yaml")[0].cases
    assert (first.expected, first.fields["labels"], first.fields["n"]) == ("no", ["x"], 1.5)
    assert second.fields == {"input": "On?", "labels": []}
    (tmp_path / "rows.parquet").write_bytes(b"PAR1 and no more")
    assert "is not a Parquet file" in suite_errors(tmp_path / "suite.yaml")[0].wrong


def test_a_misspelled_column_is_one_error_with_the_nearest_name(tmp_path: Path) -> None:
    errors = errors_of(tmp_path, 'suite: s\ndata: rows.jsonl\nprompt: "Say $inptu"\nscore: [exact]\n')
    wrong = "the prompt names $inptu, but the row has no such column (3 rows, from here on) (did you mean 'input'?)"
    assert errors == [f"rows.jsonl:1: {wrong}"]


def test_parameters_are_checked_by_name_type_and_range(tmp_path: Path) -> None:
    params = "{temperature: hot, max_tokens: -3, max_token: 4, top_p: 1.5, n_probs: 3, top_k: 5}"
    assert errors_of(tmp_path, f"suite: s\ndata: rows.jsonl\nparams: {params}\nscore: [exact]\n") == [
        "suite.yaml:3: params.max_token: there is no parameter 'max_token' (did you mean 'max_tokens'?)",
        "suite.yaml:3: params.max_tokens: -3 is not a whole number of 1 or more",
        "suite.yaml:3: params.temperature: 'hot' is not a number",
        "suite.yaml:3: params.top_p: 1.5 is not a number of at most 1",
    ]


def test_a_sample_of_more_cases_than_there_are_is_a_notice(tmp_path: Path) -> None:
    suite = read(tmp_path, "suite: s\ndata: rows.jsonl\nsample: {n: 9}\nscore: [exact]\n")
    assert len(suite.cases) == 3
    assert [notice.wrong for notice in suite.notices] == ["there are only 3 cases, so all are taken"]


def test_a_gate_and_a_suite_are_not_taken_for_each_other(tmp_path: Path) -> None:
    suite = suite_in(tmp_path, "suite: s\ndata: rows.jsonl\nscore: [exact]\ngate: [exact >= 5%]\n")
    assert [error.wrong for error in gate_errors(suite)] == ["this is a suite, not a gate"]
    assert errors_of(tmp_path, "version: 1\ngate: g\nsuites: [s]\n") == [
        "suite.yaml:3: suites: this is a gate, not a suite (judge by it: fairtrial gate FILE)"
    ]


def test_a_probe_with_its_own_messages_joins_a_suite_with_a_prompt(tmp_path: Path) -> None:
    text = 'suite: s\ndata: rows.jsonl\nprompt: "Customer: $input"\nscore: [exact]\n'
    text += "probes: [{family: exact_reply, n: 2}]\n"
    cases = {case.case_id: case.messages[-1]["content"] for case in read(tmp_path, text).cases}
    assert cases["b"] == "Customer: Off?"
    assert len(cases) == 5 and sum(content.startswith("Customer: ") for content in cases.values()) == 3


def test_a_case_that_no_scorer_measures_is_a_mistake(tmp_path: Path) -> None:
    text = "suite: s\ndata: rows.jsonl\nslices: [product]\nscore: [exact: {when: {product: hub}}]\n"
    errors = errors_of(tmp_path, text)
    assert len(errors) == 2 and "no scorer measures the case 'b'" in errors[0]


def test_several_suites_may_stand_in_one_file_but_not_under_one_name(tmp_path: Path) -> None:
    text = "suite: a\ndata: rows.jsonl\nscore: [exact]\n"
    both = suite_in(tmp_path, text + "---\n" + text.replace("suite: a", "suite: b"))
    assert [suite.name for suite in load(both)] == ["a", "b"]
    with pytest.raises(ConfigError, match="is the name of another suite"):
        load(suite_in(tmp_path, text + "---\n" + text))


def test_bleu_on_short_references_warns_before_its_numbers_are_read(tmp_path: Path) -> None:
    suite = read(tmp_path, "suite: s\ndata: rows.jsonl\nscore: [bleu]\n")
    assert "fewer than 4 words" in suite.warnings[0]


@pytest.mark.parametrize("path", sorted(ROOT.glob("suites/*/*.yaml")), ids=lambda path: path.name)
def test_every_suite_that_ships_can_be_read(path: Path) -> None:
    assert suite_errors(path) == []


def test_an_unknown_key_hides_no_other_mistake(tmp_path: Path) -> None:
    text = "suite: s\ndata: rows.jsonl\npromt: $input\nscore: [{contains: {any_fo: x}}]\ngate: [exact.accuracy >> 3]\n"
    errors = errors_of(tmp_path, text)
    assert [error.split(": ")[0] + " " + error.split(": ")[1] for error in errors] == [
        "suite.yaml:3 promt",
        "suite.yaml:4 score[0].contains.any_fo",
        "suite.yaml:5 gate[0]",
    ]


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        ('{"input": "x", "expected": NaN}', "rows.jsonl:1: the line is not JSON: NaN is not JSON"),
        ('{"input": "\\ud83d", "expected": "x"}', "rows.jsonl:1: the row has a lone surrogate"),
        ("[" * 100_000, "rows.jsonl:1: the line is not JSON"),
    ],
)
def test_a_row_that_could_not_be_sent_or_stored_is_reported_at_its_line(tmp_path: Path, row: str, wrong: str) -> None:
    assert errors_of(tmp_path, "suite: s\ndata: rows.jsonl\nscore: [exact]", row)[0].startswith(wrong)


THEIRS = [{"key": "a", "question": "2 + 3?", "answer": "5"}, {"key": "b", "question": "2 + 2?", "answer": "4"}]
OURS = [{"id": entry["key"], "input": entry["question"], "expected": entry["answer"]} for entry in THEIRS]
MAPPED = "suite: s\ndata: rows.jsonl\nmap: {question: input, answer: expected, key: id}\nscore: [exact]\n"
PLAIN = "suite: s\ndata: rows.jsonl\nscore: [exact]\n"


def test_a_map_reads_columns_as_if_they_had_these_names(tmp_path: Path) -> None:
    ours = read(tmp_path, PLAIN, OURS)
    path = suite_in(tmp_path, PLAIN, THEIRS)
    given = load(path, columns={"question": "input", "answer": "expected", "key": "id"})[0]
    written = read(tmp_path, MAPPED, THEIRS)
    assert (written.cases, written.digest) == (ours.cases, ours.digest)
    assert (given.cases, given.digest) == (ours.cases, ours.digest)
    over = load(
        suite_in(tmp_path, MAPPED.replace("question: input", "question: asked"), THEIRS), columns={"question": "input"}
    )
    assert over[0].digest == ours.digest, "what is given wins over the file"


def test_a_map_reads_fine_tuning_rows_chats_csv_and_files_with_different_columns(tmp_path: Path) -> None:
    tuning = "suite: s\ndata: rows.jsonl\nmap: {prompt: input, completion: expected}\nscore: [exact]\n"
    case = read(tmp_path, tuning, [{"prompt": "2 + 3?", "completion": "5"}]).cases[0]
    assert (case.expected, case.fields) == ("5", {"input": "2 + 3?", "expected": "5"})
    chat = {"dialogue": [{"role": "user", "content": "2 + 3?"}], "metadata": {"gold": "5"}}
    case = read(tmp_path, PLAIN + "map: {dialogue: messages, gold: expected}\n", [chat]).cases[0]
    assert (case.expected, case.messages[0]["content"]) == ("5", "2 + 3?")
    swapped = read(
        tmp_path, PLAIN + "map: {input: expected, expected: input}\n", [{"input": "5", "expected": "2 + 3?"}]
    )
    assert (swapped.cases[0].expected, swapped.cases[0].messages[0]["content"]) == ("5", "2 + 3?")
    (tmp_path / "more.csv").write_text("frage,answer\n2 + 2?,4\n")
    both = MAPPED.replace("rows.jsonl", "[rows.jsonl, more.csv]").replace("{", "{frage: input, ")
    assert [case.expected for case in read(tmp_path, both, THEIRS).cases] == ["5", "4", "4"]


def test_a_map_of_a_column_that_no_row_has_names_the_nearest(tmp_path: Path) -> None:
    wrong = errors_of(tmp_path, MAPPED.replace("question", "questoin"), THEIRS)
    assert any("suite.yaml:3" in message and "no row has the column 'questoin'" in message for message in wrong), wrong
    assert any("did you mean 'question'?" in message for message in wrong)
    twice = errors_of(tmp_path, MAPPED, [{**THEIRS[0], "input": "?"}])
    assert any(
        "rows.jsonl:1" in error and "by 'map' two columns of the row have the name 'input'" in error for error in twice
    )
    with pytest.raises(ConfigError) as caught:
        load(suite_in(tmp_path, PLAIN, OURS), columns={"inptu": "input"})
    assert [error.known for error in caught.value.errors] == ["did you mean 'input'?"]
