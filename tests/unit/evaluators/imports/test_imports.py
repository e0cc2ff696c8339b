"""Evaluations of other tools become suites that load, and every criterion of the original is listed."""

from __future__ import annotations

import json
import os
import resource
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from evaluators.criteria.content_lines import ADVICE, REVIEW_LINE
from evaluators.engine.scoring import score_case
from evaluators.gate.file import load as load_gate
from evaluators.imports.files import changed, check, files_of, write
from evaluators.imports.imported import SOURCES, ImportedSuite, ImportRefused
from evaluators.loading.suite_reader import load
from evaluators.suite import Suite
from fairtrial.domain.run import Answer, Score

TEXT = "{{sample.output_text}}"


def imported(source: str, *files: Path, columns: Mapping[str, str] | None = None) -> list[ImportedSuite]:
    return SOURCES.get(source).read(files, columns or {})


def loaded(suites: Sequence[ImportedSuite], folder: Path) -> Suite:
    files = files_of(suites)
    check(suites, files)
    write(files, folder)
    return load(folder / f"{suites[0].name}.yaml")[0]


def outcomes(suite: ImportedSuite) -> dict[str, str]:
    return {criterion.name: criterion.outcome for criterion in suite.criteria}


def values(suite: Suite, row: int, text: str) -> dict[str, float | None]:
    """The main value of each scorer that measures the row."""
    result = score_case(suite, suite.cases[row], 0, Answer(text))
    mains = {scorer.name: scorer.stats[0].name for scorer in suite.scorers}
    return {name: score.values[mains[name]] for name, score in result.scores.items() if isinstance(score, Score)}


def openai_eval(folder: Path, criteria: Sequence[Mapping[str, Any]], items: Sequence[Mapping[str, Any]]) -> list[Path]:
    definition = {"object": "eval", "id": "eval_1", "name": "My eval", "data_source_config": {"type": "custom"}}
    template = [{"role": "user", "content": {"type": "input_text", "text": "It costs $5: {{item.question}}"}}]
    run = {
        "object": "eval.run",
        "eval_id": "eval_1",
        "data_source": {
            "type": "completions",
            "source": {"type": "file_content", "content": [{"item": dict(item)} for item in items]},
            "input_messages": {"type": "template", "template": template},
            "sampling_params": {"temperature": 0, "max_completions_tokens": 20},
        },
    }
    (folder / "eval.json").write_text(json.dumps({**definition, "testing_criteria": list(criteria)}))
    (folder / "run.json").write_text(json.dumps(run))
    return [folder / "eval.json", folder / "run.json"]


def test_graders_of_the_platform_become_scorers_with_a_reference_in_each_row(tmp_path: Path) -> None:
    check_of = {"type": "string_check", "input": TEXT, "reference": "{{item.label}}"}
    similar = {"type": "text_similarity", "input": TEXT, "reference": "{{item.label}}", "pass_threshold": 0.8}
    criteria = [
        {**check_of, "name": "same", "operation": "eq"},
        {**check_of, "name": "other", "operation": "ne"},
        {**check_of, "name": "in", "operation": "ilike"},
        {**similar, "name": "close", "evaluation_metric": "fuzzy_match"},
        {**similar, "name": "meteor", "evaluation_metric": "meteor"},
        {"type": "label_model", "name": "tone"},
        {"type": "python", "name": "code", "source": "raise SystemExit"},
    ]
    items = [{"question": "a", "label": "refund", "id": "x"}, {"question": "b", "label": "bug"}, {"question": "c"}]
    suites = imported("openai-evals", *openai_eval(tmp_path, criteria, items))
    suite = loaded(suites, tmp_path / "to")
    assert outcomes(suites[0]) == {
        "prompt": "equal",
        "same": "equal",
        "other": "equal",
        "in": "near",
        "close": "near",
        "meteor": "missing",
        "tone": "missing",
        "code": "missing",
        "rows": "missing",
    }
    assert suite.params == {"temperature": 0, "max_completion_tokens": 20}
    assert suite.cases[0].messages[0]["content"] == "It costs $5: a"
    assert values(suite, 0, "refund") == {"same": 1, "other": 0, "in": 1, "close": 1}
    assert values(suite, 1, "a BUG") == {"same": 0, "other": 1, "in": 1, "close": 0}
    assert "raise SystemExit" in (tmp_path / "to/scorers/code.py").read_text()


