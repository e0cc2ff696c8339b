"""The page of an experiment shows how far it is, and who gets worse."""

from streamlit.testing.v1 import AppTest

from tests.fixtures.dashboard.markup import drawn_rows
from tests.fixtures.waiting import PATIENCE


def page() -> None:
    from dashboard.experiments.decision import _progress
    from dashboard.experiments.slices import render_slices
    from fairtrial.api.experiment_answers import ShownSlice, Slices
    from fairtrial.domain.decision.arms import Arm
    from fairtrial.domain.decision.slices import SliceFinding
    from fairtrial.domain.estimates import Forecast
    from tests.fixtures.experiments.shown_decision import shown_primary

    _progress(shown_primary(size=Forecast(900, 400, 0, None, 0.8)), "user")
    render_slices(None)
    rows = [
        ShownSlice(
            SliceFinding(
                tag="language",
                value=value,
                metric="feedback.resolved",
                control=Arm("base", 0.6, 420),
                treatment=Arm("tuned", 0.4, 1400),
                difference=None,
                worse=value == "de",
            ),
            f"language = {value}",
            "40 % against 60 %",
            "no interval yet",
        )
        for value in ("<b>en</b>", "de")
    ]
    render_slices(Slices("Worse in 1 of 2 slices by tag.", tuple(rows)))


def test_more_units_than_needed_are_no_share_of_them_and_each_value_of_a_tag_has_its_row() -> None:
    app = AppTest.from_function(page, default_timeout=PATIENCE).run()
    assert not app.exception
    assert (
        "tuned: 900 users; about 400 show the planned effect with a probability of 80 %"
        in app.get("progress")[0].proto.text
    )
    _, worse, other = drawn_rows(app)
    assert (worse[0], worse[-1]) == ("▼ language = de, worse", "1,400 / 420")
    assert other[0] == "language = <b>en</b>"
    assert "Worse in 1 of 2 slices by tag\\." in [text.value for text in app.markdown]
