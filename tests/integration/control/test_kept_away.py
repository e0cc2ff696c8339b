"""A breaker that keeps requests from an arm pauses its experiment. That proves no harm, and it can prevent safety."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fairtrial.api.experiment_answers import ShownDecision, ShownGuardrail
from fairtrial.domain.decision.values import KeptAway
from fairtrial.domain.errors import Conflict, Unavailable
from fairtrial.domain.promises import LEAST_KEPT_AWAY
from fairtrial.experiments.assignment import assign
from gateway.control.background.pause_ends import PauseEnds
from gateway.control.experiments.change_experiment import change_experiment
from gateway.control.experiments.describe_decision import describe_decision
from gateway.control.experiments.state_change import Change
from tests.fixtures.control.judged_trial import GATE, PERSON, PROJECT, JudgedTrial
from tests.fixtures.control.live_trial import NAME, NOW
from tests.fixtures.for_each import for_each

pytestmark = pytest.mark.release("attacks")

STRICT = PROJECT.replace("margin: 20pp, cap: 2", "margin: 5pp, cap: 1")
LEVEL = GATE.replace("  - live.primary better than base\n", "").replace("guardrails hold", "requests.error_rate <= 5%")
ALARMS = """
SELECT kind, state FROM alarms WHERE experiment = ? AND starts_with(kind, 'experiment') ORDER BY at_time, kind
"""


class KeptAwayTrial(JudgedTrial):
    """A trial in which a breaker keeps a share of the treatment's requests away."""

    number = 0

    def users(self, count: int, *, kept_away: float = 0.0, fails: float = 0.0, rests: bool = False) -> int:
        """New users with one request each, of which these shares of tuned's are kept away or fail; returns the former.

        ``kept_away`` are those of the first users, and ``fails`` of the next ones. ``rests``: no breaker was open.
        """
        more = {"breaker": "closed"} if rests else {}
        arms = {name: assign(self.experiment, name).assigned for name in map(self._name, range(count))}
        treated = [name for name, arm in arms.items() if arm == "tuned"]
        away = treated[: round(kept_away * len(treated))]
        failing = treated[len(away) : len(away) + round(fails * len(treated))]
        for name in arms:
            self.visit(name, kept_away=name in away, fails=name in failing, said=True, **more)
        self.step()
        return len(away)

    def _name(self, _: int) -> str:
        self.number += 1
        return f"person-{self.number}"

    @property
    def decision(self) -> ShownDecision:
        return describe_decision(self.database, self.experiment, None, now_us=self.now_us, slices=False)

    @property
    def guardrail(self) -> ShownGuardrail:
        (found,) = self.decision.analysis.guardrails
        return found

    @property
    def alarms(self) -> list[tuple[str, str]]:
        return [(kind, state) for kind, state in self.database.rows(ALARMS, (NAME,))]


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[KeptAwayTrial]:
    with closing(KeptAwayTrial(tmp_path, STRICT)) as made:
        yield made


def test_an_arm_that_a_breaker_keeps_requests_from_is_paused_and_not_killed(trial: KeptAwayTrial) -> None:
    away = trial.users(400, kept_away=0.143)
    assert away >= LEAST_KEPT_AWAY and trial.experiment.state == "paused"
    last = trial.trail()[-1]
    assert (last["action"], last["actor"]) == ("pause", "control")
    assert f"an open breaker kept {away} of the" in last["why"] and "of the last hour from tuned" in last["why"]
    assert trial.alarms == [("experiment.kept_away", "open")]
    assert (trial.guardrail.answer, trial.guardrail.treatment) == ("open", 0.0)
    assert "requests that were kept away count against its safety" in trial.guardrail.why
    box = trial.decision.box
    assert box.headline == "PAUSED: a breaker kept requests from tuned"
    assert "requests.kept_away_rate: 14.2 % of 190 requests of tuned against 0.0 % of 210" in str(box.lines)
    assert trial.decision.analysis.kept_away == (
        KeptAway(variant="tuned", kept_away=away, requests=190),
        KeptAway(variant="base", kept_away=0, requests=210),
    )
    trial.run_both()
    verdict = trial.judge()
    assert verdict.decision == "HOLD"
    rates = {one.metric: one.says for one in verdict.findings if not one.decisive}
    assert "live requests.kept_away_rate: 14.2 % of 190 requests" in rates["live.requests.kept_away_rate"]
    assert f"by control: {last['why']}" in " ".join(one.says for one in verdict.findings)
    with pytest.raises(Conflict, match="paused"):
        change_experiment(trial.database, trial.publisher, Change(NAME, "promote", PERSON, "it is better"), now_us=NOW)


