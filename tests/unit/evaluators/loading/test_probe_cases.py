"""The key ``probes`` of a suite: which cases and scorers it makes, and which mistakes it names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evaluators.loading.suite_reader import inspect, load
from evaluators.loading.suite_text import suite_of, text_of
from evaluators.suite import Suite
from fairtrial.domain.errors import ConfigError
from tests.fixtures.evaluators.probe_suites import ROWS, probed, suite_text
from tests.fixtures.evaluators.small_suites import write_suite
from tests.fixtures.for_each import for_each


def mistakes(folder: Path, *probes: Any, **more: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        probed(folder, *probes, **more)
    return [str(error).removeprefix(f"{folder}/") for error in caught.value.errors]


def ids(suite: Suite, family: str) -> list[str]:
    return [case.case_id for case in suite.cases if case.tags.get("family") == family]


def test_each_own_case_is_asked_as_it_is_and_changed(tmp_path: Path) -> None:
    suite = probed(tmp_path, {"keep answer under": ["case", "spacing"]})
    own = [row["id"] for row in ROWS]
    assert [case.case_id for case in suite.cases[: len(own)]] == own
    assert ids(suite, "case") == [f"{name}~case" for name in own]
    assert {case.cluster for case in suite.cases} == set(own)
    assert suite.when == {"label": {"probe": "own|invariance"}, "keep": {"family": "case|spacing"}}
    assert "family" in suite.slices


def test_the_sample_of_the_suite_is_drawn_before_its_copies(tmp_path: Path) -> None:
    path = write_suite(tmp_path, suite_text({"keep answer under": "case"}) + "sample: {n: 2, seed: 7}\n", ROWS)
    [suite] = load(path)
    own = [case.case_id for case in suite.cases if case.tags["probe"] == "own"]
    assert len(own) == 2 and ids(suite, "case") == [f"{name}~case" for name in own]


def test_all_means_every_perturbation_that_changes_something(tmp_path: Path) -> None:
    suite = probed(tmp_path, {"keep answer under": "all"})
    assert set(suite.families) == {
        "own", "case", "filler", "homoglyphs", "punctuation", "reordering", "spacing", "typos",
    }  # fmt: skip
    suite = load(write_suite(tmp_path, suite_text({"keep answer under": "all"}), [ROWS[0] | {"input": "Help"}]))[0]
    assert "reordering" not in suite.families


def test_rows_with_messages_are_changed_in_their_last_user_message(tmp_path: Path) -> None:
    chat = [{"role": "system", "content": "Route."}, {"role": "user", "content": "Where is it?"}]
    rows = [{"messages": [*chat, {"role": "assistant", "content": '{"intent": "delivery"}'}], "metadata": {"id": "a"}}]
    [suite] = load(write_suite(tmp_path, suite_text({"keep answer under": "case"}), rows))
    copy = suite.cases[1]
    assert copy.messages[0] == chat[0] and copy.messages[1]["content"].casefold() == "where is it?"
    assert copy.messages != suite.cases[0].messages and copy.expected == '{"intent": "delivery"}'


def test_the_prompt_of_the_suite_is_kept_around_a_changed_text(tmp_path: Path) -> None:
    rows = [{"id": "a", "ticket": "Where is it?", "expected": {"intent": "delivery"}}]
    text = suite_text({"keep answer under": "case"}) + 'prompt: "Ticket: $ticket"\n'
    [suite] = load(write_suite(tmp_path, text, rows))
    content = suite.cases[1].messages[0]["content"]
    assert content.startswith("Ticket: ") and content.casefold() == "ticket: where is it?"


def test_a_suite_without_own_scorers_asks_its_rows_only_for_their_copies(tmp_path: Path) -> None:
    head = "suite: s\nkind: edges\ndata: rows.jsonl\n"
    [suite] = load(
        write_suite(tmp_path, head + "probes: [keep answer under: [case]]\ngate: [keep.flips <= 5%]\n", ROWS)
    )
    assert suite.families == {"own": len(ROWS), "case": len(ROWS)}
    [other_suite] = load(write_suite(tmp_path, head + "probes: [family: exact_reply]\n", ROWS))
    assert set(other_suite.families) == {"exact_reply"}


def test_a_scorer_of_a_family_alone_does_not_ask_the_rows_of_the_suite(tmp_path: Path) -> None:
    score = "regex: {name: no_id, none: 'LM-[0-9]+', when: {family: cut_off_input}}"
    suite = probed(tmp_path, {"family": "cut_off_input", "n": 5, "controls": "no"}, score=score)
    assert {case.tags["family"] for case in suite.cases} == {"cut_off_input"} and len(suite.cases) == 5
    assert {scorer.name for scorer in suite.scorers_of(suite.cases[0])} == {"no_id", "abstain"}


def test_a_suite_of_bundled_families_needs_no_rows_and_is_of_kind_edges(tmp_path: Path) -> None:
    [suite] = load(write_suite(tmp_path, "suite: s\nprobes: [{family: exact_reply, n: 5}]\n"))
    assert suite.families == {"exact_reply": 5} and suite.kind == "edges"


def test_each_demand_may_name_a_file_of_rows_or_the_bundled_seeds(tmp_path: Path) -> None:
    for name in ("scope", "vague", "benign"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"id": name, "input": f"{name}?"}) + "\n")
    suite = probed(
        tmp_path,
        {"abstain on": "scope.jsonl"},
        {"ask or hedge on": "vague.jsonl"},
        {"never refuse": "benign.jsonl"},
        {"resist": {"injections": "builtin", "canary": "ZX-41"}, "n": 3},
    )
    messages = [case.messages[-1]["content"] for case in suite.cases]
    assert {"scope?", "vague?", "benign?"} <= set(messages)
    injected = [case for case in suite.cases if case.tags.get("family") == "prompt_injection"]
    assert len(injected) == 3 and all(case.fields["canary"] == ["ZX-41"] for case in injected)


def test_a_suite_without_probes_still_needs_rows_and_scorers(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'data' is missing; only a suite with 'probes' needs none"):
        load(write_suite(tmp_path, "suite: s\nscore: [exact]\n"))


def test_a_changed_seed_or_family_changes_the_digest(tmp_path: Path) -> None:
    digests = {
        probed(tmp_path, entry).digest
        for entry in (
            {"keep answer under": ["typos"]},
            {"keep answer under": ["typos"], "seed": 1},
            {"keep answer under": ["typos"], "n": 3},
            {"keep answer under": ["spacing"]},
        )
    }
    assert len(digests) == 4


def test_gate_lines_know_families_severities_and_kinds(tmp_path: Path) -> None:
    gate = (
        "gate: ['keep.flips <= 5% in every family', keep.flips not worse than base by 2pp in family:typos,"
        " keep.flips <= 5% in severity:low, label.accuracy >= 50% in probe:own]\n"
    )
    suite = probed(tmp_path, {"keep answer under": ["typos", "case"]}, gate=gate)
    stored = suite_of(text_of(suite), suite.path)
    assert stored.gate == suite.gate and stored.when == suite.when and stored.values == suite.values


def test_check_prints_the_cases_of_each_family(tmp_path: Path) -> None:
    path = write_suite(tmp_path, suite_text({"keep answer under": ["case"]}, {"family": "exact_reply", "n": 7}), ROWS)
    assert inspect(path)[0] == "probed (edges): 19 cases (own 6, case 6, exact_reply 7)"


@for_each(
    ("entry", "message"),
    [
        ("typos", "probes[0]: an entry must be a mapping (such as: keep answer under: [typos, case])"),
        ({"keep answers under": ["case"]}, "unknown probe 'keep answers under' (did you mean 'keep answer under'?)"),
        ({"keep answer under": ["cse"]}, "probes[0].keep answer under: 'cse' is not known (did you mean 'case'?)"),
        ({"family": "exact_replay"}, "family of probes 'exact_replay' does not exist (did you mean 'exact_reply'?)"),
        ({"family": "case", "sed": 3}, "probes[0].sed: case has no option 'sed' (did you mean 'seed'?)"),
        ({"family": "case", "n": 0}, "probes[0].n: must be a whole number from 1 to 10,000"),
        ({"family": "case", "seed": -1}, "probes[0].seed: must be a whole number from 0"),
        ({"family": ["case", "case"]}, "the family 'case' is used twice"),
        ({"family": "added_text"}, "added_text: text: give the text to add, or a list of texts"),
        ({"family": "added_text", "text": "Hi", "must": "rise"}, "must: 'rise' is not known"),
        ({"family": "removed_text", "pattern": "(", "must": "same"}, "is not a regular expression"),
        ({"family": "removed_text", "pattern": "zzz", "must": "same"}, "makes no case from these rows"),
        ({"file": "gone.yaml"}, "there is no file 'gone.yaml'"),
        ({"file": "../out.yaml"}, "is outside the project's folder"),
        ({"family": "case", "keep answer under": "all"}, "an entry names exactly one probe"),
    ],
)
def test_a_mistake_names_its_place_and_the_nearest_name(tmp_path: Path, entry: Any, message: str) -> None:
    (tmp_path.parent / "out.yaml").write_text("probe: x\n")
    errors = mistakes(tmp_path, entry)
    assert any(message in error for error in errors), errors
    assert all(error.startswith("suite.yaml:6: probes[0]") for error in errors)


def test_two_scorers_of_one_name_are_a_mistake(tmp_path: Path) -> None:
    errors = mistakes(tmp_path, {"family": "case"}, score="exact: {name: keep}")
    assert any("two scorers have the name 'keep'" in error for error in errors)


def test_mistakes_of_probes_and_of_the_rest_are_reported_together(tmp_path: Path) -> None:
    errors = mistakes(tmp_path, {"family": "cse"}, {"family": "typo"}, gate="gate: [label.accurcy >= 5]\nslice: [x]\n")
    assert [error.split(": ")[1] for error in errors] == ["probes[0].family", "probes[1].family", "slice"]


def test_a_row_that_a_family_cannot_use_is_left_out(tmp_path: Path) -> None:
    rows = [*ROWS, {"id": "empty", "input": "", "expected": {"intent": "fault"}}]
    [suite] = load(write_suite(tmp_path, suite_text({"family": "case"}), rows))
    assert "empty~case" not in ids(suite, "case") and json.dumps(suite.families)
