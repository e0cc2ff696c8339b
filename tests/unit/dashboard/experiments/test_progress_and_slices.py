"""The page of an experiment shows how far it is, and the rates by tag."""

from streamlit.testing.v1 import AppTest

from tests.fixtures.waiting import PATIENCE


def page() -> None:
    from dashboard.experiments.decision import _progress, render_slices
    from fairtrial.api.experiment_answers import SliceArm, SliceFinding, Slices
    from fairtrial.domain.estimates import Forecast
    from tests.fixtures.experiments.shown_decision import shown_primary

    _progress(shown_primary(size=Forecast(900, 400, 0, None, 0.8)), "user")
    render_slices(None, "user")
    arm = SliceArm("tuned", 90, 40, 0.25, 0.1, 0.4)
    render_slices(Slices("feedback.resolved", (SliceFinding("language", "de", (arm,), True),)), "user")


def test_more_units_than_needed_are_no_share_of_them_and_each_value_of_a_tag_has_its_row() -> None:
    app = AppTest.from_function(page, default_timeout=PATIENCE).run()
    assert not app.exception
    assert (
        "tuned: 900 users; about 400 show the planned effect with a probability of 80 %"
        in app.get("progress")[0].proto.text
    )
    row = app.dataframe[0].value.to_dict("records")[0]
    assert (row["tag"], row["value"], row[""]) == ("language", "de", "unusual")
