"""Finds the alarms of an experiment: faulty unit names, requests that another arm served, and what a step found."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from fairtrial.domain.answers.chat import answered_text, continued_text
from fairtrial.domain.decision.split import LostRecords
from fairtrial.domain.decision.values import Decision
from fairtrial.domain.limits.constants import DAY_US, HOUR_US
from fairtrial.domain.plan import Experiment
from fairtrial.domain.wording import counted
from fairtrial.experiments.analysis.memory import Memory
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.decision.acceptance import accepted_texts
from fairtrial.experiments.decision.guardrail_words import kept_decline_words
from fairtrial.experiments.decision.wording import headline_words, lost_words
from fairtrial.experiments.kept_away import kept_away_words, many_kept_away
from fairtrial.experiments.monitor import Circumstances, Step
from fairtrial.experiments.unit import WHAT_TO_SEND
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.traffic.answers import Exchange, samples
from fairtrial.store.traffic.traffic import segment_page
from fairtrial.store.traffic.units import ArmFigures, UnitFigures, unit_figures

MOST_UNNAMED = 0.01
MOST_OF_ONE_UNIT, FEWEST_REQUESTS = 0.2, 200
"""The largest share of a unit, and the number of analysed requests from which on it is judged."""
LEAST_PER_UNIT, FEWEST_UNITS = 1.05, 500
"""The smallest mean of requests per user, and the number of units from which on it is judged."""
MOST_SAMPLES, FEWEST_CONTINUED, TELLING = 200, 3, 20
"""Recorded exchanges of each variant that are read, and how many answers, of how many characters, must be continued."""
MOST_IN_BOTH = 0.001
MOST_MOVED = 0.05
ONE_PERCENT = 0.01
Kind = Literal["no_unit", "dominant_unit", "one_request_per_unit", "units_in_two_arms", "served_by_another_arm"]


def find_alarms(plan: AnalysisPlan, result: Step, around: Circumstances) -> Iterator[tuple[str, str]]:
    """Each alarm's kind and text."""
    memory = result.memory
    if around.held:
        yield (
            "clock.jump",
            f"{plan.experiment}: stages, passes, promotions and the end need {around.held}. Harm still stops it. "
            "Check the clock of this machine. If the wall clock is right now, acknowledge this alarm.",
        )
    if memory.split.crossed_us is not None:
        yield (
            "experiment.srm",
            f"{plan.experiment}: the units do not arrive by the planned split, so its arms can't be compared. Find "
            "the cause, then start anew with a new salt.",
        )
    yield from _lost(plan, result)
    if texts := list(accepted_texts(plan, around.accepted.values())):
        yield "experiment.accepted", f"{plan.experiment}: {' '.join(texts)}"
    if rested := many_kept_away(around.rested):
        yield (
            "experiment.rests",
            f"{plan.experiment}: {kept_away_words('a rest', rested)}, because the provider answered 429 or 503 with "
            "Retry-After. Nothing is paused. These requests count against its safety. Send less, or ask the provider "
            "for a higher limit.",
        )
    if words := kept_decline_words(plan, result.decisions.values()):
        undo = f"If that is not acceptable, undo it (fairtrial experiment rollback {plan.experiment} --why …)."
        yield "experiment.declined", f"{plan.experiment}: {words}. {undo}"
    worse = [decision for decision in result.decisions.values() if decision.worse]
    if worse and plan.on_worse == "continue":
        words = "; ".join(headline_words(plan, decision) for decision in worse)
        yield "experiment.worse", f"{plan.experiment}: {words}."
    if result.asks_approval is not None:
        yield (
            "stage.approval",
            f"{plan.experiment}: the {result.asks_approval:g} % stage waits for an approval "
            f"(fairtrial experiment approve {plan.experiment} --why …).",
        )
    broken = sorted({metric for (metric, _), latch in memory.latched.items() if latch.broken})
    if broken:
        yield (
            "experiment.changed",
            f"{plan.experiment}: the effect on {' and '.join(broken)} has changed since the start, so it stays "
            "undecided. Start a new segment.",
        )


