"""A gate's file: its suites are found by name, its lines are checked, and every error has its line."""

from pathlib import Path

import pytest

from evaluators.gate.file import load
from fairtrial.domain.errors import ConfigError
from tests.fixtures.evaluators.file_errors import gate_errors
from tests.fixtures.paths import ROOT

SUITE = """suite: small
data: rows.jsonl
prompt: $input
score: [exact]
slices: [kind]
gate:
  - exact not worse than base by 5pp
  - exact.accuracy >= 50% in kind:sums
"""
ROWS = """{"id": "a", "input": "1+1", "expected": "2", "kind": "sums"}
{"id": "b", "input": "x", "expected": "y", "kind": "facts"}
"""
GATE = """version: 1
gate: release
suites: [small]
require:
  - small.exact >= 40%
  - review.tone >= 4.0 with 100 ratings
approvers: [release-manager]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "suite.yaml").write_text(SUITE)
    (tmp_path / "small" / "rows.jsonl").write_text(ROWS)
    (tmp_path / "gate.yaml").write_text(GATE)
    return tmp_path


def test_the_suites_own_lines_count_and_the_gates_come_after(folder: Path) -> None:
    gate = load(folder / "gate.yaml")
    assert [rule.text for rule in gate.rules] == [
        "exact not worse than base by 5pp",
        "exact.accuracy >= 50% in kind:sums",
        "small.exact >= 40%",
    ]
    assert gate.rules[-1].line.metric == "exact"
    assert [text for text, _ in gate.external] == ["review.tone >= 4.0 with 100 ratings"]


def test_every_mistake_is_reported_with_its_line_and_what_is_known(folder: Path) -> None:
    lines = "  - exakt >= 40%\n  - exact > 40%\n  - exact >= 40ms\n  - exact >= 40% in knd:sums\n"
    (folder / "gate.yaml").write_text(f"version: 1\ngate: g\nsuites: [small, smal]\nrequire:\n{lines}")
    errors = gate_errors(folder / "gate.yaml")
    assert [(error.line, error.path) for error in errors] == [
        (3, "suites[1]"), (5, "require[0]"), (6, "require[1]"), (7, "require[2]"), (8, "require[3]")
    ]  # fmt: skip
    text = "\n".join(map(str, errors))
    for hint in ("did you mean 'small'?", "did you mean 'exact'?", "did you mean '>='?", "not in 'ms'", "'kind'?"):
        assert hint in text


def test_a_suites_line_on_an_unknown_metric_points_into_the_suites_file(folder: Path) -> None:
    (folder / "small" / "suite.yaml").write_text(SUITE.replace("  - exact not", "  - exct not"))
    errors = gate_errors(folder / "gate.yaml")
    assert [(Path(error.file).name, error.line) for error in errors] == [("suite.yaml", 7)]


def test_a_suite_or_a_scorer_may_have_the_name_of_a_family(folder: Path) -> None:
    suite = "suite: review\ndata: rows.jsonl\nscore: [{exact: {name: data}}]\n"
    (folder / "small" / "suite.yaml").write_text(suite)
    measured = ["data.accuracy >= 50%", "review.data.accuracy >= 50%", "review.errors <= 50%"]
    lines = [*measured, "review.tone >= 4.0 with 100 ratings"]
    (folder / "gate.yaml").write_text(f"version: 1\ngate: g\nsuites: [review]\nrequire: {lines}\n".replace("'", '"'))
    gate = load(folder / "gate.yaml")
    assert [rule.text for rule in gate.rules] == measured and [text for text, _ in gate.external] == lines[3:]


def test_an_unknown_field_is_a_mistake(folder: Path) -> None:
    (folder / "gate.yaml").write_text(GATE + "aprovers: [x]\n")
    with pytest.raises(ConfigError, match="aprovers"):
        load(folder / "gate.yaml")


@pytest.mark.parametrize("reason", ['"  "', '"..."', r'"\e[31mno"', '"\u200b"'])
def test_the_reason_of_form_only_must_be_readable(folder: Path, reason: str) -> None:
    (folder / "gate.yaml").write_text(f"{GATE}form_only: {reason}\n")
    with pytest.raises(ConfigError, match="form_only: must be a reason in visible text"):
        load(folder / "gate.yaml")


def test_the_reason_of_form_only_is_one_line(folder: Path) -> None:
    (folder / "gate.yaml").write_text(f"{GATE}form_only: |\n  it watches\n  a converter\n")
    assert load(folder / "gate.yaml").form_only == "it watches a converter"


def test_the_shipped_gate_is_sound() -> None:
    assert gate_errors(ROOT / "suites" / "support-release.gate.yaml") == []


def test_a_gate_that_can_decide_nothing_is_a_mistake(folder: Path) -> None:
    (folder / "gate.yaml").write_text("version: 1\ngate: empty\nsuites: []\n")
    [errors] = gate_errors(folder / "gate.yaml")
    assert (errors.line, errors.path) == (2, "gate") and "no rule" in errors.wrong


def test_a_suite_twice_and_one_whose_file_can_not_be_read_are_reported(folder: Path) -> None:
    (folder / "torn.yaml").write_text("suite: torn\n\tdata: x\n")
    (folder / "gate.yaml").write_text("version: 1\ngate: g\nsuites: [small, small, torn]\n")
    twice, torn = gate_errors(folder / "gate.yaml")
    assert "'small' is listed twice" in str(twice)
    assert "unreadable files: torn.yaml" in str(torn)