@pytest.mark.filterwarnings("error")
def test_a_row_without_a_reference_is_not_measured(tmp_path: Path) -> None:
    criteria = [{"type": "string_check", "name": "s", "input": TEXT, "reference": "{{item.a}}", "operation": "eq"}]
    criteria.append({**criteria[0], "name": "all", "reference": "yes"})
    suites = imported(
        "openai-evals", *openai_eval(tmp_path, criteria, [{"question": "1", "a": "yes"}, {"question": "2"}])
    )
    suite = loaded(suites, tmp_path / "to")
    assert [sorted(values(suite, row, "yes")) for row in (0, 1)] == [["all", "s"], ["all"]]


def test_an_eval_without_rows_lists_its_criteria_and_says_what_is_missing(tmp_path: Path) -> None:
    path, _ = openai_eval(tmp_path, [{"type": "multi", "name": "m"}], [])
    [suite] = imported("openai-evals", path)
    assert outcomes(suite) == {"prompt": "missing", "m": "missing", "rows": "missing"}


REGISTRY = (
    ("Match", "Paris", 1),
    ("Match", "It is Paris", 0),
    ("Includes", "It is Paris.", 1),
    ("Includes", "paris", 0),
    ("FuzzyMatch", "the paris!", 1),
    ("FuzzyMatch", "Par", 1),
    ("FuzzyMatch", "Rome", 0),
)
"""A class, an answer to a question whose ideal is Paris, and whether it counts as right."""


def test_classes_of_the_registry_are_those_of_its_package(tmp_path: Path) -> None:
    for at, (kind, text, right) in enumerate(REGISTRY):
        folder = tmp_path / str(at)
        (folder / "data").mkdir(parents=True)
        (folder / "evals").mkdir()
        (folder / "data/s.jsonl").write_text(
            json.dumps({"input": [{"role": "user", "content": "?"}], "ideal": "Paris"})
        )
        entry = f"capital:\n  id: capital.v0\ncapital.v0:\n  class: evals.elsuite.basic:{kind}\n"
        (folder / "evals/capital.yaml").write_text(f"{entry}  args: {{samples_jsonl: s.jsonl}}\n")
        suites = imported("openai-evals", folder / "evals/capital.yaml")
        suite = loaded(suites, folder / "to")
        assert list(values(suite, 0, text).values()) == [right], (kind, text)


PROMPTFOO = """\
prompts: ["Translate {{text}} for $5 to {{language}}"]
providers: [{id: "openai:x", config: {temperature: 0.5}}]
defaultTest: {assert: [{type: not-icontains, value: sorry}]}
tests:
  - vars: {text: hello, language: [French, German]}
    assert:
      - {type: icontains, value: "O"}
      - {type: regex, value: "^[A-Z]"}
      - {type: javascript, value: "process.exit(1)"}
  - vars: {text: bye, language: Dutch}
    threshold: 0.6
    assert:
      - {type: equals, value: "dag {{text}}", weight: 2}
      - {type: contains-any, value: "dag, doei"}
"""


def test_a_suite_has_the_name_of_the_folder_however_its_path_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine" / "inside").mkdir(parents=True)
    (tmp_path / "mine" / "promptfooconfig.yaml").write_text(PROMPTFOO)
    monkeypatch.chdir(tmp_path / "mine" / "inside")
    assert [suite.name for suite in imported("promptfoo", Path("../promptfooconfig.yaml"))] == ["mine"]


def test_assertions_of_promptfoo_measure_only_the_tests_that_have_them(tmp_path: Path) -> None:
    path = tmp_path / "promptfooconfig.yaml"
    path.write_text(PROMPTFOO)
    suites = imported("promptfoo", path)
    suite = loaded(suites, tmp_path / "to")
    assert [case.messages[0]["content"] for case in suite.cases] == [
        "Translate hello for $5 to French",
        "Translate hello for $5 to German",
        "Translate bye for $5 to Dutch",
    ]
    assert values(suite, 0, "Bonjour") == {"not_icontains": 1, "icontains": 1, "regex": 1}
    assert values(suite, 2, "doei, Sorry") == {"not_icontains": 0, "equals": 0, "contains_any": 1, "weighted": 0}
    assert values(suite, 2, "dag bye") == {"not_icontains": 1, "equals": 1, "contains_any": 1, "weighted": 1}
    assert outcomes(suites[0])["javascript"] == "missing"
    assert suite.params == {"temperature": 0.5}