def _lost(plan: AnalysisPlan, result: Step) -> Iterator[tuple[str, str]]:
    """The alarm that the arms lost the records of unequally many units, or seem to."""
    split = next((decision.split for decision in result.decisions.values()), None)
    if split is None or not isinstance(split.lost, LostRecords) or not split.lost.differs:
        return
    lost = lost_words(split, plan.unit)
    then = "Find the cause: at p 0.01 the arms can't be compared any more."
    if split.lost.crossed_us is not None:
        then = "The arms can't be compared any more. Find the cause, then start anew with a new salt."
    yield "experiment.lost_records", f"{plan.experiment}: {lost} {then}"


def has_just_met(decision: Decision, before: Memory) -> bool:
    """Whether this look is the first one at which the primary metric is what the plan requires."""
    primary = decision.primary
    if primary is None or not primary.meets or not decision.split.balanced:
        return False
    earlier = before.latched.get((primary.metric, decision.variant))
    return earlier is None or earlier.answer == "cannot tell"


@dataclass(frozen=True, slots=True)
class UnitAlarm:
    """A fault, in a sentence for people, and the figures that show it. It names no unit in full."""

    kind: Kind
    text: str
    details: Mapping[str, Any] = field(default_factory=dict)


def find_unit_alarms(
    database: Database, experiment: Experiment, *, now_us: int, window_us: int = DAY_US
) -> list[UnitAlarm]:
    """The alarms of one experiment over the latest window of its current segment; raises `StoreError`."""
    page = segment_page(database, Page(since_us=now_us - window_us, until_us=now_us), experiment.name)
    figures = unit_figures(database, page, experiment.name)
    if _asks_once(experiment, figures):
        exchanges = samples(database, page, experiment.name, most=MOST_SAMPLES)
        figures = replace(figures, continued=continued_elsewhere(exchanges))
    return unit_alarms(experiment, figures)


def continued_elsewhere(exchanges: Sequence[Exchange]) -> int:
    """How many answers to one unit are repeated in the only request of another one, which continues the conversation.

    Short answers, such as labels, don't count, because they also stand in examples of a prompt. Nor does a text that
    several units got or repeat, such as a standard answer or a greeting.
    """
    owners: dict[str, set[str | None]] = defaultdict(set)
    followers: dict[str, set[tuple[str | None, int]]] = defaultdict(set)
    for exchange in exchanges:
        owners[answered_text(exchange.response) or ""].add(exchange.unit)
        followers[continued_text(exchange.request) or ""].add((exchange.unit, exchange.requests))
    single = {text: units for text, units in followers.items() if len(text) >= TELLING and len(units) == 1}
    return sum(
        len(owners[text]) == 1 and unit not in owners[text] and requests == 1
        for text, units in single.items()
        for unit, requests in units
    )


def unit_alarms(experiment: Experiment, figures: UnitFigures) -> list[UnitAlarm]:
    """The alarms that the figures of a window give, in a fixed order and each kind at most once."""
    alarms = (
        _no_unit(experiment, figures),
        _dominant_unit(experiment, figures),
        _one_request_per_unit(experiment, figures),
        _units_in_two_arms(experiment, figures),
        _served_by_another_arm(experiment, figures),
    )
    return [alarm for alarm in alarms if alarm is not None]


def _no_unit(experiment: Experiment, figures: UnitFigures) -> UnitAlarm | None:
    if figures.unnamed <= MOST_UNNAMED * figures.requests:
        return None
    share = _share(figures.unnamed, figures.requests, "request")
    text = (
        f"{share} of {experiment.name} {_window(figures)} named no unit. The control {experiment.control} serves such "
        f"requests, and no figure counts them. To count them, {WHAT_TO_SEND[experiment.unit]}."
    )
    return UnitAlarm("no_unit", text, {"requests": figures.requests, "without_unit": figures.unnamed})


