"""Control is killed between a decision and its message, which is delivered once; commands show its state, no secret."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import IO

import httpx
import pytest

from fairtrial.config.layout import Layout
from fairtrial.config.owner_lock import read_note
from tests.fixtures.control.alarm_receivers import SECRET, Receiver, mail_server, receiver
from tests.fixtures.credentials import by_key
from tests.fixtures.services.command import in_process, start
from tests.fixtures.services.project_files import write_project
from tests.fixtures.store.maintenance_fixture import end
from tests.fixtures.waiting import until

NAME = "tuned-vs-base"
Control = subprocess.Popen[bytes]


def control_with_secret(folder: Path, output: int | IO[bytes] = subprocess.DEVNULL, **secrets: str) -> Control:
    environ = os.environ | {"SECRET": SECRET} | secrets
    process = start("control", cwd=folder, env=environ, stdout=output, stderr=output)

    def announced() -> bool:
        assert process.poll() is None
        note = read_note(Layout(folder / "fairtrial.duckdb"))
        return note is not None and note.control_url is not None and note.pid == process.pid

    until(announced)
    return process


def change(folder: Path, action: str) -> None:
    done = in_process("experiment", action, NAME, "--why", "a test", cwd=folder, env={"SECRET": SECRET})
    assert done.returncode == 0, done.stderr


def decide_and_kill(folder: Path, hook: Receiver, action: str) -> None:
    """The receiver takes nothing until control has been killed, after this decision."""
    hook.status = 503
    control = control_with_secret(folder)
    try:
        change(folder, action)
    finally:
        control.kill()
        control.wait()
    hook.status = 204


def project_with_target(folder: Path, port: int) -> None:
    path = write_project(folder)
    target = f"{{form: json, url: 'http://localhost:{port}/', secret: '${{SECRET}}', private: true}}"
    path.write_text(f"{path.read_text()}alarms: {{hosts: [localhost], targets: {{pager: {target}}}}}\n")


@pytest.mark.release("stories")
def test_a_killed_control_loses_no_message_and_repeats_none(tmp_path: Path) -> None:
    with receiver() as hook:
        project_with_target(tmp_path, hook.port)
        for action, expected in (("pause", "alarm.opened"), ("resume", "alarm.closed")):
            decide_and_kill(tmp_path, hook, action)
            control = control_with_secret(tmp_path)
            try:
                until(lambda expected=expected: expected in [json.loads(post.body)["type"] for post in hook.taken])
            finally:
                end(control)
        control = control_with_secret(tmp_path)
        end(control)
        assert [json.loads(post.body)["type"] for post in hook.taken] == ["alarm.opened", "alarm.closed"]


def test_the_commands_show_what_became_of_messages(tmp_path: Path) -> None:
    with receiver() as hook:
        project_with_target(tmp_path, hook.port)
        environ = {"SECRET": SECRET}
        control = control_with_secret(tmp_path)
        try:
            change(tmp_path, "pause")
            until(lambda: hook.taken)
            (row,) = json.loads(in_process("alarms", "list", "--json", cwd=tmp_path, env=environ).stdout)
            acknowledged = in_process("alarms", "ack", row["alarm_id"], "--why", "seen", cwd=tmp_path, env=environ)
            until(lambda: "pager: delivered" in in_process("alarms", "list", cwd=tmp_path, env=environ).stdout)
            by_control = in_process("alarms", "test", cwd=tmp_path, env=environ)
        finally:
            end(control)
        listed = in_process("alarms", "list", cwd=tmp_path, env=environ).stdout
        assert acknowledged.returncode == 0 and "acknowledged by local user" in listed
        assert (by_control.returncode, by_control.stdout) == (0, "pager: delivered\n")
        before = len(hook.taken)
        assert in_process("alarms", "test", "pager", cwd=tmp_path, env=environ).returncode == 0
        assert len(hook.taken) == before + 1
        unknown = in_process("alarms", "test", "pagr", cwd=tmp_path, env=environ)
        assert unknown.returncode == 2 and "there is no target 'pagr'" in unknown.stderr
        hook.status = 500
        failed = in_process("alarms", "test", "--json", cwd=tmp_path, env=environ)
        assert (failed.returncode, json.loads(failed.stdout)[0]["delivery"]) == (1, "waiting")


TARGETS = """\
alarms:
  hosts: [localhost]
  targets:
    pager: {{form: json, url: "http://localhost:{hook}/", secret: "${{SECRET}}", private: true}}
    team: {{form: slack, url: "${{SLACK}}", private: true}}
    gone: {{form: slack, url: "${{GONE}}", private: true}}
    mail:
      form: email
      private: true
      smtp:
        {{server: "localhost:{mail}", sender: f@x.org, recipients: [a@x.org], user: u, password: "${{PASS}}"}}
"""


@pytest.mark.release("stories")
def test_no_secret_of_a_target_is_written_shown_or_sent_to_another(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    with receiver() as hook, receiver() as slack, mail_server(None) as mails, (tmp_path / "log").open("wb") as log:
        path = write_project(folder)
        path.write_text(path.read_text() + TARGETS.format(hook=hook.port, mail=mails.port))
        secrets = {
            "SLACK": f"http://localhost:{slack.port}/services/canary-path",
            "GONE": "http://localhost:9/services/canary-gone",
            "PASS": "canary-password",
        }
        control = control_with_secret(folder, log, **secrets)
        try:
            change(folder, "pause")
            until(lambda: hook.taken and slack.taken and mails.mails)
            with httpx.Client(headers=by_key(Layout(folder / "fairtrial.duckdb"))) as http:
                note = read_note(Layout(folder / "fairtrial.duckdb"))
                assert note is not None and note.control_url is not None
                url = f"{note.control_url}/api"
                until(lambda: http.get(f"{url}/alarms").text.count("delivered") == 3)
                tested = http.post(f"{url}/alarms/test", json={})
                paths = [name for name, way in http.get(f"{url}/openapi.json").json()["paths"].items() if "get" in way]
                shown = [http.get(url.removesuffix("/api") + name).text for name in paths if "{" not in name]
        finally:
            end(control)
    assert "gone: waiting (localhost did not answer (ConnectError))" in "".join(shown)
    assert [row["delivery"] for row in tested.json()] == ["delivered", "delivered", "waiting", "delivered"]
    texts = {path.name: path.read_bytes() for path in (tmp_path / "log", *folder.rglob("*")) if path.is_file()}
    texts |= {"api": "".join([*shown, tested.text]).encode(), "mail": "".join(mails.mails).encode()}
    texts |= {name: repr([(post.headers, post.body) for post in to.posted]).encode() for name, to in
              (("hook", hook), ("slack", slack))}  # fmt: skip
    hidden = [SECRET.encode(), b"canary-"]
    assert [(name, canary) for name, text in texts.items() for canary in hidden if canary in text] == []