def test_rows_that_only_own_code_measures_stay_for_the_scorer_that_the_user_writes(tmp_path: Path) -> None:
    code = {"type": "javascript", "value": "output.length > 3"}
    tests: list[dict[str, Any]] = [
        {"vars": {"land": "France"}, "assert": [{"type": "contains", "value": "Paris"}]},
        {"vars": {"land": "Spain"}, "assert": [code]},
        {"vars": {"land": "Italy"}, "assert": [{"type": "contains", "value": "Rome", "weight": 2}, code]},
        {"vars": {"land": "Peru"}, "assert": [{"type": "llm-rubric", "value": "is right"}]},
    ]
    path = tmp_path / "promptfooconfig.json"
    path.write_text(json.dumps({"prompts": ["Capital of {{land}}?"], "providers": ["openai:x"], "tests": tests}))
    suites = imported("promptfoo", path)
    suite = loaded(suites, tmp_path / "to")
    assert [row["checks"] for row in suites[0].rows] == [
        ["contains"],
        ["answered", "javascript"],
        ["contains", "javascript"],
    ]
    assert values(suite, 1, "Madrid") == {"answered": 1}
    assert outcomes(suites[0])["weights of a test"] == outcomes(suites[0])["rows"] == "missing"


WITHOUT_REFERENCES: dict[str, list[dict[str, Any]]] = {
    "judges": [{"type": "llm-rubric", "value": "is polite"}],
    "format": [{"type": "is-json"}, {"type": "latency", "threshold": 900}, {"type": "cost", "threshold": 0.1}],
    "not": [{"type": "not-icontains", "value": "as an AI"}],
    "code": [{"type": "javascript", "value": "output.length > 3"}],
    "nothing": [],
}
WITH_REFERENCES: dict[str, list[dict[str, Any]]] = {
    "equals": [{"type": "equals", "value": "{{answer}}"}, {"type": "llm-rubric", "value": "is polite"}],
    "weighted": [{"type": "is-json", "weight": 2}, {"type": "contains", "value": "{{answer}}", "weight": 3}],
    "regex": [{"type": "regex", "value": "^Paris"}],
}


@pytest.mark.parametrize("name", [*WITHOUT_REFERENCES, *WITH_REFERENCES])
def test_a_gate_without_references_requires_reviewed_pairs_and_says_what_to_add(tmp_path: Path, name: str) -> None:
    assertions = (WITHOUT_REFERENCES | WITH_REFERENCES)[name]
    tests = [{"vars": {"land": "France", "answer": "Paris"}, "assert": assertions}]
    path = tmp_path / "capitals.json"
    path.write_text(json.dumps({"prompts": ["Capital of {{land}}?"], "providers": ["openai:x"], "tests": tests}))
    suites = imported("promptfoo", path)
    loaded(suites, tmp_path / "to")
    gate = load_gate(tmp_path / "to/capitals.gate.yaml")
    required = [REVIEW_LINE] if name in WITHOUT_REFERENCES else []
    assert [text for text, _ in gate.external] == required
    told = "".join(file.read_text() for file in (tmp_path / "to").glob("capitals.*yaml"))
    assert told.count("No line measures what was answered") == 2 * len(required)
    assert ((tmp_path / "to/import.md").read_text().count(ADVICE)) == len(required)


@pytest.mark.parametrize(("second", "compares"), [("Paris", False), ("Berlin", True)])
def test_references_that_are_all_equal_compare_nothing(tmp_path: Path, second: str, compares: bool) -> None:
    tests = [
        {"vars": {"land": land}, "assert": [{"type": "contains", "value": value}]}
        for land, value in (("France", "Paris"), ("Germany", second))
    ]
    path = tmp_path / "capitals.json"
    path.write_text(json.dumps({"prompts": ["Capital of {{land}}?"], "providers": ["openai:x"], "tests": tests}))
    loaded(imported("promptfoo", path), tmp_path / "to")
    gate = load_gate(tmp_path / "to/capitals.gate.yaml")
    assert [text for text, _ in gate.external] == ([] if compares else [REVIEW_LINE])


