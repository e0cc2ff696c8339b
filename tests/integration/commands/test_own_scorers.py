"""An own scorer is a program: it runs only where the project's lock lists its text, and never for a fork in CI."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairtrial_cli.own_scorers import LOCK, is_of_fork
from tests.fixtures.for_each import for_each
from tests.fixtures.services.command import fairtrial, in_process, start
from tests.fixtures.services.project_files import write_project
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE

PROGRAM = "from fairtrial.scoring import scorer\n\n\n@scorer\ndef four(answer: str) -> bool:\n    return '4' in answer"
SUITE = """\
suite: sums
data: rows.jsonl
score:
  - contains
  - own: {name: four, file: scorers/four.py}
gate: [four >= 50%]
"""
ANSWER = {"choices": [{"message": {"role": "assistant", "content": "It is 4."}, "finish_reason": "stop"}]}
EVAL = ("eval", "suites/sums.yaml", "--on", "base")
TRUST = "fairtrial check suites/sums.yaml --trust-scorers"


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as fake:
        fake.script = {"kind": "json", "answer": ANSWER}
        yield fake


@pytest.fixture
def folder(tmp_path: Path, upstream: FakeUpstream) -> Path:
    write_project(tmp_path, upstream=f"http://127.0.0.1:{upstream.port}", workers=1)
    (tmp_path / "suites" / "scorers").mkdir(parents=True)
    (tmp_path / "suites" / "rows.jsonl").write_text(json.dumps({"id": "a", "input": "2 + 2", "expected": "4"}) + "\n")
    (tmp_path / "suites" / "sums.yaml").write_text(SUITE)
    (tmp_path / "suites" / "scorers" / "four.py").write_text(PROGRAM)
    (tmp_path / "g.yaml").write_text("version: 1\ngate: g\nsuites: [suites/sums.yaml]\n")
    return tmp_path


def value_of(done: subprocess.CompletedProcess[str]) -> float | None:
    [run] = json.loads(done.stdout)
    value: float | None = run["metrics"]["four.value"]["value"]
    return value


def test_a_program_runs_only_as_long_as_the_lock_lists_its_text(folder: Path, upstream: FakeUpstream) -> None:
    gate = ("gate", "g.yaml", "--candidate", "tuned", "--baseline", "base", "--run")
    migrate = ("migrate", "base", "tuned", "--suite", "suites/sums.yaml")
    for command in (EVAL, gate, migrate):
        done = in_process(*command, cwd=folder)
        assert done.returncode == 2 and TRUST in done.stderr, done.stderr
    assert not upstream.seen, "nothing is asked and nothing runs"
    trusted = in_process(*TRUST.split()[1:], cwd=folder)
    assert trusted.returncode == 0 and "suites/scorers/four.py (5 lines, SHA-256 " in trusted.stderr
    lines = (folder / LOCK).read_text().splitlines()
    assert lines[0].startswith("#") and lines[1].endswith("  suites/scorers/four.py") and len(lines) == 2
    done = fairtrial(*EVAL, "--json", cwd=folder)
    assert done.returncode == 0 and value_of(done) == 1.0, done.stderr
    (folder / "suites" / "scorers" / "four.py").write_text(PROGRAM + "\n# changed\n")
    done = in_process(*EVAL, cwd=folder)
    assert done.returncode == 2 and "does not list its text" in done.stderr
    assert in_process(*TRUST.split()[1:], cwd=folder).returncode == 0
    assert len((folder / LOCK).read_text().splitlines()) == 2, "the earlier text is no longer trusted"


@pytest.mark.release("stories")
def test_off_is_a_scorer_error_and_the_other_scorers_still_measure(folder: Path) -> None:
    in_process(*TRUST.split()[1:], cwd=folder)
    fork = {"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "8", "CI_MERGE_REQUEST_PROJECT_ID": "7"}
    for options, environ in ((["--no-own-scorers"], {}), ([], fork)):
        done = fairtrial(*EVAL, *options, "--json", cwd=folder, env=os.environ | environ)
        assert done.returncode == 4 and value_of(done) is None, done.stderr
        assert "own scorers are off, so these programs do not run: suites/scorers/four.py" in done.stderr
        [run] = json.loads(done.stdout)
        assert run["metrics"]["contains.accuracy"]["value"] == 1.0
    done = fairtrial(*EVAL, "--own-scorers", "--json", cwd=folder, env=os.environ | fork)
    assert done.returncode == 0 and value_of(done) == 1.0, "a maintainer can say so"


@pytest.mark.release("stories")
def test_a_terminal_is_asked_once(folder: Path) -> None:
    for answer, code in (("n", 2), ("y", 0), ("", 0)):
        ours, theirs = pty.openpty()
        program = start(*EVAL, cwd=folder, stdin=theirs, stderr=theirs, stdout=subprocess.PIPE)
        os.close(theirs)
        shown = b""
        while answer and b"[y/N]" not in shown:
            shown += os.read(ours, 4096)
        os.write(ours, f"{answer}\n".encode())
        program.communicate(timeout=PATIENCE)
        os.close(ours)
        assert program.returncode == code, (answer, shown)
        assert (folder / LOCK).exists() == (code == 0)


@for_each(
    ("text", "wrong"),
    [
        ("f" * 63 + "  a.py\n", "scorers.lock:1: this is not a SHA-256, two spaces and a file"),
        ("x" * 300_000, "bytes"),
    ],
)
def test_a_lock_that_can_not_be_read_trusts_nothing(folder: Path, text: str, wrong: str) -> None:
    (folder / LOCK).write_text(text)
    done = in_process(*EVAL, cwd=folder)
    assert done.returncode == 2 and wrong in done.stderr


def test_a_lock_outside_of_the_project_trusts_nothing(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    in_process(*TRUST.split()[1:], cwd=folder)
    elsewhere = (folder / LOCK).rename(tmp_path_factory.mktemp("theirs") / LOCK)
    (folder / LOCK).symlink_to(elsewhere)
    done = in_process(*EVAL, cwd=folder)
    assert done.returncode == 2 and "outside the project's folder" in done.stderr


def test_jobs_for_the_pull_request_of_a_fork_are_recognised(tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    github = {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(event), "GITHUB_REPOSITORY": "us/it"}
    assert is_of_fork(github), "without the event nobody knows"
    for repository, expected in (({"full_name": "them/it"}, True), ({"full_name": "us/it"}, False), (None, True)):
        event.write_text(json.dumps({"pull_request": {"head": {"repo": repository}}}))
        assert is_of_fork(github) is expected
        assert is_of_fork(github | {"GITHUB_EVENT_NAME": "pull_request_target"}) is expected
    assert not is_of_fork(github | {"GITHUB_EVENT_NAME": "push"}) and not is_of_fork({})
    gitlab = {"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "8", "CI_MERGE_REQUEST_PROJECT_ID": "7"}
    assert is_of_fork(gitlab) and not is_of_fork(gitlab | {"CI_MERGE_REQUEST_PROJECT_ID": "8"})
