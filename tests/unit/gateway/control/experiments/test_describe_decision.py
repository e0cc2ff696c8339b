"""What people read about a live experiment, from real requests, a real monitor and a clock that the test sets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from evaluators.gate.families.live import effect_findings
from evaluators.gate.live_evidence import read_live, written_live
from fairtrial.api.experiment_answers import ShownDecision
from fairtrial.store.core.query import Page
from fairtrial.store.experiments import alarms
from fairtrial_cli.output.experiment_state import decision_lines
from gateway.control.experiments.describe_decision import describe_decision
from gateway.control.verdicts.live_evidence import read_experiments
from tests.fixtures.control.control_app import NOW, PROJECT
from tests.fixtures.experiments.box_text import text_of
from tests.fixtures.experiments.simulated_days import DAY_US, EXPERIMENT, LiveExperiment, Traffic

NAME = "tuned-vs-base"
USERS = {"base": 60, "tuned": 60}
BETTER = Traffic(users=USERS, yes={"base": 0.5, "tuned": 0.64})


@pytest.fixture(name="live")
def live_fixture(tmp_path: Path) -> Iterator[LiveExperiment]:
    yield from started(tmp_path)


@pytest.fixture(name="decided", scope="module")
def decided_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveExperiment]:
    """Fifteen days of an experiment whose treatment is better; its tests only read."""
    for live in started(tmp_path_factory.mktemp("decided")):
        live.run(BETTER, days=15, looks=1)
        yield live


def started(folder: Path) -> Iterator[LiveExperiment]:
    (folder / "prompt.md").write_text("Be kind.")
    head = PROJECT[: PROJECT.index("experiments:")].replace("kind: boolean}", "kind: boolean, window: 6h}")
    ours = EXPERIMENT.format(name=NAME, control="base", treatment="tuned").replace("    looks: monitor\n", "")
    (folder / "fairtrial.yaml").write_text(f"{head}experiments:\n{ours}")
    live = LiveExperiment(folder / "fairtrial.yaml", NAME, now_us=NOW)
    live.step()
    yield live
    live.close()


def described(live: LiveExperiment, *, step: bool = True, slices: bool = True) -> ShownDecision:
    """What the API answers: from the last step of the monitor, or as after a restart."""
    status = live.monitor.statuses.get(NAME) if step else None
    waits = None if status is None else status.step.waits
    return describe_decision(live.database, live.experiment, waits, now_us=live.now_us, slices=slices)


def test_a_gain_is_decided_and_shown_with_all_that_led_to_it(decided: LiveExperiment) -> None:
    decision = described(decided)
    shown = decision.analysis
    (primary,) = shown.primary
    assert primary.answer == "better" and primary.decision == "Decided: better, as planned."
    assert primary.running.low > 0
    assert "points higher with tuned than with base" in text_of(decision.box)
    assert "No guardrail shows proven harm" in text_of(decision.box)
    assert primary.estimate.n <= primary.control_units + primary.treatment_units
    assert "at planned look 2;" in primary.sentence
    assert 0 < len(shown.chart) <= 200
    assert list(shown.chart) == sorted(shown.chart, key=lambda point: point.at_us)
    assert {guardrail.metric for guardrail in shown.guardrails} == {
        "requests.error_rate",
        "requests.rejected_rate",
        "requests.latency_p95",
    }
    assert all(guardrail.room_words for guardrail in shown.guardrails)
    assert (shown.srm.invalid, shown.stages.next, shown.stages.approve) == (False, 40.0, (40.0,))
    assert shown.stages.waits == ("approval of the 40 % stage",)
    assert [row.kind for row in decision.plans] == ["start"]


def test_after_a_restart_the_looks_say_the_same(decided: LiveExperiment) -> None:
    now, later = described(decided).analysis, described(decided, step=False).analysis
    for name in ("answer", "running", "decision", "answered_us", "counts_us"):
        assert getattr(now.primary[0], name) == getattr(later.primary[0], name)
    assert (now.srm.invalid, now.srm.crossed_us) == (later.srm.invalid, later.srm.crossed_us)
    assert later.stages.waits is None
    assert now.chart == later.chart
    assert later.primary[0].estimate.n > 0


@pytest.mark.release("stories")
def test_a_team_that_loses_inside_a_winning_whole_is_named_on_every_surface(live: LiveExperiment) -> None:
    assert described(live).slices is None, "no request has a tag yet"
    losing = Traffic(
        users={"base": 120, "tuned": 120}, yes={"base": 0.5, "tuned": 0.8}, yes_in={("mobile", "tuned"): 0.2}
    )
    live.run(losing, days=4, looks=1)
    early = described(live).slices
    assert (early.sentence, early.rows) == ("All 3 slices by tag are below 200 users an arm.", ())
    live.run(losing, days=11, looks=1)
    decision = described(live)
    assert decision.analysis.primary[0].running.value > 0
    slices = decision.slices
    assert slices.sentence == "Worse in 1 of 3 slices by tag."
    teams = ("billing", "mobile", "search")
    metrics = ("feedback.resolved", "requests.error_rate", "requests.rejected_rate", "requests.latency_p95")
    assert {(row.finding.value, row.finding.metric) for row in slices.rows} == set(product(teams, metrics))
    (worse,) = [row for row in slices.rows if row.finding.worse]
    assert (worse.name, worse.finding.metric) == ("team = mobile", "feedback.resolved")
    units = [arm.units for row in slices.rows if row.finding.metric == metrics[0] for arm in
             (row.finding.control, row.finding.treatment)]  # fmt: skip
    assert sum(units) == 15 * 240
    assert described(live, slices=False).slices is None
    line = next(line for line in decision_lines(decision) if "team = mobile" in line)
    assert line.startswith("    team = mobile: feedback.resolved ") and " points worse (between " in line
    says = note_of(live)
    assert says.startswith("worse by tag (e-BH at 5 %, which decides nothing): team = mobile: feedback.resolved ")


def note_of(live: LiveExperiment) -> str:
    """What the gate shows about slices: a note, which neither fails nor holds, also from the stored evidence."""
    plan = live.publisher.published.plan
    read = read_experiments(live.database, plan, f"{NAME}/tuned", f"{NAME}/base", now_us=live.now_us)
    stored = read_live(json.loads(json.dumps(written_live(read.evidence))))
    assert stored == read.evidence
    (experiment,) = stored.experiments
    (effect,) = [effect for effect in experiment.effects((), live.now_us) if effect.kind == "slices"]
    assert effect.result == "shown"
    findings = [each for each in effect_findings(stored, (), live.now_us) if effect.says in each.says]
    assert [finding.decisive for finding in findings] == [False]
    return effect.says


def test_harm_stops_the_experiment_and_says_by_what(live: LiveExperiment) -> None:
    live.run(Traffic(users=USERS, yes=BETTER.yes, failed={"tuned": 0.3}), days=1)
    decision = described(live)
    assert decision.box.headline == "STOPPED: harm by requests.error_rate of tuned is proven"
    assert "by requests.error_rate: " in text_of(decision.box) and "e-value" in text_of(decision.box)
    assert decision.analysis.stages.waits is None
    (harmed,) = [guardrail for guardrail in decision.analysis.guardrails if guardrail.metric == "requests.error_rate"]
    assert (harmed.answer, harmed.room, harmed.room_words) == ("harmed", 1.0, "harm is proven")


def test_a_wrong_split_is_invalid_and_an_alarm(live: LiveExperiment) -> None:
    live.run(Traffic(users={"base": 200, "tuned": 80}, yes=BETTER.yes), days=3, looks=1)
    decision = described(live)
    assert text_of(decision.box).startswith(
        "INVALID: the arms can't be compared. The units do not arrive by the planned split"
    )
    (primary,) = decision.analysis.primary
    assert primary.answer == "undecided" and primary.sentence == ""
    kinds = {row["kind"] for row in live.database.dicts(alarms.listing(Page()))}
    assert "experiment.srm" in kinds


def test_a_second_attempt_says_so_and_starts_from_nothing(live: LiveExperiment) -> None:
    live.run(BETTER, days=2, looks=1)
    live.change("kill")
    live.change("rearm")
    decision = described(live)
    assert decision.analysis is None
    assert "Its analysis has not begun yet." in text_of(decision.box)
    live.now_us += DAY_US
    live.step()
    decision = described(live)
    assert "This is attempt 2 with this candidate" in text_of(decision.box)
    assert decision.analysis.primary[0].treatment_units == 0
    assert [(row.segment, row.attempt) for row in decision.plans] == [(2, 2), (1, 1)]
