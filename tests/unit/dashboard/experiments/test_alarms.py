"""An alarm on a page says what became of its messages."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from tests.fixtures.waiting import PATIENCE

PAGE = """
from datetime import UTC, datetime
from types import SimpleNamespace

from dashboard.experiments.alarms import render_alarms
from fairtrial.api.alarms import AlarmRow

at = datetime(2027, 1, 15, 8, tzinfo=UTC)
row = AlarmRow(alarm_id="a-1", kind="store.older", experiment=None, at_time=at, state="open", text="It is older.",
    details="{}", changed_at=at, changed_by=None, delivery="refused",
    messages="mail: delivered; pager: refused (pager.example answered with status 410)")
render_alarms(SimpleNamespace(only_reads=True), [row])
"""


def test_an_open_alarm_shows_the_state_of_its_messages() -> None:
    page = AppTest.from_string(PAGE, default_timeout=PATIENCE).run()
    assert not page.exception
    shown = " ".join(caption.value for caption in page.caption).replace("\\", "")
    assert "mail: delivered; pager: refused" in shown and "status 410" in shown
