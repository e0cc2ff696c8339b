"""Accounts on real processes: open until the first one, two roles, and the command line with and without control."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.fixtures.credentials import browser
from tests.fixtures.services.command import in_process
from tests.fixtures.services.forked_services import ForkedServices
from tests.fixtures.services.project_files import write_project

PASSWORD = "correct horse battery"
JSON = {"content-type": "application/json"}


@contextmanager
def accepted(link: str) -> Iterator[httpx.Client]:
    """A browser that accepted the invitation."""
    with httpx.Client(base_url=link.split("/invitation/")[0], follow_redirects=False) as browser:
        form = {"password": PASSWORD, "again": PASSWORD}
        answer = browser.post(link, data=form, headers={"origin": str(browser.base_url).rstrip("/")})
        assert answer.status_code == 303, answer.text
        yield browser


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_project(tmp_path, workers=1)
    return tmp_path


@pytest.fixture
def services(folder: Path) -> Iterator[ForkedServices]:
    with ForkedServices(folder / "fairtrial.yaml", workers=1, dashboard=False) as running:
        yield running


@pytest.mark.release("stories")
def test_two_roles_meet_what_they_may_and_may_not_do(services: ForkedServices, folder: Path) -> None:
    control = services.urls.control
    assert httpx.get(f"{control}/api/me").status_code == 401
    with closing(browser(services.project.layout, control)) as local:
        assert local.get("/api/me").json()["role"] == "admin"
        rosa = in_process("accounts", "invite", "--name", "Rosa", "--role", "reviewer", cwd=folder)
        assert "From now on everyone must sign in" in rosa.stderr
        assert local.get("/api/me").status_code == 401
    mara = in_process("accounts", "invite", "--name", "Mara", "--role", "release-manager", cwd=folder)
    assert "From now on" not in mara.stderr
    assert f"next={'http%3A%2F%2F127.0.0.1'}" in mara.stdout
    with accepted(rosa.stdout.strip()) as reviewer, accepted(mara.stdout.strip()) as manager:
        paths = ("/api/reviews/queues", "/api/requests", "/api/verdicts", "/api/keys", "/api/accounts")
        assert [reviewer.get(path).status_code for path in paths] == [200, 403, 403, 403, 403]
        assert [manager.get(path).status_code for path in paths] == [200, 200, 200, 403, 403]
        assert [httpx.get(control + path).status_code for path in paths] == [401] * 5
        assert manager.post("/api/ingest").status_code == 403  # neither an Origin nor JSON: perhaps another site's form
        assert manager.post("/api/ingest", headers=JSON).status_code == 200
        used = httpx.post(rosa.stdout.strip(), data={"password": PASSWORD, "again": PASSWORD})
        assert (used.status_code, "does not work" in used.text) == (404, True)
        assert in_process("accounts", "disable", "rosa", cwd=folder).returncode == 0
        assert reviewer.get("/api/me").status_code == 401
        assert manager.get("/api/me").status_code == 200


@pytest.mark.release("stories")
def test_the_command_line_goes_on_after_the_first_account_and_sessions_outlive_control(folder: Path) -> None:
    project = folder / "fairtrial.yaml"
    alone = in_process("accounts", "invite", "--name", "Ada", "--role", "admin", "--json", cwd=folder)
    made = json.loads(alone.stdout)
    assert (made["name"], made["role"]) == ("Ada", "admin")
    with ForkedServices(project, workers=1, dashboard=False), accepted(made["link"]) as ada:
        cookies = dict(ada.cookies)
        assert in_process("keys", "list", cwd=folder).returncode == 0
        assert in_process("store", "info", cwd=folder).returncode == 0
        (listed,) = json.loads(in_process("accounts", "list", "--json", cwd=folder).stdout)
        assert (listed["name"], listed["state"]) == ("Ada", "active")
    (still,) = json.loads(in_process("accounts", "list", "--json", cwd=folder).stdout)
    assert still == listed
    with ExitStack() as until_then:
        control = until_then.enter_context(ForkedServices(project, workers=1, dashboard=False)).urls.control
        ada = until_then.enter_context(httpx.Client(base_url=control, cookies=cookies))
        assert ada.get("/api/me").json()["role"] == "admin"
        assert in_process("accounts", "role", "Ada", "reviewer", cwd=folder).stdout == "Ada is now reviewer\n"
        assert ada.get("/api/me").json()["role"] == "reviewer"


@pytest.mark.parametrize("running", [True, False])
def test_what_the_command_line_refuses_reads_the_same_with_and_without_control(folder: Path, running: bool) -> None:
    def refusals() -> list[str]:
        assert in_process("accounts", "invite", "--name", "Ada", "--role", "admin", cwd=folder).returncode == 0
        asked = [
            in_process("accounts", "invite", "--name", "ada", "--role", "admin", cwd=folder),
            in_process("accounts", "invite", "--name", "local", "--role", "admin", cwd=folder),
            in_process("accounts", "disable", "Nobody", cwd=folder),
            in_process("accounts", "reset", "Nobody", cwd=folder),
            in_process("accounts", "role", "Ada", "king", cwd=folder),
        ]
        assert [one.returncode for one in asked] == [2] * 5
        return [one.stderr for one in asked]

    if running:
        with ForkedServices(folder / "fairtrial.yaml", workers=1, dashboard=False):
            said = refusals()
    else:
        said = refusals()
    for words, text in zip(("taken", "audit trail", "accounts list", "accounts list", "reviewer"), said, strict=True):
        assert words in text
        assert "Traceback" not in text


def test_an_empty_list_says_how_to_invite(folder: Path) -> None:
    listed = in_process("accounts", "list", cwd=folder)
    assert (listed.returncode, listed.stdout) == (0, "")
    assert "fairtrial accounts invite" in listed.stderr
