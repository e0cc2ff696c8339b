"""A promotion needs a fresh, approved SHIP of the official gate; each refusal says what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fairtrial.api.experiments import ChangeOptions
from fairtrial.domain.errors import Conflict, NotAllowed, Unavailable
from fairtrial.domain.verdicts.verdict import Verdict
from gateway.control.experiments.change_experiment import change_experiment
from gateway.control.experiments.state_change import Change
from gateway.control.verdicts.release.approvals import vote_on_verdict
from gateway.control.verdicts.release.release_record import release_record
from gateway.control.verdicts.staleness import stale_reasons
from tests.fixtures.control.judged_trial import GATE, JudgedTrial
from tests.fixtures.control.live_trial import NAME, PERSON

DAY_US = 86_400_000_000
EASY = "version: 1\ngate: release\nsuites: [small]\n"


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[JudgedTrial]:
    with closing(JudgedTrial.with_traffic_and_runs(tmp_path)) as made:
        yield made


def promote(trial: JudgedTrial, *, fingerprint: str | None = "fp-1", **more: object) -> None:
    asked = Change(NAME, "promote", PERSON, "it resolves more", options=ChangeOptions(**more))  # type: ignore[arg-type]
    change_experiment(trial.database, trial.publisher, asked, now_us=trial.now_us, probe=lambda _: fingerprint)


def refusal(trial: JudgedTrial, **more: object) -> str:
    with pytest.raises(Conflict) as caught:
        promote(trial, **more)
    assert trial.experiment.serves is None
    return str(caught.value)


def approve(trial: JudgedTrial, verdict: Verdict) -> None:
    person = (PERSON, "release-manager")
    vote_on_verdict(trial.database, verdict.verdict_id, "approve", person, why="read 40 answers", now_us=trial.now_us)


def test_with_everything_in_place_it_is_one_change(trial: JudgedTrial) -> None:
    verdict = trial.judge()
    assert verdict.decision == "SHIP" and verdict.official, verdict.headline
    approve(trial, verdict)
    promote(trial)
    assert (trial.experiment.state, trial.experiment.serves) == ("ended", "tuned")
    record = release_record(trial.database, verdict, trial.present)
    assert record.reads == f"SHIP, approved by the person who asked for it and promoted it ({PERSON})"
    assert [(one.action, one.actor) for one in record.releases] == [("promote", PERSON)]
    assert trial.trail()[-1]["why"] == "it resolves more"


@pytest.mark.release("stories")
def test_a_kept_control_needs_the_same_and_leaves_the_verdict_fresh_until_a_roll_back(trial: JudgedTrial) -> None:
    kept = {"keep_control": "5%", "keep_for": "14d"}
    assert "there is no verdict of the official gate on tuned against base" in refusal(trial, **kept)
    verdict = trial.judge()
    approve(trial, verdict)
    promote(trial, **kept)
    trial.step(hours=1)
    assert (trial.experiment.state, trial.experiment.kept_control is not None) == ("running", True)
    assert stale_reasons(trial.database, verdict, trial.present) == ()
    record = release_record(trial.database, verdict, trial.present)
    assert [(one.action, one.actor) for one in record.releases] == [("promote", PERSON)]
    trial.change("rollback", "complaints")
    (reason,) = stale_reasons(trial.database, verdict, trial.present)
    assert reason == f"the experiment {NAME} was rolled back since"


def test_it_is_refused_without_a_verdict(trial: JudgedTrial) -> None:
    assert "there is no verdict of the official gate on tuned against base" in refusal(trial)


def test_it_is_refused_without_an_approval_and_after_a_rejection(trial: JudgedTrial) -> None:
    verdict = trial.judge()
    assert f"waits for the approval of release-manager (fairtrial verdict approve {verdict.verdict_id}" in refusal(
        trial
    )
    approve(trial, verdict)
    person = ("account ines", "admin")
    vote_on_verdict(trial.database, verdict.verdict_id, "reject", person, why="rude", now_us=trial.now_us)
    assert "account ines rejected verdict" in refusal(trial) and "rude" in refusal(trial)


def test_an_easier_gate_of_the_same_name_does_not_count(trial: JudgedTrial) -> None:
    verdict = trial.judge(gate=EASY)
    assert verdict.decision == "SHIP" and not verdict.official
    assert verdict.standing == "unofficial: the official gate is release (release.gate.yaml), and its text differs"
    text = refusal(trial)
    assert "there is no verdict of the official gate on tuned" in text and "its text differs" in text


def test_an_easier_suite_of_the_same_name_does_not_count(trial: JudgedTrial) -> None:
    suite = trial.config.with_name("small.yaml")
    strict = suite.read_text()
    suite.write_text(strict.replace("by 10pp", "by 90pp"))
    trial.run_both()
    easy = trial.judge()
    assert easy.official, "the official gate lists what the file says now"
    suite.write_text(strict)
    reasons = stale_reasons(trial.database, easy, trial.present)
    different = "the suite small differs from that of the official gate"
    assert reasons == (f"the official gate is not the one that it was judged by: {different}",)


def test_a_newer_verdict_that_holds_replaces_the_ship(trial: JudgedTrial) -> None:
    approve(trial, trial.judge())
    trial.run("tuned", 74)
    assert trial.judge().decision == "HOLD"
    assert "the newest verdict of the official gate does not say SHIP" in refusal(trial)


def model(trial: JudgedTrial) -> None:
    trial.edit("model: openai/tuned", "model: openai/tuned-2")


def gate(trial: JudgedTrial) -> None:
    trial.gate.write_text(GATE.replace("better than base", "better than base by 2pp"))


def old(trial: JudgedTrial) -> None:
    trial.now_us += 15 * DAY_US


def newer(trial: JudgedTrial) -> None:
    trial.run("tuned", 85)


def amended(trial: JudgedTrial) -> None:
    path = trial.config
    path.write_text(path.read_text().replace("mde: 10pp", "mde: 8pp"))
    trial.now_us += 3_000_000
    trial.change("amend", "a smaller effect matters")


STALE: dict[Callable[[JudgedTrial], None], str] = {
    model: "the definition of tuned has changed since it was judged",
    gate: "the official gate is not the one that it was judged by",
    old: "days old (the gate allows 14 days); run it again",
    newer: "there is a newer run of small on tuned, which it has not read",
    amended: "the analysis plan of the experiment tuned-vs-base was amended since",
}


@pytest.mark.parametrize(
    "change",
    [model, newer, *(pytest.param(one, marks=pytest.mark.release("walks")) for one in (gate, old, amended))],
    ids=lambda one: one.__name__,
)
def test_a_stale_ship_is_refused(trial: JudgedTrial, change: Callable[[JudgedTrial], None]) -> None:
    verdict = trial.judge()
    approve(trial, verdict)
    assert stale_reasons(trial.database, verdict, trial.present) == ()
    change(trial)
    reasons = stale_reasons(trial.database, verdict, trial.present)
    assert any(STALE[change] in reason for reason in reasons), reasons
    assert STALE[change] in refusal(trial)


def test_swapped_weights_under_the_same_name_are_refused(trial: JudgedTrial) -> None:
    """The probe asks the deployment, so that one answer is enough even before any traffic."""
    approve(trial, trial.judge())
    assert "tuned answers with other weights now (fp-2) than in the run of small (fp-1)" in refusal(
        trial, fingerprint="fp-2"
    )


def test_swapped_weights_make_the_next_verdict_invalid(trial: JudgedTrial) -> None:
    for number in range(60):
        trial.visit(f"new-{number}", system_fingerprint="fp-3")
    trial.step()
    found = trial.judge()
    assert found.decision == "INVALID"
    assert "tuned answers with other weights now than in the run of small: 'fp-1' was tested, 'fp-3' answers" in str(
        [one.says for one in found.findings]
    )


def test_a_run_that_is_too_old_holds_and_names_the_command(trial: JudgedTrial) -> None:
    old(trial)
    found = next(one for one in trial.judge().findings if "days old" in one.says)
    assert found.result == "cannot tell" and "the gate allows 14 days" in found.says
    assert found.needed.startswith("fairtrial eval ")


def test_a_deployment_that_does_not_answer_is_refused(trial: JudgedTrial) -> None:
    approve(trial, trial.judge())

    def probe(_: str) -> str | None:
        raise Unavailable("status 502")

    asked = Change(NAME, "promote", PERSON, "why")
    with pytest.raises(Conflict, match="tuned does not answer now: status 502"):
        change_experiment(trial.database, trial.publisher, asked, now_us=trial.now_us, probe=probe)


def test_an_override_is_recorded_with_what_was_missing(trial: JudgedTrial) -> None:
    promote(trial, override=True)
    evidence = trial.trail()[-1]["evidence"]
    assert '"override": true' in evidence and "there is no verdict of the official gate" in evidence


def test_a_verdict_is_approved_by_the_roles_of_its_gate(trial: JudgedTrial) -> None:
    verdict = trial.judge()
    with pytest.raises(NotAllowed, match="its gate asks release-manager, but account rosa has the role reviewer"):
        vote_on_verdict(trial.database, verdict.verdict_id, "approve", (PERSON, "reviewer"), why="x", now_us=1)
    trial.run("tuned", 10)
    blocked = trial.judge()
    with pytest.raises(Conflict, match="it says BLOCK, and only a SHIP can be approved"):
        vote_on_verdict(trial.database, blocked.verdict_id, "approve", (PERSON, "admin"), why="x", now_us=1)
