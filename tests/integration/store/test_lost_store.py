"""A store that is lost, damaged or older: nothing that was stopped serves again until a person says so."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from fairtrial_cli.store_client.client import open_store
from tests.fixtures.services.forked_services import ForkedServices
from tests.fixtures.services.project_files import TEMPLATE, free_ports
from tests.fixtures.services.services_fixture import fairtrial
from tests.fixtures.store import client_reads
from tests.fixtures.store.kept_project import as_made, overwrite
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import until

STOPPED = ("killed", "paused", "ended", "undone", "manual", "again")
NAMES = (*STOPPED, "promoted", "running")
USERS = [f"user-{number}" for number in range(16)]
BOTH = {"base", "tuned"}
EXPERIMENT = """\
  {name}:
    question: Does the tuned model resolve more?
    unit: user
    control: base
    variants:
      base: {{deployment: base}}
      tuned: {{deployment: tuned}}
    split: {{base: 50, tuned: 50}}
    enroll: {{stages: [100], start: {start}}}
"""


def write_project(folder: Path, upstream: str) -> Path:
    gateway, control, dashboard = free_ports(3)
    text = TEMPLATE.format(upstream=upstream, gateway=gateway, control=control, dashboard=dashboard, workers=1)
    head, _, rest = text.partition("routes:\n")
    routes = "".join(f"  {name}: {{experiment: {name}}}\n" for name in NAMES)
    starts = {name: "manual" if name == "manual" else "now" for name in NAMES}
    experiments = "".join(EXPERIMENT.format(name=name, start=start) for name, start in starts.items())
    path = folder / "fairtrial.yaml"
    path.write_text(f"{head}routes:\n{routes}experiments:\n{experiments}gateway:{rest.partition('gateway:')[2]}")
    return path


def models(services: ForkedServices, name: str) -> set[str]:
    """The models that answer on one route."""
    answers = set()
    for user in USERS:
        asked = {"model": name, "messages": [{"role": "user", "content": "hi"}], "user": user}
        answer = httpx.post(f"{services.urls.api}/chat/completions", json=asked, trust_env=False)
        answers.add(str(answer.raise_for_status().json()["model"]))
    return answers


def change(folder: Path, action: str, name: str, *more: str) -> None:
    done = fairtrial(folder, "experiment", action, name, "--why", "a person", *more)
    assert done.returncode == 0, done.stdout + done.stderr


def sentences(folder: Path) -> dict[str, str]:
    states = json.loads(fairtrial(folder, "experiment", "list", "--json").stdout)
    rows = states if isinstance(states, list) else states["experiments"]
    return {row["name"]: row["sentence"] for row in rows}


@pytest.fixture(name="made", scope="module")
def made_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """A project with an experiment in each state and a backup from before, and a copy of it; nothing runs."""
    here = tmp_path_factory.mktemp("made")
    folder = here / "project"
    folder.mkdir()
    with FakeUpstream() as upstream:
        path = write_project(folder, upstream.url.removesuffix("/v1"))
        with ForkedServices(path, workers=1, dashboard=False) as services:
            change(folder, "promote", "undone", "--override")
            change(folder, "kill", "again")
            change(folder, "rearm", "again")
            until(lambda: models(services, "undone") == {"tuned"})
            until(lambda: models(services, "again") == BOTH)
            assert models(services, "running") == BOTH
            assert fairtrial(folder, "store", "backup", "backups/before").returncode == 0
            for action, name in (("kill", "killed"), ("pause", "paused"), ("end", "ended"), ("rollback", "undone")):
                change(folder, action, name)
            change(folder, "promote", "promoted", "--override")
            change(folder, "kill", "again")
            until(lambda: all(models(services, name) == {"base"} for name in STOPPED))
            assert models(services, "promoted") == {"tuned"}
            with open_store(services.project.layout) as owner:
                client_reads.ingest(owner)
        shutil.copytree(folder, here / "kept")
        yield folder, here / "kept"


@pytest.fixture(name="folder")
def folder_fixture(made: tuple[Path, Path]) -> Path:
    return as_made(made)


def command(folder: Path, *words: str) -> None:
    done = fairtrial(folder, *words)
    assert done.returncode == 0, done.stdout + done.stderr


def lost(folder: Path) -> None:
    (folder / "fairtrial.duckdb").unlink()
    advice = fairtrial(folder, "store", "info").stderr
    assert "the file is gone" in advice and "plan.json" not in advice.replace(str(folder), "").partition("rm ")[2]
    command(folder, "store", "new", "--why", "the disk failed")


def damaged(folder: Path) -> None:
    store = folder / "fairtrial.duckdb"
    overwrite(store)
    command(folder, "store", "new", "--why", "the disk failed")


def restored(folder: Path) -> None:
    command(folder, "store", "restore", "backups/before", "--force")


def copied(folder: Path) -> None:
    (backup,) = (folder / "backups" / "before").glob("*.duckdb")
    shutil.copyfile(backup, folder / "fairtrial.duckdb")


def moved_away(folder: Path) -> None:
    """By hand, with all that the store's owner wrote; only the journal is left."""
    (folder / "fairtrial.duckdb").unlink()
    for path in (folder / "fairtrial.duckdb.d").iterdir():
        if path.is_file() and path.name != "plan.json":
            path.unlink()


def is_served_as_before(folder: Path, *, with_plan: bool) -> None:
    with ForkedServices(folder / "fairtrial.yaml", workers=1, dashboard=False) as services:
        served = {name: models(services, name) for name in NAMES}
        assert {name: served[name] for name in STOPPED} == {name: {"base"} for name in STOPPED}
        texts = sentences(folder)
        assert "the store is older than " in texts["running" if not with_plan else "killed"]
        if with_plan:
            assert (served["promoted"], served["running"]) == ({"tuned"}, BOTH)
            change(folder, "rearm", "killed")
            change(folder, "rearm", "again")
            change(folder, "resume", "paused")
            until(lambda: models(services, "killed") == models(services, "paused") == BOTH)
            until(lambda: models(services, "again") == BOTH)
        else:
            assert served["running"] == {"base"}
            change(folder, "resume", "running")
            until(lambda: models(services, "running") == BOTH)
    with ForkedServices(folder / "fairtrial.yaml", workers=1, dashboard=False) as services:
        running = {"killed", "again", "paused", "running"} if with_plan else {"running"}
        served = {name: models(services, name) for name in (*STOPPED, "running")}
        assert {name for name, answers in served.items() if answers != {"base"}} == running


@pytest.mark.release("kills")
@pytest.mark.parametrize("with_plan", [True, False])
@pytest.mark.parametrize("loss", [lost, damaged, restored, copied, moved_away])
def test_nothing_that_was_stopped_serves(folder: Path, loss: Callable[[Path], None], with_plan: bool) -> None:
    if not with_plan:
        (folder / "fairtrial.duckdb.d" / "plan.json").unlink()
    loss(folder)
    is_served_as_before(folder, with_plan=with_plan)
