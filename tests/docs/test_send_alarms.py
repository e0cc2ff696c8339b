"""The page on alarms: its section is sound, its commands work, and its function accepts what control sends."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from fairtrial.config.project import load_project
from tests.fixtures.control.alarm_receivers import SECRET, receiver
from tests.fixtures.docs.command_blocks import SHELL, commands
from tests.fixtures.docs.pages import ROOT, blocks
from tests.fixtures.services.command import in_process
from tests.fixtures.services.project_files import write_project

PAGE = ROOT / "docs" / "how-to" / "send-alarms.md"


def test_the_section_is_sound(tmp_path: Path) -> None:
    (section,) = [block for block in blocks(PAGE) if block.language == "yaml"]
    path = write_project(tmp_path)
    path.write_text(path.read_text() + section.text)
    environ = {"SLACK_URL": "https://hooks.slack.com/services/x", "PAGER_SECRET": SECRET, "SMTP_PASSWORD": "x"}
    assert list(load_project(path, environ).alarms.targets) == ["team", "pager", "release-managers"]


def test_the_commands_work_and_the_function_accepts_what_control_sends(tmp_path: Path) -> None:
    functions: dict[str, Any] = {}
    lines: list[str] = []
    for block in blocks(PAGE):
        if block.language == "python":
            exec(block.text, functions)
        elif block.language in SHELL and block.mark != "not run":
            lines += commands(block)
    with receiver() as hook:
        path, environ = write_project(tmp_path), {"SECRET": SECRET}
        target = f"{{form: json, url: 'http://localhost:{hook.port}/', secret: '${{SECRET}}', private: true}}"
        path.write_text(f"{path.read_text()}alarms: {{hosts: [localhost], targets: {{pager: {target}}}}}\n")
        for program, *words in map(shlex.split, lines):
            if program == "fairtrial":
                done = in_process(*words, cwd=tmp_path, env=environ)
                assert done.returncode == 0, done.stderr
            else:
                assert program == "python"
                printed: list[str] = []
                exec(words[1], {"print": printed.append})
                assert printed[0].startswith("whsec_")
        (post,) = hook.posted
        headers = {name.lower(): value for name, value in post.headers.items()}
        assert functions["is_genuine"](headers, post.body, SECRET)
        assert not functions["is_genuine"](headers, post.body + b" ", SECRET)
        assert not functions["is_genuine"](headers | {"webhook-timestamp": "1"}, post.body, SECRET)
