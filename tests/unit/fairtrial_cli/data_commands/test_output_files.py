"""`fairtrial data fix`, `split` and `convert` write whole files or none, whatever happens while they write."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fairtrial.domain.errors import UsageError
from fairtrial_cli.commands.data import command
from tests.fixtures.for_each import for_each

ROWS = [{"prompt": f"Where is parcel {at}?", "completion": ("late", "lost")[at % 2]} for at in range(40)]
COMMANDS = {
    "fix": (["fix", "rows.jsonl"], ["rows.fixed.jsonl", "rows.fixed.log.jsonl", "rows.fixed.review.jsonl"]),
    "split": (["split", "rows.jsonl"], ["rows.train.jsonl", "rows.holdout.jsonl"]),
    "convert": (["convert", "rows.jsonl", "--to", "openai"], ["rows.openai.jsonl"]),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def is_killed(arguments: list[str], prepare: Callable[[], None]) -> bool:
    """Run a command in a process of its own, and return whether a signal ended it."""
    child = os.fork()
    if child == 0:
        prepare()
        os._exit(CliRunner().invoke(command, arguments).exit_code)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def kill_in_write() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))


def kill_before(number: int) -> None:
    """Kill this process before it creates, removes or renames a file for the time with this number."""
    left = [number]

    def kill(event: str, details: tuple[Any, ...]) -> None:
        if event in ("os.remove", "os.rename") or (event == "open" and details[2] & os.O_CREAT):
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(kill)


@pytest.mark.release("stories")
@for_each("name", COMMANDS)
def test_a_killed_command_leaves_whole_new_files_or_none_and_never_old_beside_new(folder: Path, name: str) -> None:
    arguments, outputs = COMMANDS[name]
    assert CliRunner().invoke(command, arguments).exit_code == 0
    whole = {output: (folder / output).read_bytes() for output in outputs}
    states = []
    for prepare in (kill_in_write, *(partial(kill_before, number) for number in range(1, 20))):
        for output in outputs:
            (folder / output).write_bytes(b"old")
        killed = is_killed([*arguments, "--force"], prepare)
        now = {path.name: path.read_bytes() for path in folder.iterdir() if path.name in outputs}
        states.append({content == b"old" for content in now.values()})
        assert all(content in (whole[output], b"old") for output, content in now.items())
        if not killed:
            break
    assert killed is False and {True} == states[0] and {False} == states[-1] and {True, False} not in states


@for_each("name", COMMANDS)
def test_a_full_disk_is_one_line_and_leaves_nothing(folder: Path, name: str) -> None:
    arguments, outputs = COMMANDS[name]
    assert CliRunner().invoke(command, arguments).exit_code == 0  # imports under the limit would write cut .pyc files
    for output in outputs:
        (folder / output).unlink()
    before = sorted(path.name for path in folder.iterdir())
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, limits[1]))
    try:
        error = CliRunner().invoke(command, arguments).exception
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert isinstance(error, UsageError) and "can't be written: File too large" in str(error) and "\n" not in str(error)
    assert sorted(path.name for path in folder.iterdir()) == before


@for_each("name", [*COMMANDS, "audit"])
def test_a_link_to_a_device_and_a_pipe_are_refused_at_once(folder: Path, name: str) -> None:
    for source in (folder / f"{name}-device.jsonl", folder / f"{name}-pipe.jsonl"):
        if "device" in source.name:
            source.symlink_to("/dev/zero")
        else:
            os.mkfifo(source)
        before = sorted(path.name for path in folder.iterdir())
        usual, _ = COMMANDS.get(name, (["audit", "rows.jsonl"], []))
        arguments = [source.name if part == "rows.jsonl" else part for part in usual]
        error = CliRunner().invoke(command, arguments).exception
        assert isinstance(error, UsageError) and "it is not a regular file" in str(error)
        assert sorted(path.name for path in folder.iterdir()) == before


@for_each(
    "arguments",
    [
        "fix rows.jsonl --only pii --pii keep",
        "fix rows.jsonl --only duplicates --pii drop",
        "fix rows.jsonl --prompt prompt --completion prompt",
        "fix rows.jsonl -o out.csv",
        "convert rows.jsonl --to chat -o -",
        "fix rows.jsonl -o pipe --force",
        "convert rows.jsonl --to openai --for together",
        "convert rows.jsonl --to chat --prompt Nope --completion completion",
        "audit rows.jsonl --html missing/audit.html",
        "audit rows.jsonl --html rows.jsonl",
    ],
)
def test_contradictions_and_impossible_results_are_one_line_and_write_nothing(folder: Path, arguments: str) -> None:
    if not (folder / "pipe").exists():
        os.mkfifo(folder / "pipe")
    before = sorted(folder.iterdir())
    with pytest.raises(UsageError) as refused:
        CliRunner().invoke(command, arguments.split(), catch_exceptions=False)
    assert "\n" not in str(refused.value) and sorted(folder.iterdir()) == before


def test_rows_that_break_a_rule_with_the_same_words_share_a_line(folder: Path) -> None:
    done = CliRunner().invoke(command, ["convert", "rows.jsonl", "--to", "trl-dpo"])
    assert done.exit_code == 1 and not (folder / "rows.trl-dpo.jsonl").exists()
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        "error: 40 rows (lines 1, 2, 3, 4, 5, …): format: the row has no rejected answer (pairs have"
    )
