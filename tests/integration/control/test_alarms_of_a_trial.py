"""A live experiment from its traffic to the message of its alarm, and a day of ordinary traffic without any."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from fairtrial.domain.limits.alarm_settings import AlarmSettings, AlarmTarget
from fairtrial.store.core.query import Page
from fairtrial.store.experiments import alarm_messages, alarms
from gateway.control.alarms.delivery import route
from gateway.control.alarms.message import Message
from tests.fixtures.control.live_trial import WHOLE, LiveTrial

TARGET = AlarmTarget(form="slack", url="https://hooks.example/x", severities=("urgent", "warning", "notice"))
SETTINGS = AlarmSettings(hosts=("hooks.example",), dashboard_url="https://d.example/", targets={"team": TARGET})


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[LiveTrial]:
    with closing(LiveTrial(tmp_path, WHOLE)) as trial:
        yield trial


def messages(trial: LiveTrial) -> list[Message]:
    assert trial.publisher.published is not None
    route(trial.database, SETTINGS, trial.publisher.published.plan, now_us=trial.now_us)
    due = alarm_messages.due(trial.database, trial.now_us)
    return [msgspec.json.decode(message.body, type=Message) for message in due]


def test_harm_says_the_number_and_what_control_did(trial: LiveTrial) -> None:
    for user in range(600):
        arm = trial.visit(f"user-{user}")
        if arm == "tuned" and user % 3 == 0:
            trial.visit(f"user-{user}", fails=True)
    trial.step(1)
    (message,) = messages(trial)
    assert (message.alarm.kind, message.severity, message.alarm.change) == ("experiment.paused", "warning", "opened")
    assert message.figure is not None and message.figure.metric == "requests.error_rate"
    assert message.figure.low is not None and message.figure.high is not None
    assert message.figure.low < message.figure.value < message.figure.high < 0
    assert "worse, 95 % interval from" in message.figure.words and " against " in message.figure.words
    sys.stdout.write(f"{message.figure.words}\n{message.figure.picture}\n")
    assert "│" in message.figure.picture and "●" in message.figure.picture
    assert message.done == "The experiment is paused, and base serves everyone."
    page = "https://d.example/experiment?experiment=tuned-vs-base"
    assert (message.see, message.stop) == (page, f"{page}&do=kill")


def test_a_stop_replaces_the_alarm_of_a_pause(trial: LiveTrial) -> None:
    trial.change("pause")
    trial.change("kill")
    rows = trial.database.dicts(alarms.listing(Page(), standing=True))
    assert [row["kind"] for row in rows] == ["experiment.killed"]


def test_harm_that_goes_on_all_day_has_one_open_alarm_and_one_message(trial: LiveTrial) -> None:
    seen: set[str] = set()
    for hour in range(24):
        for user in range(60):
            arm = trial.visit(f"user-{hour}-{user}")
            if arm == "tuned" and user % 3 == 0:
                trial.visit(f"user-{hour}-{user}", fails=True)
        trial.step(1)
        rows = trial.database.dicts(alarms.listing(Page(), standing=True))
        kinds = [str(row["kind"]) for row in rows]
        assert len(kinds) == len(set(kinds)) and len([kind for kind in kinds if kind.startswith("experiment.")]) <= 1
        seen.update(kinds)
    opened = [message.alarm.kind for message in messages(trial) if message.alarm.change == "opened"]
    assert seen == set(opened) and len(opened) == len(set(opened))
    assert any(kind.startswith("experiment.") for kind in opened)


@pytest.mark.release("stories")
@pytest.mark.parametrize("again", [25, 1000], ids=["some ask again", "each asks once"])
def test_a_day_of_ordinary_traffic_raises_no_alarm(trial: LiveTrial, again: int) -> None:
    for hour in range(24):
        for user in range(40):
            name = f"user-{hour}-{user}"
            trial.visit(name, fails=user == 0 and hour % 4 == 0, said=user % 5 != 0)
            if user % again == again - 1:
                trial.visit(name)
        trial.step(1)
    assert trial.database.dicts(alarms.listing(Page())) == []
    assert messages(trial) == []
