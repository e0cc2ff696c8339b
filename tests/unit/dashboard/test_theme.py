"""The theme's file: every pair of colours that carries text has the contrast that people need, light and dark."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from tests.fixtures.paths import ROOT

FOLDER = ROOT / "dashboard"
CONFIG: dict[str, Any] = tomllib.loads((FOLDER / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
TEXT = 4.5
"""WCAG 2.2, AA: text; figures of a chart need 3."""
FIGURE = 3.0
HUES = ("green", "orange", "red", "violet", "blue", "gray", "yellow")


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = [
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4 for channel in channels
    ]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(colour: str, background: str) -> float:
    dark, light = sorted((luminance(colour), luminance(background)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_on_everything_that_it_stands_on(scheme: str) -> None:
    theme = CONFIG["theme"][scheme]
    grounds = [theme["backgroundColor"], theme["secondaryBackgroundColor"], theme["sidebar"]["backgroundColor"]]
    for ground in grounds:
        assert contrast(theme["textColor"], ground) >= TEXT
        assert contrast(theme["linkColor"], ground) >= TEXT
    assert contrast(theme["dataframeHeaderTextColor"], theme["dataframeHeaderBackgroundColor"]) >= TEXT
    for hue in HUES:
        assert contrast(theme[f"{hue}TextColor"], theme[f"{hue}BackgroundColor"]) >= TEXT, hue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_colours_of_charts_stand_out_and_differ_from_each_other_in_more_than_hue(scheme: str) -> None:
    theme = CONFIG["theme"][scheme]
    colours = theme["chartCategoricalColors"]
    assert len(set(colours)) == 5
    for colour in colours:
        assert contrast(colour, theme["backgroundColor"]) >= FIGURE, colour


def test_streamlits_own_export_is_off_because_it_would_not_defuse_formulas() -> None:
    assert CONFIG["client"]["disableDataExport"] is True
    assert CONFIG["client"]["toolbarMode"] == "minimal"
    assert CONFIG["browser"]["gatherUsageStats"] is False


def test_the_drawings_are_ours_and_fetch_nothing() -> None:
    for file in (FOLDER / "logo.svg", FOLDER / "icon.svg"):
        text = file.read_text(encoding="utf-8")
        assert "href" not in text
        assert "url(" not in text
        assert "<script" not in text
