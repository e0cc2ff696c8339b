"""`fairtrial verdict export` writes a page or a folder, with or without control, and `verify` checks it anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from fairtrial.config.layout import Layout
from fairtrial.config.owner_lock import read_note
from fairtrial.html_pages import POLICY
from tests.fixtures.credentials import by_key
from tests.fixtures.services.gate_project import GATE, fairtrial, gate, record, write_gate_project
from tests.fixtures.services.project_files import free_ports
from tests.fixtures.store.maintenance_fixture import end, start_control


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a SHIP of the official gate."""
    folder = write_gate_project(tmp_path_factory.mktemp("exporting"))
    binds = zip(("gateway", "control", "dashboard"), free_ports(3), strict=True)
    with (folder / "fairtrial.yaml").open("a") as file:
        file.write("releases: {gate: gate.yaml}\n")
        file.writelines(f'{name}: {{bind: "127.0.0.1:{port}"}}\n' for name, port in binds)
    for target in ("base", "tuned"):
        record(folder, target, 150)
    done = gate(folder, "--json", "g.json")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def verdict_id(project: Path) -> str:
    return str(json.loads((project / "g.json").read_text())["verdict_id"])


@pytest.fixture
def control(project: Path) -> Iterator[str]:
    process = start_control(project, "store.duckdb")
    note = read_note(Layout(project / "store.duckdb"))
    assert note is not None and note.control_url is not None
    yield note.control_url
    end(process)


def exported(project: Path, verdict_id: str, *options: str) -> str:
    done = fairtrial(project, "verdict", "export", verdict_id, *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_file_is_checked_in_a_folder_without_a_project(project: Path, verdict_id: str, tmp_path: Path) -> None:
    page = tmp_path / "v.html"
    assert f"fairtrial verdict verify {page}" in exported(project, verdict_id[:8], "--to", str(page))
    done = fairtrial(tmp_path, "verdict", "verify", "v.html")
    assert done.returncode == 0, done.stderr
    assert f"SHIP: tuned against base, gate release, id {verdict_id}" in done.stdout
    assert "Head of the chain: 1 " in done.stdout
    content = page.read_bytes()
    at = content.index(b'id="fairtrial-evidence"') + 60
    page.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    changed = fairtrial(tmp_path, "verdict", "verify", "v.html", "--json")
    found = json.loads(changed.stdout)
    assert changed.returncode == 1 and found["intact"] is False
    assert "evidence" in found["problems"][0], found
    shown = fairtrial(tmp_path, "verdict", "verify", "v.html")
    assert "CHANGED" in shown.stdout and "Head" not in shown.stdout


def test_a_folder_has_every_part_as_a_file(project: Path, verdict_id: str, tmp_path: Path) -> None:
    exported(project, verdict_id, "--folder", str(tmp_path / "out"))
    assert fairtrial(tmp_path, "verdict", "verify", "out").returncode == 0
    assert (tmp_path / "out" / "gate.yaml").read_text() == GATE
    assert (tmp_path / "out" / "suites" / "small.json").is_file()
    (tmp_path / "out" / "gate.yaml").write_text(GATE + "\n")
    done = fairtrial(tmp_path, "verdict", "verify", "out")
    assert (done.returncode, "gate.yaml was changed" in done.stdout) == (1, True)
    again = fairtrial(project, "verdict", "export", verdict_id, "--folder", str(tmp_path / "out"))
    assert (again.returncode, "is not empty" in again.stderr) == (2, True)


def test_control_exports_the_same_verdict_while_it_owns_the_store(
    project: Path, verdict_id: str, tmp_path: Path, control: str
) -> None:
    for option, name in (("--to", "v.html"), ("--folder", "out")):
        exported(project, verdict_id, option, str(tmp_path / name))
        assert fairtrial(tmp_path, "verdict", "verify", name).returncode == 0
    answer = httpx.get(
        f"{control}/api/verdicts/{verdict_id[:8]}/export", headers=by_key(Layout(project / "store.duckdb"))
    )
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-security-policy"].startswith(POLICY)
    (tmp_path / "served.html").write_bytes(answer.content)
    assert fairtrial(tmp_path, "verdict", "verify", "served.html").returncode == 0
    stranger = httpx.get(f"{control}/api/verdicts/{verdict_id}/export")
    assert stranger.status_code == 401


def test_mistakes_are_named(project: Path, verdict_id: str, tmp_path: Path) -> None:
    both = fairtrial(project, "verdict", "export", verdict_id, "--to", "a.html", "--folder", "b")
    assert (both.returncode, "exclude each other" in both.stderr) == (2, True)
    nobody = fairtrial(project, "verdict", "export", "nobody")
    assert (nobody.returncode, "there is no verdict with the id 'nobody'" in nobody.stderr) == (2, True)
    place = tmp_path / "nowhere" / "v.html"
    assert "can't be written" in fairtrial(project, "verdict", "export", verdict_id, "--to", str(place)).stderr
