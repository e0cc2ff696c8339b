"""action.yml on a bare repository with a base and a head, and with a server in place of GitHub's API."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.evaluators.result_files import scored, write_lines
from tests.fixtures.github.comments_api import TOKEN, CommentsApi, comments_api
from tests.fixtures.github.composite_action import CompositeAction, Job, link_program
from tests.fixtures.paths import ROOT
from tests.fixtures.waiting import PATIENCE

COMMAND = "cat model.jsonl > results.jsonl"
"""Stands for an evaluation: what it writes depends on the commit alone."""
IDENTITY = ("-c", "user.name=someone", "-c", "user.email=someone@example.org")
NOTHING: dict[str, str] = {}
PERSON = {"login": "somebody", "type": "User"}


def git(folder: Path, *arguments: str) -> str:
    command = ["git", *IDENTITY, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


class PullRequest:
    """A pull request to a bare repository. The job checks out the merge that GitHub makes, without history."""

    def __init__(self, folder: Path, api: CommentsApi) -> None:
        self.folder, self.author, self.api, self.runs = folder, folder / "author", api, 0
        git(folder, "init", "--quiet", "--bare", "--initial-branch=main", "origin.git")
        git(folder, "clone", "--quiet", "origin.git", "author")
        self.commit_base(160)
        self.opened_at = git(self.author, "rev-parse", "HEAD")

    def commit_base(self, right: int) -> None:
        self._commit(right)
        git(self.author, "push", "--quiet", "origin", "HEAD:main")

    def commit_head(self, right: int) -> None:
        """A head whose model gives that many right answers."""
        git(self.author, "checkout", "--quiet", "-B", "change", "origin/main")
        self._commit(right)
        git(self.author, "checkout", "--quiet", "-B", "merge", "origin/main")
        git(self.author, "merge", "--quiet", "--no-ff", "--message", "Merge\n\nparent 0", "change")
        git(self.author, "push", "--quiet", "--force", "origin", "HEAD:refs/pull/7/merge")

    def run(self, *, fork: bool = False, token: str = TOKEN, environ: dict[str, str] = NOTHING, **inputs: str) -> Job:
        """Run the action in a new job."""
        self.runs += 1
        workspace, temp = (self.folder / f"{name}-{self.runs}" for name in ("workspace", "temp"))
        workspace.mkdir(), temp.mkdir()
        link_program(temp)
        git(workspace, "init", "--quiet")
        git(workspace, "remote", "add", "origin", f"file://{self.folder / 'origin.git'}")
        git(workspace, "fetch", "--quiet", "--depth=1", "origin", "refs/pull/7/merge")
        git(workspace, "checkout", "--quiet", "FETCH_HEAD")
        head = {"repo": {"full_name": "somebody/shop" if fork else "owner/shop"}}
        pull_request = {"number": 7, "base": {"sha": self.opened_at}, "head": head}
        github = {"job": "gate", "token": token, "repository": "owner/shop", "event": {"pull_request": pull_request}}
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(temp),
            "GITHUB_API_URL": self.api.url,
            "GITHUB_REPOSITORY": "owner/shop",
            "GITHUB_REF": "refs/pull/7/merge",
            "GITHUB_SHA": git(workspace, "rev-parse", "HEAD"),
        }
        given = inputs or {"command": COMMAND, "results": "results.jsonl"}
        return CompositeAction(workspace, temp, github, variables | environ).run(**given)

    def _commit(self, right: int) -> None:
        write_lines(self.author / "model.jsonl", scored(right))
        (self.author / "results.jsonl").write_text("of an earlier evaluation")
        git(self.author, "add", ".")
        git(self.author, "commit", "--quiet", "--message", f"Give {right} right answers")


@pytest.fixture
def pull_request(tmp_path: Path) -> Iterator[PullRequest]:
    with comments_api() as api:
        yield PullRequest(tmp_path, api)


@pytest.mark.release("stories")
def test_the_exit_code_is_the_verdict_and_one_comment_shows_the_newest(pull_request: PullRequest) -> None:
    api = pull_request.api
    for number in range(120):
        api.add(f"Comment {number}", PERSON)
    imitated = api.add("<!-- fairtrial: gate -->\n## SHIP", PERSON)
    for right, code, decision in ((110, 1, "BLOCK"), (155, 3, "HOLD"), (164, 0, "SHIP")):
        pull_request.commit_head(right)
        job = pull_request.run()
        assert (job.exit_code, job.outputs["exit-code"]) == (code, str(code)), job.log
        comment = api.comments[-1]["body"]
        assert comment == f"<!-- fairtrial: gate -->\n{Path(job.outputs['report']).read_text()}"
        assert f"## Unofficial {decision} head.jsonl" in comment
        assert job.summary in comment
    assert len(api.comments) == 122
    assert imitated["body"].endswith("## SHIP")
    assert [method for method, _ in api.requests if method != "GET"] == ["POST", "PATCH", "PATCH"]
    assert git(pull_request.folder / "workspace-3", "worktree", "list").count("\n") == 0


@pytest.mark.release("walks")
def test_the_comment_names_the_cases_that_changed(pull_request: PullRequest) -> None:
    pull_request.commit_head(110)
    pull_request.run()
    comment = pull_request.api.comments[0]["body"]
    assert "worse by score.share: 80.0 % → 55.0 %" in comment
    assert "changed for the worse most, by score.share: c110, c111" in comment


@pytest.mark.release("walks")
def test_the_base_is_that_of_the_merge_not_the_older_one_of_the_event(pull_request: PullRequest) -> None:
    pull_request.commit_base(110)
    pull_request.commit_head(114)
    assert pull_request.run().exit_code == 0


@pytest.mark.release("walks")
def test_equal_results_are_no_failure_and_replace_the_comment(pull_request: PullRequest) -> None:
    pull_request.commit_head(110)
    assert pull_request.run().exit_code == 1
    job = pull_request.run(command='echo \'{"id": "a", "score": 1}\' > results.jsonl', results="results.jsonl")
    assert job.exit_code == 0
    (comment,) = pull_request.api.comments
    assert comment["body"].endswith("## No result changed: base and head have the same results.\n")


@pytest.mark.release("walks")
def test_files_that_exist_are_judged_without_a_command_and_options_are_passed_on(pull_request: PullRequest) -> None:
    pull_request.commit_head(155)
    for name, right in (("old", 160), ("new", 155)):
        write_lines(pull_request.folder / f"{name}.jsonl", scored(right))
    files = {"old": "../old.jsonl", "new": "../new.jsonl"}
    assert pull_request.run(**files).exit_code == 3
    assert pull_request.run(**files, margin="10pp").exit_code == 0
    assert pull_request.run(**files, options="--margin 10pp --measure score", name="second").exit_code == 0
    assert len(pull_request.api.comments) == 2
    assert pull_request.run(**files, comment="false").exit_code == 3
    assert "SHIP" in pull_request.api.comments[0]["body"]


def test_a_fork_without_secrets_gets_one_sentence_and_no_verdict(pull_request: PullRequest) -> None:
    pull_request.commit_head(164)
    pull_request.api.writable = False
    command = {"command": COMMAND, "results": "results.jsonl", "required_env": "PATH OPENAI_API_KEY"}
    job = pull_request.run(fork=True, environ={"OPENAI_API_KEY": ""}, **command)
    assert job.exit_code == 2
    assert job.log.splitlines() == [
        "::error title=fairtrial::command: it was not run, because these variables are empty: OPENAI_API_KEY. A pull"
        " request from a fork receives no secrets; to run the command with them, push its branch to this repository.",
        "::notice title=fairtrial::There is no new comment, because a pull request from a fork has no right to write"
        " one. The report is in the job's summary.",
    ]
    assert pull_request.api.comments == []
    job = pull_request.run(fork=True, **{**command, "command": "exit 7", "required_env": ""})
    assert "base: the command failed (exit code 7). A pull request from a fork receives no secrets" in job.log


@pytest.mark.release("stories")
def test_a_fork_that_needs_no_secrets_is_judged_without_a_comment(pull_request: PullRequest) -> None:
    pull_request.commit_head(164)
    pull_request.api.writable = False
    job = pull_request.run(fork=True)
    assert job.exit_code == 0
    assert "a pull request from a fork has no right to write one" in job.log
    assert "## Unofficial SHIP head.jsonl" in job.summary


@pytest.mark.release("walks")
@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"command": "exit 7", "results": "results.jsonl"}, "base: the command failed (exit code 7)."),
        ({"command": "true", "results": "results.jsonl"}, "base: the command did not write results.jsonl."),
        ({"command": "true"}, "results: name the file that the command writes."),
        ({"old": "old.jsonl"}, "inputs: give command and results, or old and new."),
        ({"old": "none.jsonl", "new": "none.jsonl"}, "none.jsonl: No such file or directory"),
        ({"command": COMMAND, "results": "results.jsonl", "required_env": "KEY"}, "these variables are empty: KEY."),
        ({"command": COMMAND, "results": "results.jsonl", "margin": "much"}, "--margin: 'much' is not a number"),
    ],
)
def test_without_a_verdict_the_comment_says_why(pull_request: PullRequest, inputs: dict[str, str], words: str) -> None:
    pull_request.commit_head(164)
    assert pull_request.run().exit_code == 0
    job = pull_request.run(**inputs)
    assert (job.exit_code, job.log.count("::error")) == (2, 1), job.log
    (comment,) = pull_request.api.comments
    assert "## No verdict" in comment["body"] and words in comment["body"]
    assert "fork" not in job.log


@pytest.mark.release("walks")
def test_without_permission_or_answer_the_verdict_stays(pull_request: PullRequest) -> None:
    pull_request.commit_head(164)
    refused = pull_request.run(token="expired")
    pull_request.api.url = "http://127.0.0.1:9"
    unreachable = pull_request.run()
    assert refused.exit_code == unreachable.exit_code == 0
    assert "(HTTP 401); the job needs the permission pull-requests: write" in refused.log
    assert "GitHub did not answer (ConnectError)" in unreachable.log


def test_the_action_follows_githubs_schema() -> None:
    checker = str(Path(sys.executable).with_name("check-jsonschema"))
    command = [checker, "--builtin-schema", "vendor.github-actions", str(ROOT / "action.yml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stdout
