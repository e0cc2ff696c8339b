"""The best of N candidates counts as better at alpha ÷ N, whenever each of them is judged."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from evaluators.trial import Trial
from fairtrial.domain.verdicts.verdict import Verdict
from fairtrial.store.core.query import Page
from fairtrial.store.evaluations import verdicts
from gateway.control.operations.verdicts import verdict_rows
from gateway.control.verdicts.recompute import evidence_of, recompute
from gateway.control.verdicts.release.release_check import missing_for_release
from tests.fixtures.control.judged_trial import PROJECT, SUITE, JudgedTrial

GATE = "version: 1\ngate: release\nsuites: [small]\nrequire:\n  - small.exact better than base\n"
DAY_US = 86_400_000_000
CANDIDATES = ("tuned", "c1", "c2", "c3")
DECLARED = "".join(f"  {name}: {{model: openai/{name}, base_url: http://127.0.0.1:9/v1}}\n" for name in CANDIDATES[1:])
FEW, MANY = 85, 90
"""Right answers of a candidate whose p is 0.031, and of one whose p is 0.001; the base has 80."""


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[JudgedTrial]:
    text = PROJECT.replace("deployments:\n", f"deployments:\n{DECLARED}", 1)
    text = text.replace("{stages: [100]}", "{stages: [100], start: manual}")  # an undecided trial would hold the gate
    with closing(JudgedTrial(tmp_path, text)) as made:
        made.gate.write_text(GATE)
        made.run("base", 80)
        yield made


def judge(trial: JudgedTrial, candidate: str, right: int = FEW, gate: str | None = None) -> Verdict:
    trial.run(candidate, right)
    trial.now_us += 60_000_000
    return trial.judge(candidate=candidate, gate=gate)


def candidates(trial: JudgedTrial, verdict: Verdict) -> int:
    return evidence_of(trial.database, verdict.verdict_id).candidates


def stale(trial: JudgedTrial, verdict: Verdict) -> list[str]:
    rows = verdict_rows(trial.database, verdicts.listing(Page(limit=100)), trial.present)
    return list(next(row["stale"] for row in rows if row["verdict_id"] == verdict.verdict_id))


def says(verdict: Verdict) -> str:
    return next(found.says for found in verdict.findings if "better than base" in found.rule)


@pytest.mark.release("stories")
def test_the_second_of_two_equal_candidates_counts_at_half_the_level_and_the_first_is_stale(trial: JudgedTrial) -> None:
    first = judge(trial, "tuned")
    assert (first.decision, candidates(trial, first), stale(trial, first)) == ("SHIP", 1, [])
    second = judge(trial, "c1")
    assert (second.decision, candidates(trial, second)) == ("HOLD", 2)
    assert "better at 2.5 %, because 2 candidates were evaluated on these cases within 14 days" in says(second)
    reason = "1 more candidate was judged by this gate since; judge it again"
    assert stale(trial, first) == [reason]
    check = missing_for_release(trial.database, trial.experiment, "tuned", trial.present, promoter="account ines")
    assert any(reason in clause for clause in check.missing)
    again = trial.judge(candidate="tuned")
    assert (again.decision, candidates(trial, again)) == ("HOLD", 2)
    assert [recompute(trial.database, each.verdict_id).differences for each in (first, second, again)] == [()] * 3


@pytest.mark.release("stories")
def test_a_candidate_that_is_better_at_the_shared_level_stays_a_ship(trial: JudgedTrial) -> None:
    first = judge(trial, "tuned", MANY)
    others = [judge(trial, name) for name in CANDIDATES[1:]]
    assert [candidates(trial, other) for other in others] == [2, 3, 4]
    assert stale(trial, first) == []
    again = judge(trial, "tuned", MANY)
    assert (again.decision, candidates(trial, again)) == ("SHIP", 4)
    assert "better at 1.25 %, because 4 candidates" in says(again)


def test_a_candidate_that_is_judged_twice_counts_once(trial: JudgedTrial) -> None:
    judge(trial, "tuned")
    assert candidates(trial, judge(trial, "tuned")) == 1


def renamed(trial: JudgedTrial, letter: str = "d") -> None:
    """The same cases under another name, with other ids, and five more."""
    trial.config.with_name("small.yaml").write_text(SUITE.replace("suite: small", "suite: other"))
    rows = trial.config.with_name("rows.jsonl")
    old = [json.loads(line) | {"id": f"{letter}{number}"} for number, line in enumerate(rows.read_text().splitlines())]
    more = [{"id": f"n{number}", "input": f"new {number}", "expected": "a", "family": "x"} for number in range(5)]
    rows.write_text("".join(json.dumps(row) + "\n" for row in [*more, *old]))
    trial.gate.write_text(GATE.replace("small", "other"))
    trial.run("base", 80)


def other_cases(trial: JudgedTrial) -> None:
    rows = trial.config.with_name("rows.jsonl")
    rows.write_text(rows.read_text().replace("secret question", "another question"))
    trial.run("base", 80)


def without_texts(trial: JudgedTrial) -> None:
    """Retention deleted the texts of the first runs, so that only the ids of their cases are known."""
    with trial.database.transaction() as cursor:
        cursor.execute("UPDATE results SET asked = NULL")
    renamed(trial, letter="c")


def later(trial: JudgedTrial) -> None:
    trial.now_us += 15 * DAY_US
    trial.run("base", 80)


def other_gate(trial: JudgedTrial) -> None:
    trial.gate.write_text(GATE.replace("gate: release", "gate: another"))


@pytest.mark.parametrize(
    ("change", "count"), [(renamed, 2), (without_texts, 2), (other_cases, 1), (later, 1), (other_gate, 2)]
)
def test_cases_decide_which_candidates_are_counted(
    trial: JudgedTrial, change: Callable[[JudgedTrial], None], count: int
) -> None:
    judge(trial, "tuned")
    change(trial)
    second = judge(trial, "c1", MANY)
    assert (second.decision, candidates(trial, second)) == ("SHIP", count), second.headline


def test_a_gate_without_a_line_better_counts_nobody(trial: JudgedTrial) -> None:
    gate = GATE.partition("require")[0]
    trial.gate.write_text(gate)
    first = judge(trial, "tuned")
    assert [candidates(trial, judge(trial, name)) for name in CANDIDATES[1:]] == [1, 1, 1]
    assert stale(trial, first) == []


def test_candidates_of_a_migration_share_the_level_once() -> None:
    def alpha(shared: float, count: int) -> float:
        return Trial("tuned", "base", lambda *_: None, alpha=shared, candidates=count).better_alpha

    assert [alpha(0.05, 1), alpha(0.05, 4), alpha(0.0125, 4), alpha(0.0125, 8)] == [0.05, 0.0125, 0.0125, 0.00625]
