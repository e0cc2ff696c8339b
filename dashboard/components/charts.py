"""Makes charts in which a variant keeps its colour, dash and shape."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

Rows = Sequence[Mapping[str, Any]]
Chart = Any
"""Altair's types do not express which chart a chain of calls returns."""
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 4])
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross")
TIME = alt.Axis(format="%d %b %H:%M", labelOverlap=True, tickCount=8)
ROW = 34
QUIET = "#8290a0"
LIMIT = "#d1622b"
"""Both are visible on light and dark backgrounds."""
LEGEND = alt.Legend(title=None, orient="top", symbolType="stroke", symbolStrokeWidth=3, offset=4)
EMPTY_AXIS = {True: 0.05, False: 10}
"""The axis maximum of a share (True) or a count (False) if every value is 0."""


def rates(rows: Rows, *, title: str) -> Chart:
    """A share with its plain interval for each variant. Rows have ``variant``, ``rate``, ``low``, ``high``, ``n``."""
    variants = [str(row["variant"]) for row in rows]
    base = alt.Chart(_data(rows)).encode(
        y=alt.Y("variant:N", title=None, sort=None, axis=alt.Axis(labelFlush=False, labelPadding=8)),
        color=_colour(variants, None),
    )
    axis = alt.X("low:Q", title=title, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%", tickCount=6))
    tips = ["variant:N", alt.Tooltip("rate:Q", format=".1%"), alt.Tooltip("n:Q", title="ratings")]
    bars = base.mark_rule(strokeWidth=3).encode(x=axis, x2="high:Q", tooltip=tips)
    points = base.mark_point(size=120, filled=True, opacity=1).encode(
        x=alt.X("rate:Q"), tooltip=tips, shape=_shape(variants)
    )
    return alt.layer(bars, points).properties(height=ROW * len(rows) + 80)


def over_time(rows: Rows, variants: Sequence[str], *, value: str, title: str, form: str = ",.0f") -> Chart:
    """One line per variant. Rows have ``at`` (ISO, UTC), ``variant`` and ``value``, which may be ``None``."""
    flat = not any(row[value] for row in rows)
    reach = alt.Scale(domain=[0, EMPTY_AXIS[form.endswith("%")]]) if flat else alt.Scale(zero=True)
    return (
        alt.Chart(_data(rows))
        .mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=26, filled=True))
        .encode(
            x=alt.X("at:T", title="time (UTC)", axis=TIME, scale=alt.Scale(type="utc")),
            y=alt.Y(f"{value}:Q", title=title, axis=alt.Axis(format=form, tickCount=5), scale=reach),
            color=_colour(variants, LEGEND),
            strokeDash=alt.StrokeDash("variant:N", legend=None, sort=list(variants), scale=_scale(variants, DASHES)),
            tooltip=[
                alt.Tooltip("at:T", title="from", format="%d %b %Y %H:%M"),
                "variant:N",
                alt.Tooltip(f"{value}:Q", title=title, format=form),
            ],
        )
        .properties(height=280)
    )


def effect(rows: Rows, variants: Sequence[str], *, boundary: tuple[float, str] | None, title: str) -> Chart:
    """The effect of each treatment with its interval at each look, and the named boundary beyond which it is decided.

    ``variants`` include the control, which comes first, so that each treatment looks as in the other charts. Rows have
    ``at`` (ISO, UTC), ``variant``, ``value``, ``low``, ``high`` and ``units``.
    """
    legend = LEGEND.copy(deep=True)
    legend.values, legend.symbolOpacity = list(variants[1:]), 1
    base = alt.Chart(_data(rows)).encode(
        x=alt.X("at:T", title="time (UTC)", axis=TIME, scale=alt.Scale(type="utc")), color=_colour(variants, legend)
    )
    tips = [
        alt.Tooltip("at:T", title="look", format="%d %b %Y %H:%M"),
        "variant:N",
        *(alt.Tooltip(f"{name}:Q", format="+.2f") for name in ("value", "low", "high")),
        alt.Tooltip("units:Q", format=",.0f"),
    ]
    y = alt.Y("low:Q", title=title, scale=alt.Scale(zero=True, nice=True), axis=alt.Axis(tickCount=6))
    band = base.mark_area(opacity=0.18).encode(y=y, y2="high:Q", tooltip=tips)
    edges = [base.mark_line(strokeWidth=1, opacity=0.7).encode(y=f"{end}:Q") for end in ("low", "high")]
    dash = alt.StrokeDash("variant:N", legend=None, sort=list(variants), scale=_scale(variants, DASHES))
    points = alt.OverlayMarkDef(size=22, filled=True)
    line = base.mark_line(strokeWidth=2.5, point=points).encode(y="value:Q", strokeDash=dash, tooltip=tips)
    layers: list[Any] = [band, *edges, line]
    if boundary is not None:
        where = alt.Chart(_data([{"limit": boundary[0], "name": boundary[1]}])).encode(y="limit:Q")
        layers.append(where.mark_rule(strokeWidth=2.5, color=QUIET))
        words = where.mark_text(align="left", baseline="top", dx=4, dy=4, color=QUIET, fontWeight="bold")
        layers.append(words.encode(x=alt.value(0), text="name:N"))
    return alt.layer(*layers).properties(height=300)


