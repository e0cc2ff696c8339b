"""Shows what a live experiment has decided: the result, the effect over time, guardrails and stages."""

import time
from collections.abc import Sequence
from typing import Any

import msgspec
import streamlit as st

from dashboard.client import Row
from dashboard.components import charts
from dashboard.components.formatting import change, count, moment, moment_of, plain
from dashboard.components.markup import draw_markup
from dashboard.components.tables import prose
from dashboard.experiments.standing import effects_of, marks_of, standing_of
from fairtrial.api.experiment_answers import (
    Analysis,
    ChartPoint,
    PlanRow,
    ShownDecision,
    ShownGuardrail,
    ShownPrimary,
    StagesOf,
)
from fairtrial.domain.decision.transition import Transition
from fairtrial.domain.decision.values import ANSWERED, EffectOverTime, WeekEffect
from fairtrial.domain.wording import counted

WEEKS = (
    "Treatment − control in whole weeks, each with a plain 95 % interval for one look. *Better* passes only if it is "
    "not worse in the last week, and a straight line through the weeks does not lead to worse in the next one."
)


FIRST = ("Error", "Models", "Split")
"""Lines of the box that stand below the answer."""
SAID = (*FIRST, "State", "Next", "Guardrails", "Stage")
"""Lines of the box that the answer, the button, the marks and the stages say."""


def render_answer(decision: ShownDecision, last: Transition | None) -> None:
    """Draw the answer in large words, the interval as a picture beside it, and the guardrails."""
    box, marks = decision.box, marks_of(decision)
    lines = [text for label, text in box.lines if label in FIRST]
    stopped = last is not None and decision.state not in ("running", "declared")
    shown = standing_of(decision).word == "Worse" or any(mark.shape in ("stop", "worse") for mark in marks)
    if last is not None and stopped and not (shown and last.actor == "control"):
        lines.insert(0, f"{last.why[:1].upper()}{last.why[1:]}.")
    since = [f"Since {moment(last.at_us)}, by {last.actor}."] if last is not None and stopped else []
    draw_answer(decision, key="answer", lines=lines, as_of=" ".join([*since, *box.notes[-1:]]))


def draw_answer(decision: ShownDecision, *, key: str, lines: Sequence[str], as_of: str = "") -> None:
    """Draw how an experiment stands, with its effects and guardrails."""
    draw_markup(
        "answer.html",
        key=key,
        standing=standing_of(decision).drawn,
        headline=decision.box.headline,
        lines=lines,
        as_of=as_of,
        effects=[effect.drawn for effect in effects_of(decision)],
        marks=[mark.drawn for mark in marks_of(decision)],
    )


def render_conditions(decision: ShownDecision) -> None:
    """Draw the rest of the box: what the result rests on, and caveats."""
    for label, text in decision.box.lines:
        if label not in SAID:
            st.markdown(f"**{label}.** {plain(text)}")
    for note in decision.box.notes[:-1]:
        st.caption(plain(note))


def render_analysis(analysis: Analysis, *, running: bool) -> None:
    """Draw the figures behind the result; if the split is wrong, the arms are not compared."""
    if not analysis.srm.invalid:
        for metric in analysis.primary:
            _progress(metric, analysis.unit)
        _effect(analysis)
        for metric in analysis.primary:
            _weeks(metric, analysis.unit)
    left, right = st.columns(2)
    with left:
        _guardrails(analysis.guardrails)
    with right:
        _stages(analysis.stages, running=running)


def _progress(primary: ShownPrimary, unit: str) -> None:
    """How many units of the needed ones there are."""
    size = primary.size
    if size is None:
        return
    share = min(1.0, size.units / max(1, size.needed))
    found = f"{count(size.needed)} show the planned effect with a probability of {100 * size.power:.0f} %"
    waiting = f"; {count(size.waiting)} more wait for the end of their window" if size.waiting else ""
    st.progress(
        share,
        text=f"{plain(primary.variant)}: {counted(size.units, unit)}; about {found}{waiting}",
    )


def _effect(analysis: Analysis) -> None:
    points = analysis.chart
    if not points:
        st.caption("The effect is drawn from the first look with enough units on.")
        return
    first = analysis.primary[0]
    scale = 100.0 if first.share else 1.0
    variants = [analysis.control, *dict.fromkeys(point.variant for point in points)]
    rows = [_chart_row(point, scale) for point in points]
    unit = " (percentage points)" if first.share else ""
    control = analysis.control
    limit = "no difference" if first.require == "superior" else "margin"
    boundary = None if first.boundary is None else (scale * first.boundary, limit)
    st.markdown(f"**Effect on {plain(first.metric)} over time**")
    chart = charts.effect(rows, variants, boundary=boundary, title=f"difference from {control}{unit}")
    alt = (
        f"Effect on {first.metric} at each look with its interval, and a line for the boundary ({limit}). "
        + " ".join(plain(metric.sentence) for metric in analysis.primary)
    )
    st.altair_chart(chart, width="stretch", alt=alt)
    st.caption(
        f"Treatment − {plain(control)}, with the interval of each look. The grey line is the boundary ({limit}). The "
        "rule decides when the interval lies beyond it."
    )