def test_a_table_needs_a_question_and_its_columns_may_be_named(tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    path.write_text("Frage,Antwort\nWer?,Ich\n")
    with pytest.raises(ImportRefused, match="no column is the question"):
        imported("csv", path)
    suite = loaded(imported("csv", path, columns={"Frage": "input", "Antwort": "expected"}), tmp_path / "to")
    assert (suite.cases[0].messages[0]["content"], suite.cases[0].expected) == ("Wer?", "Ich")
    path.write_text("Question,Answer\nWho?,Me\n")
    assert loaded(imported("csv", path), tmp_path / "to").cases[0].expected == "Me"


@pytest.mark.parametrize(
    ("references", "answer", "kinds"),
    [
        (("Vienna", "7"), "The capital of Austria is VIENNA.", {"contains"}),
        (("東京", "北京"), "日本の首都は東京です。", {"contains"}),
        (("서울", "부산"), "한국의 수도는 서울입니다.", {"contains"}),
        (("refund", "delivery", "refund", "delivery"), "refund", {"exact", "fuzzy"}),
        (("Vienna", "The largest of all the oceans is the Pacific."), "Vienna", {"exact", "fuzzy"}),
        (("Vienna", " "), "Vienna", {"exact", "fuzzy"}),
    ],
)
def test_a_short_reference_that_does_not_recur_is_found_in_a_sentence(
    references: Sequence[str], answer: str, kinds: set[str], tmp_path: Path
) -> None:
    path = tmp_path / "q.jsonl"
    rows = [{"question": f"{at}?", "answer": text} for at, text in enumerate(references)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    suite = loaded(imported("jsonl", path), tmp_path / "to")
    assert values(suite, 0, answer) == dict.fromkeys(kinds, 1.0)
    assert ("max_tokens" in suite.params) is ("contains" in kinds)


def test_a_second_import_shows_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    path.write_text("question,answer\nWho?,Me\n")
    write(files_of(imported("csv", path)), tmp_path / "to")
    assert changed(files_of(imported("csv", path)), tmp_path / "to") == []
    path.write_text("question,answer\nWho?,You\n")
    difference = changed(files_of(imported("csv", path)), tmp_path / "to")
    assert any(line.startswith("+") and "You" in line for line in difference)


def test_all_files_are_written_or_none_if_the_disk_is_full(tmp_path: Path) -> None:
    """A limit on the size of files stands for a full disk: the second file does not fit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        with pytest.raises(ImportRefused, match=r"^[^\n]+: it can't be written: File too large$"):
            write({"a.yaml": "x" * 10, "b.yaml": "x" * 2000}, tmp_path / "to")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list((tmp_path / "to").iterdir()) == []


def test_a_killed_import_leaves_no_half_file(tmp_path: Path) -> None:
    versions = [{f"{name}.yaml": text * 20_000 for name in "abcd"} for text in ("old\n", "new\n")]
    write(versions[0], tmp_path)
    for delay in (0.01, 0.03, 0.06):
        child = os.fork()
        if child == 0:
            try:
                while True:
                    for files in versions:
                        write(files, tmp_path)
            finally:
                os._exit(1)
        time.sleep(delay)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        for name in versions[0]:
            assert (tmp_path / name).read_text() in (versions[0][name], versions[1][name]), name


NAMED_FILES = {
    "absolute.yaml": "prompts: [p]\ntests: file:///etc/passwd.csv\n",
    "parent.yaml": "prompts: ['{{a}}']\ntests: [{vars: {a: 'file://../outside.txt'}}]\n",
    "wildcard.yaml": "prompts: ['{{a}}']\ntests: file://../*.csv\n",
    "device.yaml": "prompts: [file://zero.txt]\ntests: [{vars: {a: 1}}]\n",
    "pipe.yaml": "prompts: [p]\ntests: file://pipe.csv\n",
    "folder.yaml": "prompts: [file://folder.txt]\ntests: [{vars: {a: 1}}]\n",
    "absent.yaml": "prompts: [file://absent.txt]\ntests: [{vars: {a: 1}}]\n",
    "cycle.yaml": "prompts: [p]\ntests: [{$ref: '#/a'}]\na: {$ref: '#/b'}\nb: {$ref: '#/a'}\n",
    "nowhere.yaml": "prompts: [p]\ntests: [{$ref: '#/a'}]\n",
    "combinations.yaml": "prompts: [p]\ntests: [{vars: {"
    + ", ".join(f"v{at}: [{', '.join(['a'] * 9)}]" for at in range(9))
    + "}}]\n",
}


def test_files_that_a_configuration_must_not_name_are_refused_in_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "inside"
    (folder / "folder.txt").mkdir(parents=True)
    (tmp_path / "outside.txt").write_text("secret")
    (folder / "zero.txt").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe.csv")
    for name, text in NAMED_FILES.items():
        (folder / name).write_text(text)
        with pytest.raises(ImportRefused) as caught:
            imported("promptfoo", folder / name)
        assert "\n" not in str(caught.value) and "secret" not in str(caught.value), name


def test_a_run_of_another_eval_is_refused(tmp_path: Path) -> None:
    path, run = openai_eval(tmp_path, [], [{"question": "a"}])
    run.write_text(run.read_text().replace("eval_1", "eval_2"))
    with pytest.raises(ImportRefused, match="belongs to the eval eval_2, and no file has that eval"):
        imported("openai-evals", path, run)
    with pytest.raises(ImportRefused, match=r"run\.json: no file has an eval"):
        imported("openai-evals", run)


BROKEN = {
    "nothing.yaml": "",
    "scalar.json": "3",
    "truncated.json": '{"object": "eval", "testing_criteria": [',
    "other.json": "[1, 2]",
    "deep.json": "[" * 100_000,
    "levels.json": '{"prompts": ["p"], "tests": [{"vars": {"x": ' + '{"a":' * 900 + "1" + "}" * 900 + "}}]}",
    "empty.json": "",
    "bomb.yaml": "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"{chr(98 + at)}: &{chr(98 + at)} [{', '.join([f'*{chr(97 + at)}'] * 9)}]\n" for at in range(9)),
    "tag.yaml": "a: !!python/object/apply:os.system [id]\n",
    "nul.json": '{"a": "\x00"}',
}


def test_a_broken_or_hostile_file_is_refused_in_one_line(tmp_path: Path) -> None:
    for name, text in BROKEN.items():
        path = tmp_path / name
        path.write_text(text)
        for source in ("openai-evals", "promptfoo"):
            with pytest.raises(ImportRefused) as caught:
                imported(source, path)
            assert "\n" not in str(caught.value) and len(str(caught.value)) < 400, name
    link = tmp_path / "link.json"
    link.symlink_to("/dev/zero")
    with pytest.raises(ImportRefused):
        imported("openai-evals", link)


def test_rows_whose_messages_are_no_list_are_refused_with_their_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("messages,expected\nHello.,yes\n")
    with pytest.raises(ImportRefused, match="row 1: 'messages' is not a list of messages"):
        imported("csv", path)


def test_a_stub_is_a_program_whatever_the_code_of_the_original(tmp_path: Path) -> None:
    codes = {
        "own": '"', "class": 'return "a"', "None": "x = \'\'\'\na", "3": '"""doc"""\nreturn True\\', "cr": "a\rb",
        "lines": "a\x0cb\u2028c", "name": "\\N{x}", "nul": "a\x00b",
    }  # fmt: skip
    for name, code in codes.items():
        grader = {"type": "python", "name": name, "source": f"def grade(sample, item):\n    {code}"}
        suites = imported("openai-evals", *openai_eval(tmp_path, [grader], [{"question": "a"}]))
        [stub] = [text for name, text in files_of(suites).items() if name.startswith("scorers/")]
        compile(stub, "stub.py", "exec")


def test_an_import_refuses_to_write_through_links(tmp_path: Path) -> None:
    grader = {"type": "python", "name": "own", "source": "def grade(sample, item): return 1"}
    suites = imported("openai-evals", *openai_eval(tmp_path, [grader], [{"question": "a"}]))
    folder, outside = tmp_path / "suites", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (folder / "scorers").symlink_to(outside)
    with pytest.raises(ImportRefused, match="scorers: it is a link"):
        changed(files_of(suites), folder)
    assert list(outside.iterdir()) == []


def test_an_import_reads_neither_hidden_files_nor_those_of_a_store(tmp_path: Path) -> None:
    (tmp_path / "fairtrial.yaml").write_text("version: 1\n")
    journal = tmp_path / "fairtrial.duckdb.d" / "journal"
    journal.mkdir(parents=True)
    (tmp_path / ".env").write_text("KEY=secret-7\n")
    (tmp_path / "fairtrial.duckdb.d" / "plan.json").write_text('{"a": "secret-7"}')
    (journal / "w.jsonl").write_text('{"a": "secret-7"}\n')
    (tmp_path / "link.txt").symlink_to(".env")
    path = tmp_path / "config.yaml"
    for name in (".env", "link.txt", "fairtrial.duckdb.d/plan.json", "fairtrial.duckdb.d/journal/w.jsonl"):
        path.write_text(f"prompts: ['{{{{a}}}}']\ntests: [{{vars: {{a: 'file://{name}'}}}}]\n")
        with pytest.raises(ImportRefused, match="never data"):
            imported("promptfoo", path)
        if not name.endswith("plan.json"):
            with pytest.raises(ImportRefused, match="never data"):
                imported("jsonl", tmp_path / name)
