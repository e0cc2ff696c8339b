"""Composes the message of an alarm: what happened, the number as a picture, what control did, and two links."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

import msgspec

from fairtrial.api.alarms import SEVERITIES
from fairtrial.config.plan.live_state import CAN_BE_KILLED
from fairtrial.domain.decision.arms import Interval
from fairtrial.domain.decision.values import MetricDecision
from fairtrial.domain.plan import Experiment, Plan
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.decision.guardrail_words import levels_words
from fairtrial.experiments.decision.plain_declines import plain_decline
from fairtrial.experiments.methods.finding import goodness, way_words
from fairtrial.privacy.masking import mask
from fairtrial.store.core.database import Database
from fairtrial.store.experiments import alarms, analysis_plans, stored_looks
from fairtrial.store.experiments.alarm_messages import AlarmChange
from fairtrial.store.experiments.stored_looks import DecidedLook
from gateway.control.alarms.message import Figure, Message, second_of

WIDTH = 21
"""Characters of the picture of an interval."""
WITH_NUMBER = (
    "experiment.worse", "experiment.killed", "experiment.paused", "experiment.declined", "experiment.accepted",
    "promotion.rolled_back", "notice.better", "notice.ended",
)  # fmt: skip
"""The kinds that a comparison of the arms is behind."""
STOP = "kill"
"""The value of the query parameter ``do`` of the page Experiment that opens the dialog which stops it."""


@dataclass(frozen=True, slots=True)
class Composer:
    """Composes messages by the state of now. ``dashboard_url``: where the links lead; without a slash at its end."""

    database: Database
    plan: Plan
    dashboard_url: str

    def compose(self, change: AlarmChange, now_us: int) -> Message:
        """The message of a change; raises `StoreError`. Personal and secret text in it is masked."""
        experiment = self.plan.experiments.get(change.experiment or "")
        query = {"experiment": change.experiment} if experiment is not None else {}
        page = f"{self.dashboard_url}/{'experiment' if experiment else 'overview'}"
        can_stop = experiment is not None and experiment.state in CAN_BE_KILLED
        text = f"{change.experiment}: its looks fail." if change.kind == alarms.FAILED_LOOK else change.text
        return Message(
            alarm=msgspec.structs.replace(change, text=str(mask(text, Counter()))),
            severity=SEVERITIES.get(change.kind, "warning"),
            at=second_of(now_us),
            figure=None if experiment is None else self._figure(experiment, change.kind),
            done=_done(experiment),
            see=f"{page}?{urlencode(query)}" if query else page,
            stop=f"{page}?{urlencode(query | {'do': STOP})}" if can_stop else None,
        )

    def _figure(self, experiment: Experiment, kind: str) -> Figure | None:
        stored = analysis_plans.newest(self.database, experiment.name) if kind in WITH_NUMBER else None
        if stored is None or stored.plan.segment != experiment.segment:
            return None
        try:
            look = stored_looks.read(self.database, stored)
        except Exception:  # noqa: BLE001 - the alarm may be that a look fails, and must come without its number
            return None
        figures = sorted(_figures(look), key=lambda ranked: ranked[0])
        return figures[0][1] if figures else None


def _figures(look: DecidedLook) -> Iterator[tuple[int, Figure]]:
    """The figure of each metric that has one, with its rank: harm, a decline, and then the primary metric."""
    for variant, decision in look.decisions.items():
        for guardrail in decision.guardrails:
            pair = [look.sums.arms[arm].metrics.get(guardrail.metric) for arm in (look.plan.control, variant)]
            if (guardrail.answer == "harmed" or guardrail.declined) and None not in pair:
                decline = plain_decline(look.plan.metric(guardrail.metric), pair)
                if decline is not None:
                    yield int(guardrail.answer != "harmed"), _drawn(look.plan, variant, guardrail, decline, sign=-1.0)
        primary = decision.primary
        if primary is not None and primary.interval is not None:
            sign = goodness(1.0, look.plan.metric(primary.metric))
            yield 2, _drawn(look.plan, variant, primary, primary.interval, sign=sign)


def _drawn(plan: AnalysisPlan, variant: str, decided: MetricDecision, interval: Interval, *, sign: float) -> Figure:
    """The figure on a scale on which more is better, as it is after ``sign``."""
    ends = (interval.low, interval.high) if sign > 0 else (interval.high, interval.low)
    low, high = (None if end is None else sign * end for end in ends)
    value, metric = sign * interval.value, plan.metric(decided.metric)
    words = f"{decided.metric} of {variant} is {way_words(value, metric)}"
    if low is not None and high is not None:
        words += f", {100 * interval.level:g} % interval from {way_words(low, metric)} to {way_words(high, metric)}"
    words += f": {levels_words(plan, decided)}"
    return Figure(decided.metric, variant, value, low, high, words, picture(low, value, high))


def picture(low: float | None, value: float, high: float | None) -> str:
    """An interval as text, such as ``│  ───●───``: the line at zero, and the interval with its middle.

    An end without a bound is an arrow.
    """
    ends = [value if low is None else low, value if high is None else high]
    least, most = min(0.0, *ends), max(0.0, *ends)
    scale = (WIDTH - 1) / (most - least) if most > least else 0.0
    at = [round((each - least) * scale) for each in (*ends, value, 0.0)]
    line = [" "] * WIDTH
    line[at[0] : at[1] + 1] = "─" * (at[1] + 1 - at[0])
    line[at[3]], line[at[2]] = "│", "●"
    return f"{'◀' if low is None else ''}{''.join(line)}{'▶' if high is None else ''}".rstrip()


def _done(experiment: Experiment | None) -> str:
    """What control did, which is what serves the users now."""
    if experiment is None:
        return ""
    if experiment.state == "running":
        return "The experiment goes on, and control has stopped nothing."
    serves = experiment.serves or experiment.control
    return f"The experiment is {experiment.state}, and {serves} serves everyone."
