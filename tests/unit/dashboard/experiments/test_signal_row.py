"""A variant's signals name the number of answers behind each rate, and an unknown rate is not 0."""

from __future__ import annotations

from dashboard.experiments.traffic import signal_row
from fairtrial.api.experiment_traffic import LiveRate, LiveSignals

ROW = LiveSignals(
    "base",
    answered=1200,
    sampled=200,
    refusals=LiveRate(0.05, 1180),
    format_valid=LiveRate(None, 0),
    tokens=LiveRate(212.4, 1200),
    language_switch=LiveRate(0.0, 180),
)


def test_each_rate_has_its_denominator_and_an_unknown_one_is_not_measured() -> None:
    assert signal_row(ROW, "base") == {
        "variant": "base (control)",
        "recorded answers": "1,200",
        "refusals": "5.0 % of 1,180",
        "valid format": "not measured",
        "mean tokens out": "212 over 1,200 answers",
        "language switches": "0.0 % of 180",
    }
