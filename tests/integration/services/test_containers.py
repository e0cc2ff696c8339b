"""The compose file's services, each with its exact command in a container of its own: they find each other and work."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.containers.container_room import Container, Recipe, room_refused
from tests.fixtures.containers.container_stack import (
    FIRST_KEY,
    INVITATION,
    PUBLISHED,
    SERVICES,
    Stack,
    stack_in,
)
from tests.fixtures.paths import ROOT
from tests.fixtures.services.clean_environment import MODELS, RUNTIME, build_wheel, make_environment
from tests.fixtures.waiting import PATIENCE, until

pytestmark = [
    pytest.mark.release("containers"),
    pytest.mark.skipif(room_refused() is not None, reason=f"no namespaces here: {room_refused()}"),
]
BROWSER = ROOT / "tests/fixtures/containers/container_browser.py"
CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("image")
    return make_environment(folder / "fairtrial", build_wheel(folder), RUNTIME, MODELS)


@pytest.fixture
def stack(tmp_path: Path, programs: Path) -> Iterator[Stack]:
    with stack_in(tmp_path, programs) as made:
        yield made


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory, programs: Path) -> Iterator[Stack]:
    """A stack for several tests, whose services have started."""
    with stack_in(tmp_path_factory.mktemp("started"), programs) as made:
        made.up("control", "gateway", "dashboard")
        yield made


def test_a_gateway_says_that_it_waits_for_a_plan_and_serves_when_control_has_come(stack: Stack) -> None:
    gateway = stack.room.start(stack.recipe("gateway"))
    until(lambda: gateway.process.poll() is not None or "waiting for a configuration" in gateway.said(), gateway.said)
    assert gateway.process.poll() is None, gateway.said()
    check = gateway.run(SERVICES["gateway"]["healthcheck"]["test"][1:])
    assert check.returncode == 1
    assert "503" in check.stderr
    stack.up("control")
    until(lambda: stack.healthy("gateway"), gateway.said)


@pytest.mark.models
def test_applications_are_served_by_real_models_and_the_store_has_what_they_did(stack: Stack) -> None:
    stack.up("control", "gateway", "dashboard", "models")
    key = stack.fairtrial("control", "keys", "create", "app").strip()
    assert stack.ask(key, 6) == {"answers": 6, "stranger": "refused"}
    rows = stack.rows("gateway")  # from any container that has the volume, through the owner in another
    assert (rows["requests"], rows["feedback"]) == (6, 5)
    stack.fairtrial("control", "store", "backup", "/data/monday")
    assert (stack.store / "monday").is_dir()
    asked = ["eval", suite(stack), "--on", "base", "--limit", "2", "--json"]
    assert json.loads(stack.fairtrial("control", *asked))  # through the gateway, by its name
    stack["control"].kill()
    assert stack.ask(key, 3)["answers"] == 3  # traffic goes on without it
    stack.up("control")
    assert stack.rows()["requests"] == 6 + 3 + 2
    for name in ("dashboard", "gateway", "control", "models"):
        assert stack[name].stop() == 0, stack[name].said()


def suite(stack: Stack) -> str:
    """The place of a suite that ships with the product, as the image has it."""
    python = "from fairtrial.config.layout import bundled_data; print(bundled_data('suites/general/forty.yaml'))"
    return stack["control"].run(["python", "-c", python]).stdout.strip()


def test_the_first_start_prints_a_key_and_an_invitation_that_work_and_a_later_one_prints_none(stack: Stack) -> None:
    stack.up("control")
    (key,) = FIRST_KEY.findall(stack["control"].said())
    ((link, token),) = INVITATION.findall(stack["control"].said())
    control = f"http://{PUBLISHED['control'].rsplit(':', 1)[0]}"
    assert stack.room.run(["curl", "-sf", f"{control}/api/keys"]).returncode != 0
    assert stack.room.run(["curl", "-sf", "-H", f"Authorization: Bearer {key}", f"{control}/api/keys"]).returncode == 0
    assert "You are invited as admin" in stack.room.run(["curl", "-s", link]).stdout
    assert stack["control"].stop() == 0
    stack.up("control")
    said = stack["control"].said()
    assert (said.count(key), said.count(token), said.count("first key"), said.count("invitation ")) == (1, 1, 1, 1)
    kept = [path.read_bytes() for path in stack.store.rglob("*") if path.is_file()]
    assert kept
    assert not any(key.encode() in each or token.encode() in each for each in kept)


def test_one_owner_at_a_time_holds_between_containers(stack: Stack) -> None:
    stack.up("control")
    first = stack.recipe("control")
    environ = {**first.environ, "FAIRTRIAL_CONTROL_URL": "http://second:8081"}
    second = Recipe("second", first.command, environ, first.directory, first.user, first.binds)
    refused = stack.room.start(second)
    assert refused.process.wait(PATIENCE) == 2
    assert "owns this store" in refused.said()
    stack["control"].kill()
    stack.room.start(second)
    health = SERVICES["control"]["healthcheck"]["test"][1:]
    until(lambda: stack["second"].run(health).returncode == 0, stack["second"].said)
    assert stack.fairtrial("second", "store", "info")


def test_a_service_runs_as_nobody_in_particular_and_can_write_nothing_but_its_volume(started: Stack) -> None:
    control = started["control"]
    assert control.run(["touch", "/data/new"]).returncode == 0
    for place in ("/new", "/etc/fairtrial/new", "/opt/fairtrial/new"):
        assert "Read-only" in control.run(["touch", place]).stderr
    status = control.run(["cat", "/proc/1/status"]).stdout
    assert re.search(r"^NoNewPrivs:\s1$", status, re.MULTILINE)
    assert re.search(r"^CapBnd:\s0+$", status, re.MULTILINE)
    if os.geteuid() == 0:
        assert re.search(r"^Uid:\s10001\s", status, re.MULTILINE)


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_the_printed_invitation_leads_a_browser_to_the_dashboard(started: Stack) -> None:
    ((link, _),) = INVITATION.findall(started["control"].said())
    done = started.room.run([sys.executable, str(BROWSER), link, str(CHROMIUM)], timeout=2 * PATIENCE)
    assert done.returncode == 0, done.stderr
    where, text = done.stdout.split("\n", 1)
    assert where.startswith(f"http://{PUBLISHED['dashboard'].rsplit(':', 1)[0]}/")
    assert "Signed in as Rosa (admin)" in text
    assert "does not respond" not in text
    assert "external IP" not in started["dashboard"].said()  # nobody outside was asked


def test_a_dead_worker_is_replaced_and_leaves_nothing_behind(started: Stack) -> None:
    before = workers(started["gateway"])
    killed = min(before, key=int)
    started["gateway"].run(["kill", "-9", killed])
    until(lambda: killed not in (now := workers(started["gateway"])) and len(now) == len(before))
    until(lambda: ") Z " not in started["gateway"].run(["sh", "-c", "cat /proc/[0-9]*/stat"]).stdout)
    assert started["gateway"].stop() == 0


def workers(container: Container) -> set[str]:
    """The numbers of the gateway's workers, as the container counts."""
    # The brackets keep the pattern from matching the command line of the search itself.
    listed = container.run(["sh", "-c", "grep -lz '[g]ateway.proxy.worker' /proc/[0-9]*/cmdline"]).stdout
    return {line.split("/")[2] for line in listed.splitlines()}
