"""The dashboard's first page on a real control plane: traffic, verdicts, and what it says when there are none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.components.formatting import plain
from fairtrial.config.layout import Layout
from fairtrial.domain.events import FeedbackEvent
from fairtrial.domain.verdicts.verdict import Finding, Verdict
from fairtrial.journal.writer import JournalWriter
from fairtrial_cli.store_client.client import open_store
from tests.fixtures.credentials import give_page_a_session, session
from tests.fixtures.dashboard.markup import drawn_tables
from tests.fixtures.dashboard.opened_page import words
from tests.fixtures.paths import ROOT
from tests.fixtures.services.forked_services import ForkedServices
from tests.fixtures.services.project_files import write_project
from tests.fixtures.store import client_reads
from tests.fixtures.store.stored_verdict import store_verdict
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE

APP = str(ROOT / "dashboard" / "app.py")
HOSTILE = "<script>alert(1)</script> ![x](http://example.invalid/beacon.png) **bold** $x^2$"

FINDING = Finding(rule="x.y >= 1", source="s", result="fail", says=HOSTILE)
HOSTILE_VERDICT = Verdict("v1", 1, "release", HOSTILE, "base", "BLOCK", HOSTILE, (FINDING,))


@pytest.fixture
def verdict() -> Verdict | None:
    """The verdict that the store has before the services start."""
    return None


@pytest.fixture
def services(tmp_path: Path, verdict: Verdict | None) -> Iterator[ForkedServices]:
    with FakeUpstream() as upstream:
        project = write_project(tmp_path, upstream=upstream.url.removesuffix("/v1"), workers=1)
        if verdict is not None:
            store_verdict(Layout(tmp_path / "fairtrial.duckdb"), verdict)
        with ForkedServices(project, workers=1, dashboard=False) as running:
            yield running


@pytest.fixture
def page(services: ForkedServices, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("FAIRTRIAL_CONTROL_URL", services.urls.control)
    give_page_a_session(monkeypatch, session(services.project.layout, services.urls.control))
    return AppTest.from_file(APP, default_timeout=PATIENCE)


def test_an_empty_store_says_what_to_do_next(page: AppTest) -> None:
    page.run()
    assert not page.exception
    assert "0 need you, 1 runs by itself, 0 are over." in words(page)
    assert [row["name"] for row in drawn_tables(page)[0]] == ["Runs by itself (1)", "tuned-vs-base"]
    assert "releases: {gate: release.gate.yaml}" in words(page)
    assert "Gateway ready" in words(page) and "0 requests stored" in words(page)
    assert not [part.value for part in page.main.children.values() if part.type == "markdown"], "text above the title"


@pytest.mark.parametrize("verdict", [HOSTILE_VERDICT])
def test_traffic_and_verdicts_are_shown_and_markup_is_harmless(services: ForkedServices, page: AppTest) -> None:
    with openai.OpenAI(base_url=services.urls.api, api_key="any") as client:
        for number in range(12):
            messages = [{"role": "user", "content": "hello"}]
            client.chat.completions.create(model="support-bot", user=f"u{number}", messages=messages)  # type: ignore[arg-type]
    with open_store(services.project.layout) as owner:
        client_reads.ingest(owner)
    page.run()
    assert not page.exception
    assert "12 requests stored" in words(page)
    shown = [str(part.value) for part in page.markdown if "script" in str(part.value)]
    assert shown == [f"**{plain(HOSTILE)}**, unofficial gate release", f"Unofficial {plain(HOSTILE)}"]
    assert "<script>" not in "".join(shown)


def test_whoever_has_no_session_sees_where_the_link_is_and_nothing_else(
    services: ForkedServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dashboard has no rights of its own, on the machine of control or elsewhere."""
    monkeypatch.setenv("FAIRTRIAL_CONTROL_URL", services.urls.control)
    page = AppTest.from_file(APP, default_timeout=PATIENCE).run()
    assert not page.exception
    assert [title.value for title in page.title] == ["Sign in"]
    assert "fairtrial up" in words(page) and "fairtrial dashboard --link" in words(page)
    assert not drawn_tables(page)


def test_without_control_the_page_says_so_and_that_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRTRIAL_CONTROL_URL", "http://127.0.0.1:9")
    page = AppTest.from_file(APP, default_timeout=PATIENCE).run()
    assert not page.exception
    assert "does not answer" in words(page)
    assert os.environ["FAIRTRIAL_CONTROL_URL"] in words(page)


def test_what_could_not_be_recorded_is_an_alarm_on_the_first_page(services: ForkedServices, page: AppTest) -> None:
    writer = JournalWriter(services.project.layout.journal, writer="w")
    # by hand: an event that can't be encoded
    writer.append(FeedbackEvent(feedback_id="f", at_us=1, key="k", comment=object()))  # type: ignore[arg-type]
    writer.close()
    page.run()
    assert not page.exception
    assert "1 event could not be recorded" in words(page)