def _dominant_unit(experiment: Experiment, figures: UnitFigures) -> UnitAlarm | None:
    if figures.analysed < FEWEST_REQUESTS or figures.largest <= MOST_OF_ONE_UNIT * figures.analysed:
        return None
    share = _share(figures.largest, figures.analysed, "analysed request")
    text = (
        f"One unit sent {share} of {experiment.name} {_window(figures)}. It is probably a test, a service account or "
        f"a constant in place of an id. To have real units, {WHAT_TO_SEND[experiment.unit]}."
    )
    details = {"requests": figures.analysed, "of_the_unit": figures.largest}
    return UnitAlarm("dominant_unit", text, details)


def _one_request_per_unit(experiment: Experiment, figures: UnitFigures) -> UnitAlarm | None:
    if not _asks_once(experiment, figures) or figures.continued < FEWEST_CONTINUED:
        return None
    mean = figures.analysed / figures.units
    text = (
        f"{counted(figures.units, 'unit')} of {experiment.name} sent {counted(figures.analysed, 'request')} "
        f"{_window(figures)}, which is {mean:.2f} for each, and {figures.continued} of them continue an answer that "
        "another unit had got. The application probably sends a random id with each request. Then one person meets "
        "several models. Send an id that stays the same for one person."
    )
    return UnitAlarm("one_request_per_unit", text, {"units": figures.units, "requests": figures.analysed})


def _asks_once(experiment: Experiment, figures: UnitFigures) -> bool:
    """Whether almost every user sent one request. Many honest users do so, too."""
    few = figures.analysed < LEAST_PER_UNIT * figures.units
    return experiment.unit == "user" and figures.units >= FEWEST_UNITS and few


def _units_in_two_arms(experiment: Experiment, figures: UnitFigures) -> UnitAlarm | None:
    if figures.in_both <= MOST_IN_BOTH * figures.repeated:
        return None
    share = _share(figures.in_both, figures.repeated, "unit")
    text = (
        f"{share} with two or more requests in {experiment.name} {_window(figures)} had several arms under one plan. "
        "The comparison of the arms is not valid for them. Check that every gateway has the same plan and salt."
    )
    return UnitAlarm("units_in_two_arms", text, {"units": figures.repeated, "in_two_arms": figures.in_both})


def _served_by_another_arm(experiment: Experiment, figures: UnitFigures) -> UnitAlarm | None:
    arms = dict(_moved_arms(figures))
    if not arms:
        return None
    shares = "; ".join(f"{name}: {_share(arm.moved, _kept(arm), 'request')}" for name, arm in arms.items())
    text = (
        f"Another arm than the assigned one served many requests of {experiment.name} {_window(figures)} ({shares}). "
        "Fallbacks and kills are not among them. Such requests count for their assigned arm, so differences between "
        "the arms look smaller than they are."
    )
    details = {
        name: {"requests": arm.requests, "moved": arm.moved, "fallbacks": arm.fallbacks, "kills": arm.kills}
        for name, arm in arms.items()
    }
    return UnitAlarm("served_by_another_arm", text, {"arms": details})


def _moved_arms(figures: UnitFigures) -> Iterator[tuple[str, ArmFigures]]:
    """The arms of which another one served too many requests."""
    for name, arm in figures.arms.items():
        if arm.moved > MOST_MOVED * _kept(arm):
            yield name, arm


def _kept(arm: ArmFigures) -> int:
    """The requests of an arm that neither a kill nor a fallback sent elsewhere."""
    return arm.requests - arm.kills - arm.fallbacks


def _share(part: int, whole: int, noun: str) -> str:
    """``12.0 % (24 of 200 requests)``."""
    share = part / whole
    return f"{100 * share:.{2 if share < ONE_PERCENT else 1}f} % ({part:,} of {counted(whole, noun)})"


def _window(figures: UnitFigures) -> str:
    hours = round((figures.until_us - figures.since_us) / HOUR_US)
    return f"in the last {hours} hours" if hours > 1 else "in the last hour"
