"""Shows the blind reviews of two targets with a verdict: votes, preference and ratings with intervals."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.client import Control, Refused, Row
from dashboard.components import tables_and_charts
from dashboard.components.formatting import MINUS, count, plain
from dashboard.components.tables_and_charts import table
from fairtrial.api import reviews
from fairtrial.domain.wording import counted

SHAPES = {
    "better": "circle",
    "not worse": "square",
    "worse": "triangle-down",
    "cannot tell": "diamond",
}
PREFERENCES = {
    "candidate": "the candidate's answer",
    "baseline": "the baseline's answer",
    "tie": "equal",
    "both_bad": "both bad",
    "cant_judge": "can't judge",
}
QUALITIES = {
    "good": "good",
    "tentative": "enough for tentative conclusions",
    "low": "low",
    "not measured": "very low",
    "unknown": "not known",
}
ADJUSTED = {"adjusted for the side": "position", "for side and length": "length"}


def draw_review_evidence(control: Control, candidate: str, baseline: str) -> None:
    """Draw the current evidence, which may be more than the verdict used."""
    st.subheader("Blind review")
    try:
        evidence = control.call(reviews.evidence, reviews.TwoTargets(candidate=candidate, baseline=baseline))
    except Refused as error:
        st.caption(f"The review evidence is not available: {plain(str(error))}")
        return
    if evidence["figures"] is None:
        _nothing(evidence["queues"], candidate, baseline)
    else:
        _figures(evidence["figures"], candidate, baseline)
    if evidence["queues"]:
        _queues(evidence["queues"])


def _nothing(queues: Sequence[Row], candidate: str, baseline: str) -> None:
    if queues:
        st.info("A review is in progress. Its votes count once all pairs are judged or the queue is closed.")
        return
    st.caption("No blind review compares these two targets. Create a queue from their runs:")
    st.code(
        f"fairtrial review enqueue SUITE --candidate {shlex.quote(candidate)} --baseline {shlex.quote(baseline)}",
        language=None,
    )


def _figures(figures: Row, candidate: str, baseline: str) -> None:
    st.markdown(
        f"{counted(figures['votes'], 'vote')} on {counted(figures['pairs'], 'pair')} by "
        f"{counted(figures['people'], 'person', 'people')}. Drawn: {figures['drawn']}."
    )
    counts = figures["counts"]
    rows = [{"preferred": PREFERENCES.get(name, name), "votes": count(number)} for name, number in counts.items()]
    table(rows, title=f"preferences {candidate} against {baseline}")
    preference = figures["preference"]["difference"]
    if "value" in preference:
        row = _drawn("preference", preference, figures["preference"]["answer"], factor=100.0)
        title = "win rate minus 50 %, in points, with one-sided 95 % bounds (ties and both bad count half)"
        st.altair_chart(
            tables_and_charts.intervals(
                [row, *_adjusted(figures["pull"]["model"])], title=title, zero=True, answers=SHAPES
            ),
            width="stretch",
            alt="Win rate with interval",
        )
    _scales(figures["net"], figures["elo"])
    _warn_position_bias(figures["pull"]["leanings"])
    _agreement(figures["agreement"], figures["each"])
    rows = [_drawn(name, gap["difference"], gap["answer"]) for name, gap in _known(figures["dimensions"]).items()]
    if rows:
        title = "difference of the ratings from the baseline, on the scale from 1 to 5, with one-sided 95 % bounds"
        chart = tables_and_charts.intervals(rows, title=title, zero=True, answers=SHAPES)
        st.altair_chart(chart, width="stretch", alt="Differences of the ratings with intervals")


def _adjusted(model: Row | None) -> list[dict[str, Any]]:
    """The win rate adjusted for side and for length, shown only beside the plain one."""
    rates = {} if model is None else {name: model[f"{what}_adjusted"] for name, what in ADJUSTED.items()}
    gaps = {
        name: rate | {end: rate[end] - 0.5 for end in ("value", "low", "high")}
        for name, rate in rates.items()
        if "value" in rate
    }
    return [_drawn(name, gap, _answer(gap), factor=100.0) for name, gap in gaps.items()]


def _answer(gap: Row) -> str:
    return "better" if gap["low"] > 0 else "worse" if gap["high"] < 0 else "cannot tell"


def _scales(net: Row, elo: Row) -> None:
    """Draw the win rate as a net preference and as an Elo difference, with bounds."""
    scales = []
    if "value" in net:
        value, low, high = (_signed(100 * net[end]) for end in ("value", "low", "high"))
        scales.append(f"net preference {value} points ({low} to {high})")
    if "value" in elo:
        low, high = ("no bound" if elo[end] is None else _signed(elo[end]) for end in ("low", "high"))
        scales.append(f"Elo gap {_signed(elo['value'])} ({low} to {high})")
    if scales:
        st.caption(f"The same as {'; as '.join(scales)}.")


def _warn_position_bias(leanings: Sequence[Row]) -> None:
    """Warn about reviewers with position bias, which the adjusted rates remove."""
    for leaning in leanings:
        model = leaning["model"]
        side, who = ("left" if model["pulls_to_first"] else "right"), plain(leaning["name"] or leaning["reviewer"])
        st.warning(
            f"{who} tends to prefer the {side} answer: {counted(model['firsts'], 'vote')} for the left one, "
            f"{model['seconds']} for the right one. The adjusted win rates remove this bias.",
            icon=":material/balance:",
        )


def _agreement(agreement: Mapping[str, Row], each: Sequence[Row]) -> None:
    """Draw the agreement on pairs that several people judged, and of each reviewer with the others."""
    shared = {_of(metric): alpha for metric, alpha in agreement.items() if alpha["pairs"]}
    if not shared:
        st.caption("No pair was judged by two people, so agreement is unknown.")
        return
    rows = [
        {
            "measure": name,
            "alpha": _interval(alpha["alpha"]),
            "Gwet's AC": _figure(alpha["gwet"]),
            "shared pairs": count(alpha["pairs"]),
            "agreement": QUALITIES[alpha["quality"]],
        }
        for name, alpha in shared.items()
    ]
    st.markdown("Agreement of the reviewers (1 is perfect, 0 is chance level):")
    table(rows, title="agreement of the reviewers")
    people = [
        {"reviewer": plain(group["name"] or group["reviewer"])}
        | {_of(metric): _figure(alpha) for metric, alpha in group["alphas"].items() if _of(metric) in shared}
        for group in each
    ]
    if people:
        st.markdown("Alpha of each reviewer with all others:")
        table(people, title="alpha of each reviewer with the rest")


def _of(metric: str) -> str:
    return metric.removeprefix("review.")


def _signed(value: float) -> str:
    return f"{value:+.0f}".replace("-", MINUS)


def _hundredths(value: float) -> str:
    return f"{value:.2f}".replace("-", MINUS)


def _figure(figure: Row) -> str:
    return _hundredths(figure["value"]) if "value" in figure else "–"


def _interval(interval: Row) -> str:
    if "value" not in interval:
        return "not enough data"
    return f"{_figure(interval)} ({_hundredths(interval['low'])} to {_hundredths(interval['high'])})"


def _known(dimensions: Mapping[str, Row]) -> dict[str, Row]:
    return {name: gap for name, gap in dimensions.items() if "value" in gap["difference"]}


def _drawn(name: str, gap: Row, answer: str, *, factor: float = 1.0) -> dict[str, Any]:
    numbers = {field: gap[field] * factor for field in ("value", "low", "high")}
    return {"name": name, "answer": answer, "limit": None, "n": gap["n"]} | numbers


def _queues(queues: Sequence[Row]) -> None:
    rows = [
        {
            "queue": row["title"],
            "suite": row["suite"],
            "state": row["state"],
            "judged": f"{row['settled']} of {row['items']}",
            "ties by equal answers": count(row["equal"]),
            "used by the gate": "yes" if row["read"] else "no" if row["present"] else "no, a model has changed",
        }
        for row in queues
    ]
    table(rows, title="review queues")
