"""Odd inputs at control: each a clear 4xx in its own shape, whatever number or name is odd."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fairtrial.api import keys
from fairtrial.config.layout import Layout
from fairtrial.domain.errors import control_character
from fairtrial_cli.store_client.client import open_store
from tests.fixtures.services.command import in_process
from tests.fixtures.services.descriptor_limit import healthy
from tests.fixtures.services.project_files import control_port, write_project
from tests.fixtures.store.maintenance_fixture import end, start_control
from tests.fixtures.waiting import until

LONG = "9" * 400
LISTINGS = ("keys", "accounts", "requests", "runs", "verdicts", "events", "feedback", "comparisons")


@pytest.fixture(name="api", scope="module")
def api_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("odd")
    write_project(folder)
    process = start_control(folder)
    port = control_port(folder)
    until(lambda: healthy(port))
    with open_store(Layout(folder / "fairtrial.duckdb")) as owner:
        secret = owner.call(keys.create, keys.CreateKey(name="admin", rights=("admin",))).secret
    headers = {"authorization": f"Bearer {secret}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/api", headers=headers) as client:
        yield client
    end(process)


def error_of(answer: httpx.Response) -> dict[str, Any]:
    assert set(answer.json()) == {"error"} and set(answer.json()["error"]) == {"message", "type"}
    return answer.json()["error"]


@pytest.mark.parametrize("name", ["offset", "limit", "since_us", "until_us"])
@pytest.mark.parametrize("value", [str(10**30), LONG, f"-{LONG}", "1e400", "NaN", "\x00", "1.5", ""])
def test_odd_numbers_of_a_page_are_a_400(api: httpx.Client, name: str, value: str) -> None:
    found = [api.get(listing, params={name: value}) for listing in LISTINGS]
    assert {answer.status_code for answer in found} <= {400, 404, 405}
    assert [answer.status_code for answer in found].count(400) >= 4
    for answer in found:
        error_of(answer)


def test_the_largest_offset_is_an_empty_page(api: httpx.Client) -> None:
    assert api.get("keys", params={"offset": 10**12}).json() == {"rows": []}


@pytest.mark.parametrize("name", ["a\x07b", "a\x00", "a\nb", "a\x1b[2J", "a\u2028b", "a\x9bb"])
def test_names_with_control_characters_are_refused(api: httpx.Client, name: str) -> None:
    before = api.get("keys").json()
    for path, body in (
        ("keys", {"name": name}),
        ("keys", {"name": "app", "routes": [name]}),
        ("accounts", {"name": name, "role": "reviewer"}),
    ):
        answer = api.post(path, json=body)
        if path == "accounts" and name == "a\nb":
            continue  # blanks of any kind are one blank in a person's name
        assert answer.status_code == 400, body
        assert name not in error_of(answer)["message"]
    assert api.get("keys").json() == before


@pytest.mark.parametrize(
    ("section", "line"),
    [
        ("deployments", '"ba\\ese": {model: openai/base, base_url: "http://127.0.0.1:9/v1"}'),
        ("routes", '"support\\abot": {deployment: base}'),
        ("metrics", '"res\\0olved": {from: feedback, key: resolved, kind: boolean}'),
    ],
)
def test_a_project_with_such_a_name_is_refused_and_the_name_is_printed_safely(
    tmp_path: Path, section: str, line: str
) -> None:
    path = write_project(tmp_path)
    path.write_text(path.read_text().replace(f"{section}:\n", f"{section}:\n  {line}\n"))
    checked = in_process("check", path, cwd=tmp_path)
    said = checked.stderr + checked.stdout
    assert checked.returncode == 2
    assert f"{section}: the name '" in said or "can't be a name here" in said
    assert control_character(said.replace("\n", "")) is None
