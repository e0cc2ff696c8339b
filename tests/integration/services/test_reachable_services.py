"""Services that other machines can reach: refused without keys; with keys, everything asks for one and has its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from dashboard.client import Control, Refused
from fairtrial.api import keys, store
from fairtrial.api.operation import Nothing, Window
from fairtrial_cli.store_client.client import open_store
from tests.fixtures.services.command import fairtrial
from tests.fixtures.services.forked_services import ForkedServices
from tests.fixtures.services.project_files import write_project
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import until

ASKED = {"model": "support-bot", "messages": [{"role": "user", "content": "hi"}], "user": "u1"}


def reachable(folder: Path, *, upstream: str = "http://127.0.0.1:9", auth: str | None = None) -> Path:
    """A project whose gateway and control listen on every address of this machine."""
    path = write_project(folder, upstream=upstream, workers=1)
    text = path.read_text()
    for service in ("gateway", "control"):
        text = text.replace(f'{service}: {{bind: "127.0.0.1:', f'{service}: {{bind: "0.0.0.0:')
    path.write_text(text.replace("workers: 1", f"auth: {auth}, workers: 1") if auth else text)
    return path


@pytest.fixture
def services(tmp_path: Path) -> Iterator[ForkedServices]:
    with FakeUpstream() as upstream:
        path = reachable(tmp_path, upstream=upstream.url.removesuffix("/v1"))
        with ForkedServices(path, workers=1, dashboard=False) as running:
            yield running


def test_an_open_door_to_others_is_refused(tmp_path: Path) -> None:
    reachable(tmp_path, auth="open")
    ended = fairtrial("up", "--no-dashboard", cwd=tmp_path)
    assert ended.returncode == 2
    assert "gateway.auth" in ended.stderr
    assert "keys" in ended.stderr


def test_the_gateway_obeys_keys_as_they_come_and_go(services: ForkedServices) -> None:
    def status(secret: str) -> int:
        headers = {"authorization": f"Bearer {secret}"}
        return httpx.post(f"{services.urls.api}/chat/completions", json=ASKED, headers=headers).status_code

    assert status("any") == 401
    with open_store(services.project.layout) as owner:
        made = owner.call(keys.create, keys.CreateKey(name="app"))
        until(lambda: status(made.secret) == 200)
        owner.call(keys.revoke, keys.RevokeKey(key_id=made.key_id))
        until(lambda: status(made.secret) == 401)


def test_control_asks_for_a_key_which_the_commands_of_this_machine_have(services: ForkedServices) -> None:
    assert httpx.get(f"{services.urls.control}/api/keys").status_code == 401
    with open_store(services.project.layout) as owner:
        assert {key.name for key in owner.call(keys.listing, Window())} >= {"internal", "admin"}


def test_the_dashboard_has_no_rights_of_its_own(services: ForkedServices) -> None:
    with pytest.raises(Refused) as refused:
        Control(services.urls.control).call(store.services, Nothing())
    assert refused.value.status == 401


def test_a_command_with_a_wrong_key_learns_what_to_do(
    services: ForkedServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRTRIAL_ADMIN_KEY", "ft-wrong")
    with (
        open_store(services.project.layout) as owner,
        pytest.raises(Exception, match="FAIRTRIAL_ADMIN_KEY"),
    ):
        owner.call(keys.listing, Window())
