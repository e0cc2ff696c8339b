"""Gate lines on live traffic, judges and data: names that nothing computes are errors, the rest is warned of."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.gate.odds import inspect
from evaluators.loading.suite_reader import inspect as inspect_suite
from tests.fixtures.evaluators.file_errors import gate_errors, suite_errors
from tests.fixtures.for_each import for_each

GATE = "version: 1\ngate: release\nsuites: [small]\nrequire:\n  - small.exact >= 40%\n"
SUITE = "suite: small\ndata: rows.jsonl\nscore: [exact]\ngate:\n  - exact >= 10%\n"
SOUND = [
    "live.primary better than base",
    "live.primary not worse than base by 2pp",
    "live.guardrails hold",
    "live.requests.error_rate <= 2%",
    "live.requests.latency_p95 not worse than base by 20%",
    "live.requests.latency_p95 <= 2s",
    "live.cost.per_request <= $0.02",
    "live.feedback.resolved >= 60% with 200 users",
]
WRONG = [
    ("live.nonsense >= 1%", "live traffic has no 'live.nonsense'", "known: "),
    ("live.requests.eror_rate <= 2%", "has no 'live.requests.eror_rate'", "did you mean 'live.requests.error_rate'?"),
    ("live.requests.kept_away_rate <= 1%", "is shown and never decides", "count against safety"),
    ("live.primary >= 2%", "by a comparison", "write: live.primary better than base"),
    ("live.guardrails better than base", "guardrails can only be required to hold", "write: live.guardrails hold"),
    ("live.requests.tokens hold", "cannot hold", "not worse than base"),
    ("live.primary better than v1", "not with 'v1'", "write: base"),
    ("live.requests.error_rate <= 2% with 3 apples", "does not count 'apples'", "units, users"),
    ("live.requests.error_rate <= 2% in team:a", "as a whole, not in slices", "remove 'in team:a'"),
    ("live.requests.error_rate <= 200%", "lies between 0 and 1", "100%"),
    ("live.requests.latency_p95 <= 3%", "is given in s or ms", ""),
    ("live.requests.tokens not worse than base by 2pp", "is not a share", "20%"),
    ("judge.nonsense >= 3", "there is no judge 'nonsense'", "this version has no judges"),
    ("data.audti clean", "training data has no 'data.audti'", "did you mean 'data.audit'?"),
    ("data.audit hold", "an audit can only be required to be clean", "write: data.audit clean"),
    ("data.audit >= 3", "an audit can only be required to be clean", "write: data.audit clean"),
    ("data.audit clean with 3 rows", "an audit can only be required to be clean", "write: data.audit clean"),
    ("data.audit clean in team:a", "an audit can only be required to be clean", "write: data.audit clean"),
    ("data.rows >= 3", "training data has no 'data.rows'", "known: data.audit"),
    ("small.exact >= 40% with 3 apples", "suites do not count 'apples'", "write: with 3 cases"),
    ("small.exact not worse than baseline:2026-11-01 by 5pp", "this version has no named baselines", "write: base"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rows.jsonl").write_text('{"id": "a", "input": "1+1", "expected": "2"}\n')
    (tmp_path / "suite.yaml").write_text(SUITE)
    return tmp_path


@for_each("line", SOUND)
def test_a_live_line_without_an_experiment_is_reported_once_with_its_line(folder: Path, line: str) -> None:
    (folder / "gate.yaml").write_text(f"{GATE}  - {line}\n")
    _, [notice] = inspect(folder / "gate.yaml")
    assert (notice.line, notice.path) == (6, "require[1]")
    assert notice.wrong.startswith(f"{line!r}: ") and "so a gate with this line never returns SHIP" in notice.wrong
    assert "no experiment decides it" in notice.wrong
    (folder / "gate.yaml").write_text(f"{GATE}  - {line}\nexperiment: tuned-vs-base\n")
    assert inspect(folder / "gate.yaml")[1] == []


def test_the_audit_of_training_data_can_be_required_by_a_gate_and_by_a_suite(folder: Path) -> None:
    (folder / "gate.yaml").write_text(f"{GATE}  - data.audit clean\n")
    assert inspect(folder / "gate.yaml")[1] == []
    (folder / "suite.yaml").write_text(f"{SUITE}  - data.audit clean\n")
    assert inspect_suite(folder / "suite.yaml")[1] == []


@for_each(("line", "wrong", "known"), WRONG)
def test_a_line_that_nothing_computes_is_a_mistake(folder: Path, line: str, wrong: str, known: str) -> None:
    (folder / "suite.yaml").write_text(SUITE)
    (folder / "gate.yaml").write_text(f"{GATE}  - {line}\n")
    [error] = gate_errors(folder / "gate.yaml")
    assert (error.line, error.path) == (6, "require[1]")
    assert wrong in error.wrong and known in error.known
    (folder / "suite.yaml").write_text(f"{SUITE}  - {line.replace('small.', '')}\n")
    [error] = suite_errors(folder / "suite.yaml")
    assert (error.line, error.path) == (6, "gate[1]")
    assert wrong in error.wrong


def test_approvers_are_roles(folder: Path) -> None:
    (folder / "gate.yaml").write_text(f"{GATE}approvers: [release-manager, the-pope]\n")
    [error] = gate_errors(folder / "gate.yaml")
    assert str(error).endswith("gate.yaml:6: approvers[1]: 'the-pope' is not a role (known: admin, release-manager)")
    (folder / "gate.yaml").write_text(f"{GATE}approvers: [release-manager]\n")
    assert inspect(folder / "gate.yaml")[1] == []


@pytest.mark.parametrize("role", ["auditor", "reviewer"])
def test_an_approver_must_have_a_role_that_may_approve(folder: Path, role: str) -> None:
    (folder / "gate.yaml").write_text(f"{GATE}approvers: [admin, {role}]\n")
    [error] = gate_errors(folder / "gate.yaml")
    assert str(error).endswith(f"6: approvers[1]: the role '{role}' may not approve (did you mean 'release-manager'?)")


def test_every_mistake_of_a_gate_is_reported_at_once(folder: Path) -> None:
    lines = "".join(f"  - {line}\n" for line in ("judge.tone >= 4", "data.audti clean", "exact >= 75% with 3 apples"))
    (folder / "gate.yaml").write_text(f"{GATE}{lines}approvers: [relase-manager]\n")
    errors = gate_errors(folder / "gate.yaml")
    assert [error.line for error in errors] == [6, 7, 8, 9]
    assert errors[-1].known == "did you mean 'release-manager'?"


def test_against_is_the_base_and_is_warned_of(folder: Path) -> None:
    (folder / "suite.yaml").write_text(f"{SUITE}against: moon\n")
    [error] = suite_errors(folder / "suite.yaml")
    assert str(error).endswith("suite.yaml:6: against: must be 'base', not 'moon'")
    (folder / "suite.yaml").write_text(f"{SUITE}against: base\n")
    sentence, [notice] = inspect_suite(folder / "suite.yaml")
    assert sentence == "small (regression): 1 case"
    assert "6: against: this key has no effect in this version" in str(notice)


def test_a_gate_tells_what_its_suites_tell(folder: Path) -> None:
    (folder / "suite.yaml").write_text(f"{SUITE}against: base\n")
    (folder / "gate.yaml").write_text(GATE)
    sentence, [notice] = inspect(folder / "gate.yaml")
    floor = (
        "'small.exact >= 40%' (1 case) passes a model at 35 % in 35 of 100 trials (add 'sure', or use about 256 cases)"
    )
    assert sentence == f"release: 2 rules; suites: small; {floor}"
    assert notice.file.endswith("suite.yaml")
