"""The page of an experiment shows how far it is, and the rates by tag."""

from streamlit.testing.v1 import AppTest

from tests.fixtures.waiting import PATIENCE


def page() -> None:
    from dashboard.experiments.decision import _progress, render_slices

    size = {"units": 900, "needed": 400, "power": 0.8, "waiting": 0}
    _progress({"variant": "tuned", "size": size}, "user")
    render_slices(None, "user")
    arm = {"variant": "tuned", "rate": 0.25, "units": 40, "low": 0.1, "high": 0.4}
    slices = [{"tag": "language", "value": "de", "arms": [arm], "unusual": True}]
    render_slices({"metric": "feedback.resolved", "rows": slices}, "user")


def test_more_units_than_needed_are_all_of_them_and_each_value_of_a_tag_has_its_row() -> None:
    app = AppTest.from_function(page, default_timeout=PATIENCE).run()
    assert not app.exception
    assert "900 of about 400 users (100 %)" in app.get("progress")[0].proto.text
    row = app.dataframe[0].value.to_dict("records")[0]
    assert (row["tag"], row["value"], row[""]) == ("language", "de", "unusual")
