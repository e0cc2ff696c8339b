"""What control's /metrics shows of alarms, messages, ingest, steps and decisions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from fairtrial.api.alarms import SEVERITIES
from fairtrial.domain.limits.alarm_settings import AlarmSettings, AlarmTarget
from fairtrial.store.experiments import alarm_messages
from gateway.control.alarms.delivery import route
from gateway.control.metrics import DECLARED
from tests.fixtures.control.live_trial import NAME, WHOLE
from tests.fixtures.control.served_trial import ServedTrial
from tests.fixtures.gateway.samples import families, samples, total

TARGET = AlarmTarget(form="slack", url="https://hooks.example/x")
SETTINGS = AlarmSettings(hosts=("hooks.example",), targets={"team": TARGET})


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[ServedTrial]:
    with closing(ServedTrial(tmp_path, WHOLE)) as trial:
        yield trial


def shown(trial: ServedTrial) -> str:
    answer = httpx.get(f"{trial.url}/metrics")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    return answer.text


def test_each_metric_has_a_meaning_and_is_there_from_the_start(trial: ServedTrial) -> None:
    found = families(shown(trial))
    assert [family.name for family in found] == [f"fairtrial_{name.removesuffix('_total')}" for name in DECLARED]
    assert all(family.samples and family.documentation.endswith(".") for family in found)
    standing = {sample.labels["kind"] for sample in samples(shown(trial), "alarms", state="open")}
    assert standing == {kind for kind, severity in SEVERITIES.items() if severity != "notice"}


def test_an_alarm_and_the_decision_behind_it_are_counted(trial: ServedTrial) -> None:
    trial.change("kill")
    text = shown(trial)
    assert total(text, "decisions_total", action="kill", by="others") == 1
    assert total(text, "decisions_total", by="control") == 0
    assert total(text, "alarms", state="open") == total(text, "alarms", kind="experiment.killed", state="open") == 1
    assert total(text, "alarms", kind="experiment.killed", severity="urgent") == 1
    (row,) = trial.database.rows("SELECT alarm_id FROM alarms")
    assert trial.run("alarms", "ack", row[0], "--why", "known").returncode == 0
    assert total(shown(trial), "alarms", state="open") == 0
    assert total(shown(trial), "alarms", kind="experiment.killed", state="acknowledged") == 1
    assert NAME not in text


def test_a_pause_by_control_is_control_s_decision(trial: ServedTrial) -> None:
    for user in range(600):
        arm = trial.visit(f"user-{user}")
        if arm == "tuned" and user % 3 == 0:
            trial.visit(f"user-{user}", fails=True)
    trial.step(1)
    text = shown(trial)
    assert total(text, "decisions_total", action="pause", by="control") == 1
    assert total(text, "step_seconds_count") >= 2 and total(text, "steps_failed_total") == 0
    assert 0 < total(text, "step_seconds_sum") < 60 * total(text, "step_seconds_count")


def test_messages_are_counted_by_what_became_of_them(trial: ServedTrial) -> None:
    trial.change("kill")
    assert trial.publisher.published is not None
    route(trial.database, SETTINGS, trial.publisher.published.plan, now_us=trial.now_us)
    assert total(shown(trial), "alarm_messages", state="waiting") == 1
    (message,) = alarm_messages.due(trial.database, trial.now_us)
    for state, name in (("waiting", "failing"), ("delivered", "delivered")):
        alarm_messages.settle(
            trial.database, message.message_id, state, now_us=trial.now_us, next_us=trial.now_us, reason=""
        )
        counts = {sample.labels["state"]: sample.value for sample in samples(shown(trial), "alarm_messages")}
        assert counts == {"delivered": 0, "waiting": 0, "failing": 0, "refused": 0} | {name: 1}


def test_what_waits_in_the_journal_is_a_lag_until_it_is_ingested(trial: ServedTrial) -> None:
    trial.step()
    assert total(shown(trial), "ingest_lag_bytes") == total(shown(trial), "ingest_lag_seconds") == 0
    trial.visit("ann")
    text = shown(trial)
    assert total(text, "ingest_lag_bytes") > 0 and total(text, "ingest_lag_seconds") > 0
    trial.step()
    assert total(shown(trial), "ingest_lag_bytes") == total(shown(trial), "ingest_lag_seconds") == 0


def test_a_failed_step_is_counted(trial: ServedTrial, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError("the metric can't be computed")

    monkeypatch.setattr(trial.monitor, "_read", fail)
    trial.visit("ann")
    trial.step(1)
    assert total(shown(trial), "steps_failed_total") == 1
    assert total(shown(trial), "alarms", kind="experiment.error", state="open") == 1


def test_a_refused_project_file_is_shown_until_it_is_sound(trial: ServedTrial) -> None:
    whole = trial.config.read_text()
    trial.config.write_text(f"{whole}\nunknown: 1\n")
    trial.publisher.refresh()
    assert total(shown(trial), "project_file_refused") == 1
    trial.config.write_text(whole)
    trial.publisher.refresh()
    assert total(shown(trial), "project_file_refused") == 0