def latencies(rows: Rows, variants: Sequence[str]) -> Chart:
    """The share of requests answered within a time, by variant. Rows have ``variant``, ``share``, ``ms``."""
    return (
        alt.Chart(_data(rows))
        .mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=30, filled=True))
        .encode(
            x=alt.X("ms:Q", title="latency (ms, logarithmic)", scale=alt.Scale(type="log", nice=False, padding=8)),
            y=alt.Y("share:Q", title="answered within", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])),
            color=_colour(variants, LEGEND),
            strokeDash=alt.StrokeDash("variant:N", legend=None, sort=list(variants), scale=_scale(variants, DASHES)),
            order="share:Q",
            tooltip=["variant:N", alt.Tooltip("share:Q", format=".0%"), alt.Tooltip("ms:Q", format=",.0f")],
        )
        .properties(height=280)
    )


def intervals(
    rows: Rows, *, title: str, zero: bool, answers: Mapping[str, str], within: Sequence[float] | None = None
) -> Chart:
    """Intervals, each with its limit as a tick, and a line at zero for differences.

    Rows have ``name``, ``value``, ``low``, ``high``, ``limit`` (or ``None``), ``answer``, ``n``. ``answers`` gives the
    shape of each answer, so that none is shown by colour alone. ``within`` is the range of the scale.
    """
    names = [name for name in answers if any(row["answer"] == name for row in rows)]
    axis = alt.Y(
        "name:N",
        title=None,
        sort=None,
        axis=alt.Axis(labelLimit=330, labelPadding=8, ticks=False, labelFlush=False, labelOverlap=False),
    )
    base = alt.Chart(_data(rows)).encode(y=axis)
    scale = alt.Scale(domain=names, range=[answers[name] for name in names])
    x = alt.X("low:Q", title=title, scale=_reach(zero, within))
    tips = [
        alt.Tooltip("name:N", title="finding"),
        *(alt.Tooltip(f"{name}:Q", format=".2f") for name in ("value", "low", "high", "limit")),
        alt.Tooltip("n:Q"),
        "answer:N",
    ]
    bars = base.mark_rule(strokeWidth=3, color=QUIET).encode(x=x, x2="high:Q", tooltip=tips)
    legend = alt.Legend(title=None, orient="top", symbolFillColor=QUIET)
    points = base.mark_point(size=130, filled=True, opacity=1).encode(
        x="value:Q", shape=alt.Shape("answer:N", scale=scale, legend=legend), tooltip=tips
    )
    limits = base.transform_filter("isValid(datum.limit)").mark_tick(thickness=3, size=24, color=LIMIT, opacity=1)
    layers: list[Any] = [bars, limits.encode(x="limit:Q", tooltip=tips), points]
    if zero:
        line = alt.Chart(_data([{"at": 0}])).mark_rule(strokeDash=[4, 4], color=QUIET).encode(x="at:Q")
        layers.insert(0, line)
    return alt.layer(*layers).properties(height=ROW * len(rows) + 120)


def _reach(zero: bool, within: Sequence[float] | None) -> alt.Scale:
    return alt.Scale(zero=zero, nice=True, padding=12) if within is None else alt.Scale(domain=list(within))


def _data(rows: Rows) -> Any:
    return alt.InlineData(values=[dict(row) for row in rows])


def _scale(variants: Sequence[str], values: Sequence[Any]) -> alt.Scale:
    return alt.Scale(domain=list(variants), range=[values[at % len(values)] for at in range(len(variants))])


def _colour(variants: Sequence[str], legend: alt.Legend | None) -> alt.Color:
    return alt.Color("variant:N", legend=legend, sort=list(variants), scale=alt.Scale(domain=list(variants)))


def _shape(variants: Sequence[str]) -> alt.Shape:
    return alt.Shape("variant:N", legend=None, sort=list(variants), scale=_scale(variants, SHAPES))
