"""What a message says in each form, and that none of its texts becomes a link, a mention or a header."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fairtrial.domain.limits.alarm_settings import QuietHours, Smtp
from fairtrial.store.experiments.alarm_messages import AlarmChange
from gateway.control.alarms.compose import picture
from gateway.control.alarms.forms import mail, slack_body, title_of
from gateway.control.alarms.message import Figure, Message
from gateway.control.alarms.quiet_hours import quiet_until

NOW = 1_800_000_000_000_000


def message(**changes: Any) -> Message:
    fields: dict[str, Any] = {
        "alarm": AlarmChange("a-1", "experiment.killed", "trial", "trial: stopped", NOW, "opened"),
        "severity": "urgent",
        "at": "2027-01-15T08:00:00Z",
        "figure": Figure("requests.error_rate", "tuned", 0.26, 0.2, 0.31, "26 points worse", "│   ──●──"),
        "done": "The experiment is killed, and base serves everyone.",
        "see": "https://d.example/experiment?experiment=trial",
        "stop": "https://d.example/experiment?experiment=trial&do=kill",
    }
    return Message(**(fields | changes))


def test_slack_shows_the_picture_and_both_links() -> None:
    text = json.loads(slack_body(message()))["blocks"][0]["text"]["text"]
    assert text.splitlines() == [
        "*urgent: trial (experiment.killed)*",
        "trial: stopped",
        "26 points worse",
        "```│   ──●──```",
        "The experiment is killed, and base serves everyone.",
        "<https://d.example/experiment?experiment=trial|See> · "
        "<https://d.example/experiment?experiment=trial&do=kill|Stop>",
    ]


def test_no_text_becomes_a_mention_or_a_link_of_slack() -> None:
    hostile = AlarmChange("a-1", "experiment.killed", "<@U1>", "<!channel> & <https://evil.example|see>", NOW, "opened")
    sent = json.loads(slack_body(message(alarm=hostile)))
    text = sent["blocks"][0]["text"]["text"]
    assert "<!" not in text and "<@" not in text + sent["text"] and "<https://evil" not in text
    assert "&lt;!channel&gt; &amp;" in text


def test_a_mail_has_one_id_and_no_further_header() -> None:
    smtp = Smtp(server="mail.example:587", sender="f@example.org", recipients=("a@example.org", "b@example.org"))
    hostile = AlarmChange("a-1", "experiment.killed", "trial\r\nBcc: x@evil.example", "trial: stopped", NOW, "closed")
    made = mail(message(alarm=hostile), "msg_1", smtp, now_us=NOW)
    assert made["Bcc"] is None
    assert made["Subject"].startswith("[fairtrial] Over: urgent: trial Bcc:")
    assert made["Message-ID"] == "<msg_1@fairtrial.invalid>"
    assert "│   ──●──" in made.get_content() and "Stop: https://d.example/" in made.get_content()


def test_an_alarm_without_an_experiment_has_a_title() -> None:
    store = AlarmChange("a-1", "store.older", None, "The store is older.", NOW, "repeated")
    assert title_of(message(alarm=store)) == "Still open: urgent: fairtrial (store.older)"


@pytest.mark.parametrize(
    ("low", "value", "high", "shown"),
    [
        (0.1, 0.15, 0.2, "│         ─────●─────"),
        (-0.2, -0.15, -0.1, "─────●─────         │"),
        (-0.1, 0.0, 0.1, "──────────●──────────"),
        (None, 0.1, 0.2, "│         ●──────────"),
        (None, 0.1, None, "│                   ●"),
        (0.0, 0.0, 0.0, "●"),
    ],
)
def test_the_picture_of_an_interval(low: float | None, value: float, high: float | None, shown: str) -> None:
    made = picture(low, value, high)
    assert made.strip("◀▶") == shown
    assert (made.startswith("◀"), made.endswith("▶")) == (low is None, high is None)


DAY_US, MINUTE_US = 86_400_000_000, 60_000_000


@pytest.mark.parametrize(
    ("start", "end", "zone", "waits"),
    [
        ("07:00", "09:00", "UTC", 60),
        ("22:00", "09:00", "UTC", 60),
        ("08:00", "08:01", "UTC", 1),
        ("07:00", "08:00", "UTC", 0),
        ("09:00", "10:00", "UTC", 0),
        ("09:00", "10:00", "Europe/Berlin", 60),
        ("20:00", "03:00", "America/New_York", 0),
        ("08:00", "08:00", "UTC", 1440),
    ],
)
def test_quiet_hours_end_in_their_time_zone(start: str, end: str, zone: str, waits: int) -> None:
    quiet = QuietHours(start=start, end=end, zone=zone)  # it is 8:00 UTC
    assert quiet_until(quiet, NOW) - NOW == waits * MINUTE_US


def test_quiet_hours_follow_summer_time() -> None:
    quiet = QuietHours(start="22:00", end="07:00", zone="Europe/Berlin")
    night = 1_806_188_400_000_000  # 2027-03-27 23:00 UTC, before the hour that is left out
    assert quiet_until(quiet, night) - night == 6 * 60 * MINUTE_US
