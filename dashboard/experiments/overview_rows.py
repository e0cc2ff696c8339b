"""Makes the rows of the overview: one for each experiment with its alarms, and one for each problem of the services."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from markupsafe import Markup

from dashboard.components.formatting import moment
from dashboard.components.markup import html_part
from dashboard.experiments.labels import LABELS
from dashboard.experiments.standing import Colour, Effect, Mark, Standing, effects_of, marks_of, standing_of
from fairtrial.api.alarms import SEVERITIES, AlarmRow
from fairtrial.api.experiment_answers import ExperimentStatus, ShownDecision
from fairtrial.api.experiment_box import NextStep
from fairtrial.api.store import ServiceStates
from fairtrial.domain.settings import PersonsAction
from fairtrial.domain.wording import age, counted

SAID = ("experiment.srm", "experiment.worse", "experiment.killed", "experiment.paused", "experiment.accepted",
        "experiment.declined", "experiment.error", "model.same_as_base", "stage.approval",
        "promotion.rolled_back")  # fmt: skip
"""Alarms that the state, the guardrails or the next step of a row say already."""
NEEDED, RUNS, OVER = range(3)


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewRow:
    """A row. ``group``: whether it needs a person, runs, or is over. ``act``: the page with the dialog of its step."""

    name: str
    standing: Standing
    group: int
    next: str
    at_us: int
    label: str = "Open"
    link: str = ""
    act: str = ""
    effects: Sequence[Effect] = ()
    no_effect: str = ""
    guardrails: Sequence[Mark] = ()
    alarms: str = ""
    text: str = ""
    code: str = ""
    changed: bool = False

    @property
    def rank(self) -> tuple[int, int, int]:
        """What needs a person comes first, then the worst, then the newest."""
        return self.group, ("red", "amber", "green", "grey").index(self.standing.colour), -self.at_us

    @property
    def needed(self) -> bool:
        return self.group == NEEDED

    @property
    def since(self) -> str:
        return age(self.at_us, time.time_ns() // 1000) if self.at_us else ""

    @property
    def at(self) -> str:
        return moment(self.at_us) if self.at_us else ""

    def html(self) -> Markup:
        """The row of the table."""
        return html_part(
            "overview_row.html", name=self.name, standing=self.standing.drawn, changed=self.changed, link=self.link,
            act=self.act, label=self.label, needed=self.needed, next=self.next, alarms=self.alarms, text=self.text,
            code=self.code, effects=[effect.drawn for effect in self.effects], no_effect=self.no_effect,
            marks=[mark.drawn for mark in self.guardrails], at=self.at, since=self.since,
        )  # fmt: skip

    def since_seen(self, seen_us: int) -> "OverviewRow":
        return replace(self, changed=0 < seen_us < self.at_us)


def overview_rows(
    decisions: Sequence[ShownDecision], states: Sequence[ExperimentStatus], alarms: Sequence[AlarmRow]
) -> Iterator[OverviewRow]:
    """A row for each experiment."""
    by_name = {state.name: state for state in states}
    for decision in decisions:
        name = decision.experiment
        yield _row(decision, by_name.get(name), [alarm for alarm in alarms if alarm.experiment == name])


def _row(decision: ShownDecision, status: ExperimentStatus | None, alarms: Sequence[AlarmRow]) -> OverviewRow:
    name, step, standing = decision.experiment, decision.box.next, standing_of(decision)
    opened = [alarm for alarm in alarms if alarm.state == "open" and alarm.family != "deployment"]
    others = [words_of(alarm) for alarm in opened if alarm.kind not in SAID]
    action = first_action(step, () if status is None else status.possible)
    needed = step.needed or bool(others)
    page = f"experiment?{urlencode({'experiment': name})}"
    stage = f" {status.stage:g} %" if standing.word == "Running" and status and status.stage is not None else ""
    return OverviewRow(
        name=name,
        standing=replace(standing, word=standing.word + stage),
        group=NEEDED if needed else OVER if decision.state == "ended" else RUNS,
        next=step.text if needed or step.actions else "",
        at_us=_changed_us(decision, opened),
        label=LABELS[action] if action else "Open",
        link=page,
        act=f"{page}&do={action}" if action else "",
        effects=effects_of(decision),
        no_effect="" if standing.word in ("No data yet", "Not started", "Promoted") else _no_effect(decision),
        guardrails=marks_of(decision),
        alarms=f"{counted(len(others), 'alarm')}: {', '.join(others)}" if others else "",
    )


def first_action(step: NextStep, possible: Sequence[PersonsAction]) -> PersonsAction | None:
    """The change that is recommended, which is the one coloured button; an undoing never is."""
    actions = (action for action in step.actions if step.needed and action in possible and action != "rollback")
    return next(actions, None)


def _no_effect(decision: ShownDecision) -> str:
    if decision.analysis is None or not decision.analysis.primary:
        return "no primary metric" if decision.analysis else ""
    return "the arms can't be compared" if decision.analysis.srm.invalid else "too few data"


def _changed_us(decision: ShownDecision, alarms: Sequence[AlarmRow]) -> int:
    """When something last changed: the state, an answer, or an alarm."""
    analysis = decision.analysis
    metrics = () if analysis is None else (*analysis.primary, *analysis.guardrails)
    started_us = None if analysis is None else analysis.started_us
    times = [started_us, decision.last_us, *(metric.answered_us for metric in metrics)]
    times += [round(alarm.at_time.timestamp() * 1e6) for alarm in alarms]
    return max((at for at in times if at is not None), default=0)


def words_of(alarm: AlarmRow) -> str:
    """``one request per unit``: the kind of an alarm in a few words."""
    return alarm.kind.partition(".")[2].replace("_", " ")


def problem_rows(services: ServiceStates, alarms: Sequence[AlarmRow], *, can_change: bool) -> Iterator[OverviewRow]:
    """A row for each problem that is not of an experiment."""
    gateway, plan, recording = services.gateway, services.plan, services.recording
    if gateway.ready is False:
        yield _problem("Gateway", "red", "It is not running, so applications get no answers.", "Start: fairtrial up")
    if gateway.recording == "losing":
        yield _problem("Recording", "red", "Requests are served but not recorded.", "Read the gateway's log.")
    if recording.lost:
        text = f"{counted(recording.lost, 'event')} could not be recorded, so the rates of that time are incomplete."
        yield _problem("Recording", "red", text, "Is the disk full?", at_us=recording.last_us)
    if recording.sync_failures:
        text = f"{counted(recording.sync_failures, 'disk sync')} failed. A power failure could have lost those events."
        yield _problem("Recording", "amber", text, "Check the disk.", at_us=recording.last_us)
    if services.control.trouble:
        yield _problem("Control", "red", services.control.trouble, "Read control's log.")
    if plan.refused:
        text = "The changed configuration was refused. The last valid one stays in force."
        yield _problem("Configuration", "amber", text, "Mend the file.", code=plan.refused)
    if rejects := services.ingest.rejects:
        text = f"{counted(rejects, 'journal line was', 'journal lines were')} unreadable, set aside and not counted."
        yield _problem("Journal", "amber", text, "Read control's log.")
    for alarm in alarms:
        if alarm.state == "open" and (alarm.family == "deployment" or alarm.experiment is None):
            colour: Colour = "red" if SEVERITIES.get(alarm.kind) == "urgent" else "amber"
            at_us = round(alarm.at_time.timestamp() * 1e6)
            yield replace(
                _problem(alarm.experiment or "Store", colour, alarm.text, alarm.messages or "", at_us=at_us),
                link=f"overview?alarm={alarm.alarm_id}" if can_change else "", label="Acknowledge",
            )  # fmt: skip


def _problem(
    name: str, colour: Colour, text: str, step: str, *, code: str = "", at_us: int | None = None
) -> OverviewRow:
    standing = Standing("Broken", "stop", "red") if colour == "red" else Standing("Look", "wait", "amber")
    return OverviewRow(
        name=name, standing=standing, group=NEEDED, next=step, at_us=at_us or 0, text=text, code=code,
    )  # fmt: skip