def test_after_a_resume_only_later_requests_pause_again(trial: KeptAwayTrial) -> None:
    trial.users(400, kept_away=0.143)
    trial.now_us += 60_000_000
    trial.change("resume", "the server answers again")
    trial.step()
    assert (trial.experiment.state, trial.experiment.segment) == ("running", 1)
    assert trial.alarms == [("experiment.kept_away", "closed")]
    trial.now_us += 60_000_000
    trial.users(100, kept_away=0.2)
    assert trial.experiment.state == "running"
    trial.users(100, kept_away=0.4)
    assert trial.experiment.state == "paused"
    assert [one["action"] for one in trial.trail()] == ["pause", "resume", "pause"]
    assert trial.alarms == [("experiment.kept_away", "closed"), ("experiment.kept_away", "open")]
    trial.change("resume", "it was replaced")
    trial.users(400)
    trial.run_both()
    assert "earlier attempt" not in " ".join(one.says for one in trial.judge().findings), "nothing is latched"


def test_what_a_rest_keeps_away_raises_an_alarm_and_pauses_nothing(trial: KeptAwayTrial) -> None:
    away = trial.users(400, kept_away=0.3, rests=True)
    assert away >= LEAST_KEPT_AWAY and (trial.experiment.state, trial.trail()) == ("running", [])
    assert trial.alarms == [("experiment.rests", "open")]
    ((text,),) = trial.database.rows("SELECT text FROM alarms WHERE kind = 'experiment.rests'")
    assert f"a rest kept {away} of the" in text and "breaker" not in text
    assert "requests that were kept away count against its safety" in trial.guardrail.why
    trial.step(hours=2)
    assert trial.alarms == [("experiment.rests", "closed")]


def test_the_pause_ends_by_itself_once_the_variant_answers_several_probes(trial: KeptAwayTrial) -> None:
    answers, asked = iter([False, True, True, False, True, True, True, True]), []

    def probe(deployment: str) -> None:
        asked.append(deployment)
        if not next(answers):
            raise Unavailable("status 503")

    ends = PauseEnds(trial.database, trial.publisher, probe, lambda: trial.now_us)
    ends.step()
    trial.users(400, kept_away=0.143)
    states = []
    for _ in range(9):
        ends.step()
        states.append(trial.experiment.state)
    assert states == ["paused"] * 7 + ["running"] * 2
    assert asked == ["tuned"] * 8, "nobody is asked while it runs"
    assert trial.alarms == [("experiment.kept_away", "closed")]
    assert (trial.experiment.segment, trial.trail()[-1]["actor"]) == (1, "control")


def test_no_other_pause_ends_by_itself(trial: KeptAwayTrial) -> None:
    trial.users(400)
    trial.change("pause", "a look at the answers")
    ends = PauseEnds(trial.database, trial.publisher, lambda _: None, lambda: trial.now_us)
    for _ in range(5):
        ends.step()
    assert trial.experiment.state == "paused"


def test_few_requests_and_a_small_share_do_not_pause(trial: KeptAwayTrial) -> None:
    for _ in range(3):
        trial.users(100, kept_away=0.3)
        trial.step(hours=1.5)
    assert trial.experiment.state == "running", "19 or fewer in an hour"
    assert trial.users(5000, kept_away=0.0095) > LEAST_KEPT_AWAY
    assert trial.experiment.state == "running", "less than one percent"


@pytest.mark.release("walks")
@for_each(
    ("kept_away", "state", "answer", "line"), [(0.0, "running", "safe", "pass"), (0.14, "paused", "open", "fail")]
)
def test_safety_is_not_proven_while_requests_are_kept_away(
    tmp_path: Path, kept_away: float, state: str, answer: str, line: str
) -> None:
    folder = tmp_path / answer
    folder.mkdir()
    with closing(KeptAwayTrial(folder, STRICT)) as trial:
        for _ in range(15):
            trial.users(100, kept_away=kept_away)
            trial.step(hours=1.5)
        trial.step(hours=25)
        assert (trial.experiment.state, trial.guardrail.answer) == (state, answer)
        trial.run_both()
        findings = [one for one in trial.judge(gate=LEVEL).findings if one.decisive]
        (level,) = [one for one in findings if "error_rate <=" in one.rule]
        failed = "requests that were kept away count as failed" in level.says
        assert (level.result, failed) == (line, line == "fail"), level.says


def test_requests_that_failed_still_stop_it(trial: KeptAwayTrial) -> None:
    trial.users(200, kept_away=0.5, fails=0.3)
    assert trial.experiment.state == "killed"
    assert "requests.error_rate of tuned: " in trial.trail()[-1]["why"]
    assert trial.alarms == [("experiment.killed", "open")]
