"""Control is killed between a decision and its message; the next one delivers it once. The commands show its state."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from fairtrial.config.layout import Layout
from fairtrial.config.owner_lock import read_note
from tests.fixtures.control.alarm_receivers import SECRET, Receiver, receiver
from tests.fixtures.services.command import in_process, start
from tests.fixtures.services.project_files import write_project
from tests.fixtures.store.maintenance_fixture import end
from tests.fixtures.waiting import until

NAME = "tuned-vs-base"


def control_with_secret(folder: Path) -> subprocess.Popen[bytes]:
    environ = os.environ | {"SECRET": SECRET}
    process = start("control", cwd=folder, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

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
