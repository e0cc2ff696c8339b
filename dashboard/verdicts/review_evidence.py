"""Shows the blind reviews of two targets with a verdict: votes, preference and ratings with intervals."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.client import Control, Refused
from dashboard.components import charts
from dashboard.components.formatting import DASH, MINUS, count, plain
from dashboard.components.tables import table
from fairtrial.api import reviews
from fairtrial.api.review_answers import (
    BiasedReviewer,
    MetricAgreement,
    QueueEvidence,
    ReviewerAgreement,
    ReviewFigures,
)
from fairtrial.domain.estimates import MaybeEstimate
from fairtrial.domain.review import PreferenceModel
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


def draw_review_evidence(control: Control, candidate: str, baseline: str) -> None:
    """Draw the current evidence, which may be more than the verdict used."""
    st.subheader("Blind review")
    try:
        evidence = control.call(reviews.evidence, reviews.TwoTargets(candidate=candidate, baseline=baseline))
    except Refused as error:
        st.caption(f"The review evidence is not available: {plain(str(error))}")
        return
    if evidence.figures is None:
        _nothing(evidence.queues, candidate, baseline)
    else:
        _figures(evidence.figures, candidate, baseline)
    if evidence.queues:
        _queues(evidence.queues)


def _nothing(queues: Sequence[QueueEvidence], candidate: str, baseline: str) -> None:
    if queues:
        st.info("A review is in progress. Its votes count once all pairs are judged or the queue is closed.")
        return
    st.caption("No blind review compares these two targets. Create a queue from their runs:")
    st.code(
        f"fairtrial review enqueue SUITE --candidate {shlex.quote(candidate)} --baseline {shlex.quote(baseline)}",
        language=None,
    )


def _figures(figures: ReviewFigures, candidate: str, baseline: str) -> None:
    st.markdown(
        f"{counted(figures.votes, 'vote')} on {counted(figures.pairs, 'pair')} by "
        f"{counted(figures.people, 'person', 'people')}. Drawn: {figures.drawn}."
    )
    rows = [{"preferred": PREFERENCES[name], "votes": count(number)} for name, number in figures.counts.items()]
    table(rows, title=f"preferences {candidate} against {baseline}")
    row = _drawn("preference", figures.preference.difference, figures.preference.answer, factor=100.0)
    if row is not None:
        title = "win rate minus 50 %, in points, with one-sided 95 % bounds (ties and both bad count half)"
        st.altair_chart(
            charts.intervals([row, *_adjusted(figures.pull.model)], title=title, zero=True, answers=SHAPES),
            width="stretch",
            alt="Win rate with interval",
        )
    _warn_position_bias(figures.pull.leanings)
    _agreement(figures.agreement, figures.each)
    gaps = [_drawn(name, gap.difference, gap.answer) for name, gap in figures.dimensions.items()]
    if drawn := [gap for gap in gaps if gap is not None]:
        title = "difference of the ratings from the baseline, on the scale from 1 to 5, with one-sided 95 % bounds"
        chart = charts.intervals(drawn, title=title, zero=True, answers=SHAPES)
        st.altair_chart(chart, width="stretch", alt="Differences of the ratings with intervals")


def _adjusted(model: PreferenceModel | None) -> list[dict[str, Any]]:
    """The win rate adjusted for side and for length, shown only beside the plain one."""
    if model is None:
        return []
    rates = {"adjusted for the side": model.position_adjusted, "for side and length": model.length_adjusted}
    rows = [_drawn(name, rate, _answer(rate), factor=100.0, even=0.5) for name, rate in rates.items()]
    return [row for row in rows if row is not None]


def _answer(rate: MaybeEstimate) -> str:
    _, low, high = rate.bounds or (0.5, 0.5, 0.5)
    return "better" if low > 0.5 else "worse" if high < 0.5 else "cannot tell"


def _warn_position_bias(leanings: Sequence[BiasedReviewer]) -> None:
    """Warn about reviewers with position bias, which the adjusted rates remove."""
    for leaning in leanings:
        model = leaning.model
        side, who = ("left" if model.pulls_to_first else "right"), plain(leaning.name or leaning.reviewer)
        st.warning(
            f"{who} tends to prefer the {side} answer: {counted(model.firsts, 'vote')} for the left one, "
            f"{model.seconds} for the right one. The adjusted win rates remove this bias.",
            icon=":material/balance:",
        )


def _agreement(agreement: Mapping[str, MetricAgreement], each: Sequence[ReviewerAgreement]) -> None:
    """Draw the agreement on pairs that several people judged, and of each reviewer with the others."""
    shared = {_of(metric): alpha for metric, alpha in agreement.items() if alpha.pairs}
    if not shared:
        st.caption("No pair was judged by two people, so agreement is unknown.")
        return
    rows = [
        {
            "measure": name,
            "alpha": _interval(alpha.alpha),
            "shared pairs": count(alpha.pairs),
            "agreement": QUALITIES[alpha.quality],
        }
        for name, alpha in shared.items()
    ]
    st.markdown("Agreement of the reviewers (1 is perfect, 0 is chance level):")
    table(rows, title="agreement of the reviewers")
    people = [
        {"reviewer": plain(group.name or group.reviewer)}
        | {_of(metric): _figure(alpha) for metric, alpha in group.alphas.items() if _of(metric) in shared}
        for group in each
    ]
    if people:
        st.markdown("Alpha of each reviewer with all others:")
        table(people, title="alpha of each reviewer with the rest")


def _of(metric: str) -> str:
    return metric.removeprefix("review.")


def _hundredths(value: float) -> str:
    return f"{value:.2f}".replace("-", MINUS)


def _figure(figure: MaybeEstimate) -> str:
    return DASH if figure.bounds is None else _hundredths(figure.bounds[0])


def _interval(interval: MaybeEstimate) -> str:
    if interval.bounds is None:
        return "not enough data"
    value, low, high = map(_hundredths, interval.bounds)
    return f"{value} ({low} to {high})"


def _drawn(
    name: str, gap: MaybeEstimate, answer: str, *, factor: float = 1.0, even: float = 0.0
) -> dict[str, Any] | None:
    """A row of the chart, from the point where both are ``even``; ``None`` without an estimate."""
    if gap.bounds is None:
        return None
    value, low, high = (factor * (bound - even) for bound in gap.bounds)
    return {"name": name, "answer": answer, "limit": None, "n": gap.n, "value": value, "low": low, "high": high}


def _queues(queues: Sequence[QueueEvidence]) -> None:
    rows = [
        {
            "queue": row.title,
            "suite": row.suite,
            "state": row.state,
            "judged": f"{row.settled} of {row.items}",
            "ties by equal answers": count(row.equal),
            "used by the gate": "yes" if row.read else "no" if row.present else "no, a model has changed",
        }
        for row in queues
    ]
    table(rows, title="review queues")
