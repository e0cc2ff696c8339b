"""Charts: axes say what they show and in which unit; nothing is told by colour alone."""

from __future__ import annotations

from typing import Any

from dashboard.components import charts

POINT = {"variant": "a:b[0]", "at": "2027-01-15T08:00:00Z", "requests": 3, "share": 0.5, "ms": 120.0}
RATE = {"variant": "base", "rate": 0.5, "low": 0.4, "high": 0.6, "n": 90}
GAP = {"name": "x", "value": -1.0, "low": -2.0, "high": 0.5, "limit": -3.0, "answer": "pass", "n": 40}


def titles(spec: Any) -> set[str]:
    """Every title of an axis in a chart."""
    if isinstance(spec, list):
        return set().union(*map(titles, spec)) if spec else set()
    if not isinstance(spec, dict):
        return set()
    here = {spec[axis]["title"] for axis in ("x", "y") if isinstance(spec.get(axis), dict) and spec[axis].get("title")}
    return here.union(*(titles(value) for value in spec.values()))


def test_axes_are_labelled_with_their_units() -> None:
    lines = charts.over_time([POINT], ["a:b[0]"], value="requests", title="requests per 3 h").to_dict()
    assert titles(lines) == {"time (UTC)", "requests per 3 h"}
    assert titles(charts.latencies([POINT], ["a:b[0]"]).to_dict()) == {
        "latency (ms, logarithmic)",
        "answered within",
    }
    assert "share of yes" in titles(charts.rates([RATE], title="share of yes").to_dict())
    gaps = charts.intervals([GAP], title="difference in points", zero=True, answers={"pass": "circle"})
    assert titles(gaps.to_dict()) == {"difference in points"}


def test_time_is_read_as_utc_wherever_the_reader_is() -> None:
    spec = charts.over_time([POINT], ["a:b[0]"], value="requests", title="t").to_dict()
    assert spec["encoding"]["x"]["scale"]["type"] == "utc"


def test_variants_differ_in_dash_or_shape_as_well_as_in_colour() -> None:
    spec = charts.over_time([POINT], ["a", "b", "c"], value="requests", title="t").to_dict()
    dashes = spec["encoding"]["strokeDash"]["scale"]["range"]
    assert len({tuple(dash) for dash in dashes}) == 3
    rates = charts.rates([RATE, {**RATE, "variant": "tuned"}], title="t").to_dict()
    assert len(set(rates["layer"][1]["encoding"]["shape"]["scale"]["range"])) == 2


def test_a_difference_has_a_line_at_zero_and_its_limit_and_a_level_has_no_zero_line() -> None:
    both = (
        charts.intervals([GAP], title="t", zero=zero, answers={"pass": "circle"}).to_dict() for zero in (True, False)
    )
    with_zero, without = ([layer["mark"]["type"] for layer in spec["layer"]] for spec in both)
    assert with_zero == ["rule", "rule", "tick", "point"]
    assert without == ["rule", "tick", "point"]


def test_an_effect_has_its_interval_its_boundary_and_the_look_of_its_variant_elsewhere() -> None:
    looks = [{"at": POINT["at"], "variant": "tuned", "value": 2.0, "low": -1.0, "high": 5.0, "units": 60}]
    spec = charts.effect(
        looks, ["base", "tuned"], boundary=(0.0, "no difference"), title="difference from base"
    ).to_dict()
    assert [layer["mark"]["type"] for layer in spec["layer"]] == ["area", "line", "line", "line", "rule", "text"]
    area, line = spec["layer"][0]["encoding"], spec["layer"][3]["encoding"]
    assert (area["y"]["field"], area["y2"]["field"], line["y"]["field"]) == ("low", "high", "value")
    assert line["color"]["scale"]["domain"] == line["strokeDash"]["scale"]["domain"] == ["base", "tuned"]
    assert line["color"]["legend"]["values"] == ["tuned"]
    assert titles(spec) >= {"time (UTC)", "difference from base"}
    without = charts.effect(looks, ["base", "tuned"], boundary=None, title="t").to_dict()
    assert [layer["mark"]["type"] for layer in without["layer"]][-1] == "line"
    assert charts.LEGEND.to_dict().get("values") is None
