"""A plan with sources is answered by the claims of split and pairs, alike in status, gate and recomputed verdict."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fairtrial.domain.errors import Conflict
from fairtrial.domain.verdicts.verdict import Finding, Verdict
from fairtrial.store.experiments.analysis_plans import frozen_plans
from gateway.control.background.shadow_work import ShadowWork
from gateway.control.experiments.describe_decision import describe_decision
from gateway.control.verdicts.recompute import recompute
from tests.fixtures.control.judged_trial import PROJECT, JudgedTrial
from tests.fixtures.control.live_trial import NAME

SOURCES = """\
    sources: {split: 0.4, shadow.on_topic: 0.6}
    shadow: {variant: tuned, percent: 100}
    looks: monitor
"""
MIXED = PROJECT.replace("    looks: monitor\n", SOURCES).replace(
    "fallback: base}", "fallback: base, scorers: [{contains: {any: [parcel], name: on_topic}}]}"
)
ASKED = json.dumps({"messages": [{"role": "user", "content": "Where is it?"}]})
DAYS = 15


def answer(*, right: bool) -> str:
    return json.dumps(
        {"choices": [{"message": {"content": "Your parcel is on its way." if right else "Please wait."}}]}
    )


@pytest.fixture(name="trial")
def trial_fixture(tmp_path: Path) -> Iterator[JudgedTrial]:
    trial = JudgedTrial(tmp_path, MIXED)
    with closing(trial):
        trial.run_both()
        yield trial


def visits(
    trial: JudgedTrial, users: int, *, base: float, tuned: float, said: tuple[float, float] = (0.5, 0.5), first: int = 0
) -> None:
    """Users with these shares of right answers, of whose requests to the control a copy is made; two weeks pass."""
    work = ShadowWork(trial.database, trial.publisher, lambda: trial.now_us)
    for number in range(first, first + users):
        place = (number * 7919 % users + 0.5) / users
        user = f"user-{number}"
        texts = {"request_body": ASKED, "response_body": answer(right=place < base), "capture": "full"}
        arm = trial.visit(user, system_fingerprint="fp-1", **texts)
        of_arm = said[arm == "tuned"]
        trial.visit(user, said=(place * 17 % 1) < of_arm, system_fingerprint="fp-1")
        if arm == "base":
            trial.visit(user, system_fingerprint="fp-1", **texts)
            trial.copied(user, answer(right=(place * 13 % 1) < tuned))
        if number % 100 == 99:
            trial.step(hours=6)
    for _ in range(DAYS):
        trial.step(hours=24)
    work.step()


def primary(verdict: Verdict) -> Finding:
    return next(finding for finding in verdict.findings if finding.rule == "live.primary better than base")


def status(trial: JudgedTrial) -> str:
    plan = trial.publisher.published
    assert plan is not None
    box = describe_decision(trial.database, trial.experiment, (), now_us=trial.now_us, plan=plan.plan).box
    return "\n".join([box.headline, *(f"{label}: {text}" for label, text in box.lines), *box.notes])


def test_a_claim_of_the_pairs_is_named_in_the_scorers_unit_by_status_and_verdict(trial: JudgedTrial) -> None:
    visits(trial, 400, base=0.4, tuned=0.8)
    frozen = frozen_plans(trial.database)[NAME]
    assert frozen.sources == {"split": 0.4, "shadow.on_topic": 0.6}
    assert frozen.alpha_primary == pytest.approx(0.02)
    text, verdict = status(trial), trial.judge()
    assert text.startswith("tuned is better for the scorer on_topic on pairs of answers\n")
    assert "Sources: tuned is better for the scorer on_topic on pairs of answers; better for the scorer" in text
    assert "no claim for users, by feedback.resolved (" in text
    assert "Better is tested by source: shadow.on_topic 3 %, split 2 %; worse by each at 5 %." in text
    finding = primary(verdict)
    assert finding.result == "pass", finding
    assert finding.says.startswith("tuned is better for the scorer on_topic on pairs of answers; ")
    assert recompute(trial.database, verdict.verdict_id).result == "THE SAME"


def test_sources_that_contradict_each_other_hold_and_both_are_named(trial: JudgedTrial) -> None:
    trial.edit("min_days: 7", "min_days: 7, on_worse: continue")
    trial.change("amend", "a decline must not pause it")
    visits(trial, 800, base=0.4, tuned=0.8, said=(0.8, 0.4))
    headline = "HOLD: tuned is better for the scorer on_topic on pairs of answers and worse for users, by feedback"
    assert status(trial).startswith(headline)
    finding = primary(trial.judge())
    assert (finding.result, finding.needed) == ("cannot tell", "sources that agree, or another candidate")
    assert finding.says.startswith(headline)


def test_equal_sources_are_undecided_and_a_worse_one_fails_the_line(trial: JudgedTrial) -> None:
    visits(trial, 300, base=0.5, tuned=0.5)
    finding = primary(trial.judge())
    assert finding.result == "cannot tell" and "users in all (the scorer on_topic" in finding.needed
    assert status(trial).startswith("Not decided yet by any source\n")
    visits(trial, 400, base=0.9, tuned=0.3, first=300)
    assert primary(trial.judge()).result == "fail"
    assert "is worse for the scorer on_topic on pairs of answers, so it is not better" in status(trial)


def test_the_shares_are_frozen_and_a_later_attempt_pays_at_every_source(trial: JudgedTrial) -> None:
    visits(trial, 100, base=0.4, tuned=0.8)
    text = trial.config.read_text()
    trial.config.write_text(text.replace("split: 0.4, shadow.on_topic: 0.6", "split: 0.5, shadow.on_topic: 0.5"))
    trial.publisher.refresh()
    assert "sources.split: 0.4 → 0.5" in str(trial.publisher.refused)
    trial.config.write_text(text)
    trial.publisher.refresh()
    with pytest.raises(Conflict, match="the file says what is frozen"):
        trial.change("amend")
    trial.change("kill")
    trial.change("rearm")
    trial.step()
    frozen = frozen_plans(trial.database)[NAME]
    assert (frozen.attempt, frozen.alpha_primary) == (2, pytest.approx(0.01))
    assert "no pair yet" in status(trial)  # those of the first attempt don't count