def _chart_row(point: ChartPoint, scale: float) -> dict[str, Any]:
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(point.at_us / 1e6))
    ends = {"low": point.low, "high": point.high}
    figures = {name: None if end is None else scale * end for name, end in ends.items()}
    return {"at": at, "variant": point.variant, "units": point.units, "value": scale * point.value, **figures}


def _weeks(primary: ShownPrimary, unit: str) -> None:
    """The effect by whole week, if one is over."""
    over_time = primary.over_time
    if over_time is None or not any((*over_time.weeks, *over_time.ages)):
        return
    st.markdown(f"**Effect of {plain(primary.variant)} on {plain(primary.metric)} by week**")
    prose(week_rows(primary, over_time, unit), title=f"effect by week of {primary.variant}", raw=_raw_weeks(over_time))
    st.caption(WEEKS)


def week_rows(primary: ShownPrimary, over_time: EffectOverTime, unit: str) -> list[dict[str, Any]]:
    """A row for each whole week: the effect in that week of the experiment, and of the units' own weeks."""
    form = "share" if primary.share else "number"
    points = " (points)" if primary.share else ""
    rows = zip(over_time.weeks, over_time.ages, strict=True)
    return [
        {
            "week": number,
            f"of the experiment{points}": _week(week, form, unit),
            f"since a {unit}'s first request{points}": _week(age, form, unit),
        }
        for number, (week, age) in enumerate(rows, 1)
    ]


def _week(week: WeekEffect | None, form: str, unit: str) -> str:
    if week is None:
        return "no data"
    ends = ""
    if week.low is not None and week.high is not None:
        ends = f" ({change(week.low, form=form)} to {change(week.high, form=form)})"
    return f"{change(week.value, form=form)}{ends}, {counted(week.units, unit)}"


def _raw_weeks(over_time: EffectOverTime) -> list[Row]:
    return [
        {"by": by, "week": number, **msgspec.to_builtins(week)}
        for by, weeks in (("weeks", over_time.weeks), ("ages", over_time.ages))
        for number, week in enumerate(weeks, 1)
        if week is not None
    ]


def _guardrails(guardrails: Sequence[ShownGuardrail]) -> None:
    st.markdown("**Guardrails**")
    if not guardrails:
        st.caption("There are none.")
    for guardrail in guardrails:
        text, answer = guardrail_words(guardrail), guardrail.answer
        if answer == "harmed":
            st.error(text, icon=":material/dangerous:")
        elif answer == "declined":
            st.warning(text, icon=":material/front_hand:")
        else:
            st.progress(guardrail.room or 0.0, text=text)
        st.caption(guardrail_caption(guardrail))


def guardrail_words(guardrail: ShownGuardrail) -> str:
    """The answer of a guardrail, and how far the evidence is; harm needs no more words."""
    head = f"{plain(guardrail.metric)} of {plain(guardrail.variant)}: **{ANSWERED[guardrail.answer]}**"
    if guardrail.answer == "harmed":
        return head
    why = f" ({plain(guardrail.why)})" if guardrail.why and guardrail.answer in ("open", "declined") else ""
    rest = guardrail.evidence_words
    return f"{head}{why}." + (f" {_sentence(rest)}" if rest else "")


def guardrail_caption(guardrail: ShownGuardrail) -> str:
    """The levels, the difference with each request weighing the same, and what pauses and stops."""
    texts = (guardrail.levels, guardrail.weighed_words, guardrail.missing_words, guardrail.stops)
    return " ".join(_sentence(text) for text in texts if text)


def _sentence(text: str) -> str:
    return plain(f"{text[0].upper()}{text[1:]}.")


def _stages(stages: StagesOf, *, running: bool) -> None:
    st.markdown("**Stages**")
    approve, approved = stages.approve, stages.approved
    for stage in stages.stages:
        words = "done" if stage < stages.stage else "later"
        if stage == stages.stage:
            words = f"**now**, since {moment(stages.since_us)}" if running else "reached; nobody is enrolled now"
        elif stage == stages.next and running:
            words = "**next**"
        if stage in approved:
            words += ", approved"
        elif stage in approve and stage > stages.stage:
            words += ", needs an approval"
        st.markdown(f"- {stage:g} %: {words}")
    if stages.waits:
        st.caption("The next stage waits for: " + plain("; ".join(stages.waits)) + ".")


def render_plans(plans: Sequence[PlanRow]) -> None:
    """Draw the frozen analysis plans: the start, amendments and measured levels, newest first."""
    words = {"start": "started", "amend": "amended", "levels": "level measured"}
    rows = [
        {
            "when": moment_of(row.at_time),
            "what": words.get(row.kind, row.kind),
            "by": row.actor,
            "why": row.why,
            "segment": row.segment,
            "attempt": row.attempt,
        }
        for row in plans
    ]
    with st.expander("Frozen analysis plans and amendments"):
        prose(rows, title="analysis plans", raw=msgspec.to_builtins(plans))
