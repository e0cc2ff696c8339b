"""A kill is decided by control if it answers, and becomes a file if it fails, is unreachable or must not be asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fairtrial.api.experiment_answers import ExperimentStatus
from fairtrial.config.layout import Layout
from fairtrial.config.owner_lock import OwnerLock, local_actor
from fairtrial.config.plan.live_state import read_kill, standing_kills
from fairtrial.config.plan.published import publish
from fairtrial.domain.errors import UsageError
from fairtrial.domain.plan import Published
from fairtrial.domain.settings import ExperimentState
from fairtrial_cli.emergency_kill import kill_experiment, unrecorded_kills
from tests.fixtures.gateway.gateway_fixture import EXPERIMENT, plan_for

UNREACHABLE = "http://127.0.0.1:9"
KILLED = ExperimentStatus(name=EXPERIMENT, state="killed", segment=1, sentence="STOPPED.")


@pytest.fixture(name="layout")
def layout_fixture(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "fairtrial.duckdb").make()
    serve(layout, "running")
    return layout


def serve(layout: Layout, state: ExperimentState, **changes: Any) -> None:
    plan = plan_for(UNREACHABLE, experiment={"state": state, **changes})
    publish(layout.plan, Published(plan, "open", (), "pepper"))


def kill(layout: Layout, name: str = EXPERIMENT, *, emergency: bool = False) -> ExperimentStatus:
    return kill_experiment(layout, layout.store.with_name("fairtrial.yaml"), name, "a test", emergency=emergency)


@contextmanager
def control_at(layout: Layout, url: str) -> Iterator[None]:
    """A program that owns the store and says that it answers there."""
    lock = OwnerLock.take(layout)
    lock.announce(control_url=url)
    try:
        yield
    finally:
        lock.release()


@contextmanager
def control_that_answers(layout: Layout, status: int, body: bytes) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with control_at(layout, f"http://127.0.0.1:{server.server_port}"):
                yield
        finally:
            server.shutdown()
            thread.join()


def test_an_unreachable_control_is_replaced_by_a_file(layout: Layout) -> None:
    with control_at(layout, UNREACHABLE):
        state = kill(layout)
    (path,) = standing_kills(layout.folder)
    written = read_kill(path)
    assert (written.experiment, written.actor, written.why) == (EXPERIMENT, local_actor(), "a test")
    assert state.cause.startswith("Control did not complete it: ") and "does not answer" in state.cause
    assert state.file == str(path) in state.notes[0]
    assert list(unrecorded_kills(layout)) == [f"{EXPERIMENT}: {state.sentence}"]


@pytest.mark.parametrize("status", [500, 503])
def test_a_control_that_fails_is_replaced_by_a_file(layout: Layout, status: int) -> None:
    with control_that_answers(layout, status, b'{"error": {"message": "the disk is full"}}'):
        assert kill(layout).cause == "Control did not complete it: the disk is full."
    assert len(standing_kills(layout.folder)) == 1


@pytest.mark.parametrize("body", [b'{"name": "x"}', b"<html>"])
def test_a_kill_whose_answer_cannot_be_read_is_written_to_a_file_too(layout: Layout, body: bytes) -> None:
    with control_that_answers(layout, 200, body):
        cause = kill(layout).cause
    assert cause is not None and cause.startswith("Control answered, but ") and "can't be read" in cause
    assert len(standing_kills(layout.folder)) == 1


def test_what_control_refuses_stays_refused(layout: Layout) -> None:
    refusal = b'{"error": {"message": "can\'t kill an experiment that is killed"}}'
    with control_that_answers(layout, 409, refusal), pytest.raises(UsageError, match="that is killed"):
        kill(layout)
    assert standing_kills(layout.folder) == []


def test_control_that_answers_does_it_alone(layout: Layout) -> None:
    with control_that_answers(layout, 200, msgspec.json.encode(KILLED)):
        assert kill(layout) == KILLED
    assert standing_kills(layout.folder) == []


def test_a_store_that_another_program_has_open_does_not_delay_the_file(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fairtrial_cli.store_client.client.WAIT_SECONDS", 0.0)
    lock = OwnerLock.take(layout)
    try:
        assert "owns this store" in kill(layout).cause
    finally:
        lock.release()
    assert len(standing_kills(layout.folder)) == 1


def test_a_typing_error_stops_nothing(layout: Layout) -> None:
    for name in ("tuned-vs-bass", "../plan"):
        with pytest.raises(UsageError, match="there is no experiment"):
            kill(layout, name, emergency=True)
    assert standing_kills(layout.folder) == []


def test_each_file_that_stops_nothing_is_named_with_its_reason(layout: Layout) -> None:
    for name in (f"kill.{EXPERIMENT}.json", "kill.tuned vs base.json", "kill.tuned-vs-bass.json", "kill.reserve"):
        (layout.folder / name).touch()
    (layout.folder / "kill.base.json").mkdir()
    (layout.folder / f"kill.{EXPERIMENT}@0a.json").symlink_to("nowhere")
    stopped, *unusable = unrecorded_kills(layout)
    assert stopped.startswith(f"{EXPERIMENT}: STOPPED")
    assert [line.partition(" (")[2].rstrip(")") for line in unusable] == [
        "there is no experiment 'base'; known: tuned-vs-base",
        "a kill file is named kill.EXPERIMENT.json",
        "a kill file is a regular file",
        "there is no experiment 'tuned-vs-bass'; did you mean 'tuned-vs-base'?",
    ]


def test_an_ended_experiment_is_refused_and_a_killed_one_is_not_because_a_re_arm_may_wait(layout: Layout) -> None:
    serve(layout, "ended", serves="tuned")
    with pytest.raises(UsageError, match=r"is ended \(possible: rollback"):
        kill(layout, emergency=True)
    serve(layout, "killed")
    kill(layout, emergency=True)
    assert len(standing_kills(layout.folder)) == 1


def test_an_unreadable_plan_does_not_prevent_a_kill(layout: Layout) -> None:
    layout.plan.write_text("no plan")
    state = kill(layout, emergency=True)
    assert state.notes[-1] == "The published configuration can't be read, so check the name of the experiment."
    assert len(standing_kills(layout.folder)) == 1
    with pytest.raises(UsageError, match="can't be the name of an experiment"):
        kill(layout, "../plan", emergency=True)
