"""Targets of alarms that are unsafe or incomplete are errors, and no error shows a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairtrial.config.project import load_project
from fairtrial.domain.errors import ConfigError
from tests.fixtures.control.alarm_receivers import SECRET
from tests.fixtures.control.control_app import PROJECT

ENVIRON = {
    "HOOK": "https://hooks.example.org/services/canary-path", "PLAIN": "http://hooks.example.org/canary-path",
    "OTHER": "https://evil.example.org/canary-path", "KEY": SECRET, "SHORT": "whsec_canary", "PASSWORD": "canary",
}  # fmt: skip
HOOK = "form: slack, url: '${HOOK}'"
MAIL = "form: email, smtp: {server: 'mail.example.org:587', sender: f@example.org, recipients: [a@example.org]"


def load(folder: Path, target: str, name: str = "oncall", more: str = "") -> list[str]:
    (folder / "prompt.md").write_text("Be kind.")
    path = folder / "fairtrial.yaml"
    alarms = f"alarms: {{hosts: [hooks.example.org, mail.example.org], targets: {{{name}: {{{target}}}}}{more}}}\n"
    path.write_text(PROJECT + alarms)
    try:
        load_project(path, ENVIRON)
        return []
    except ConfigError as error:
        text = str(error)
    assert "canary" not in text
    return text.splitlines()


@pytest.mark.parametrize(
    "target",
    [
        HOOK,
        "form: json, url: '${HOOK}', secret: '${KEY}', kinds: ['experiment.*', store.older], repeat: null",
        "form: json, url: '${PLAIN}', secret: '${KEY}', private: true",
        f"{HOOK}, quiet: {{start: '22:00', end: '7:00', zone: Europe/Berlin}}".replace("'7:00'", "'07:00'"),
        f"{MAIL}, user: fairtrial, password: '${{PASSWORD}}'}}",
    ],
)
def test_sound_targets_are_accepted(tmp_path: Path, target: str) -> None:
    assert load(tmp_path, target) == []


@pytest.mark.parametrize(
    ("target", "wrong"),
    [
        ("form: slack", "url: it is missing"),
        ("form: json, url: '${HOOK}'", "secret: it is missing, so nobody could check the signature"),
        ("form: json, url: '${HOOK}', secret: '${SHORT}'", "secret: it is not a secret of a webhook"),
        (f"form: json, url: '${{HOOK}}', secret: {SECRET}", "secret: a secret must not stand in the file"),
        ("form: slack, url: '${PLAIN}'", "url: it must begin with https://"),
        ("form: slack, url: '${OTHER}'", "url: its host is not in alarms.hosts"),
        ("form: slack, url: '${KEY}'", "url: it is not a URL of a webhook"),
        ("form: slack, url: 'https://u:p@hooks.example.org/'", "url: it is not a URL of a webhook"),
        ("form: slack, url: '${NONE}'", "the environment variable NONE is not set"),
        (f"{HOOK}, kinds: [experiment.wurse]", "no alarm has the kind 'experiment.wurse'"),
        (f"{HOOK}, quiet: {{start: '25:00', end: '07:00'}}", "'25:00' is not a time of day"),
        (f"{HOOK}, quiet: {{start: '22:00', end: '07:00', zone: Mars}}", "'Mars' is not a time zone"),
        (f"{HOOK}, severities: []", "severities"),
        (f"{HOOK}, pager: 1", "pager"),
        ("form: email", "smtp: it is missing"),
        (f"{MAIL}}}, url: '${{HOOK}}'", "an email has neither url nor secret"),
        (f"{MAIL}, user: x}}", "user and password belong together"),
        (f"{MAIL}, user: x, password: y}}", "a password must not stand in the file"),
        (f"{MAIL}}}".replace("mail.", "smtp."), "smtp.server: its host is not in alarms.hosts"),
        (f"{MAIL}}}".replace("a@example.org", "'a@example.org, b@example.org'"), "is not a mail address"),
    ],
)
def test_a_wrong_target_is_named(tmp_path: Path, target: str, wrong: str) -> None:
    errors = load(tmp_path, target)
    assert len(errors) == 1 and wrong in errors[0], errors


def test_names_and_links_are_checked(tmp_path: Path) -> None:
    assert "can't be the name of a target" in load(tmp_path, HOOK, name="'on call'")[0]
    assert "dashboard_url" in load(tmp_path, HOOK, more=", dashboard_url: d.example")[0]


def test_secrets_stay_templates(tmp_path: Path) -> None:
    assert load(tmp_path, f"{MAIL}, user: fairtrial, password: '${{PASSWORD}}'}}") == []
    project = load_project(tmp_path / "fairtrial.yaml", ENVIRON)
    assert "canary" not in repr(project)
    assert project.alarms.dashboard_url == "http://127.0.0.1:8501"
