"""Declares the metrics of control, and reads them from its store and its threads."""

from typing import Protocol, get_args

from fairtrial.api.alarms import SEVERITIES, AlarmState
from fairtrial.domain.decision.transition import Action
from fairtrial.domain.verdicts.verdict import Decision
from fairtrial.store.experiments import alarm_messages, alarms, decision_counts
from gateway.control.background.step_pace import StepCounts
from gateway.control.context import Owner
from gateway.metrics import Declared, Values, exposition

STANDING: tuple[AlarmState, ...] = ("open", "acknowledged")
ACTIONS: tuple[Action, ...] = get_args(Action)
DECLARED = {
    "alarms": Declared("gauge", "Alarms whose cause has not gone.", ("kind", "severity", "state")),
    "alarm_messages": Declared("gauge", "Messages of alarms; failing ones were tried in vain so far.", ("state",)),
    "ingest_lag_bytes": Declared("gauge", "Bytes of the journal that are not in the store yet."),
    "ingest_lag_seconds": Declared("gauge", "At most how long the oldest of them have waited; 0 if none wait."),
    "ingested_rows_total": Declared("counter", "Events that were ingested."),
    "ingest_rejects_total": Declared("counter", "Lines of the journal that were rejected."),
    "step_seconds": Declared("histogram", "Duration of a step of an experiment."),
    "steps_failed_total": Declared("counter", "Steps of experiments that failed."),
    "decisions_total": Declared("counter", "Changes of the state of experiments in the store.", ("action", "by")),
    "verdicts_total": Declared("counter", "Verdicts in the store.", ("decision",)),
    "control_trouble": Declared("gauge", "1 while some work of control fails; its log says which."),
    "project_file_refused": Declared("gauge", "1 while a changed project file is refused."),
}


class Process(Owner, Protocol):
    """Control, which does its regular work in threads."""

    @property
    def step_counts(self) -> StepCounts:
        """The steps of experiments."""

    @property
    def ingest_lag_seconds(self) -> float:
        """At most how long the oldest line of the journal has waited."""


def metrics_text(process: Process) -> bytes:
    """The text of ``/metrics``; raises `StoreError`. Labels have names from a fixed set."""
    return exposition(DECLARED, [((), _values(process))])


def _values(process: Process) -> Values:
    database, steps, totals = process.database, process.step_counts, process.totals
    standing, changes = alarms.counts(database), decision_counts.changes(database)
    messages, verdicts = alarm_messages.delivery_counts(database), decision_counts.verdicts(database)
    single = {
        "ingest_lag_bytes": process.ingester.lag_bytes(),
        "ingest_lag_seconds": process.ingest_lag_seconds,
        "ingested_rows_total": totals.rows,
        "ingest_rejects_total": totals.rejects,
        "steps_failed_total": steps.failed,
        "control_trouble": process.health_error is not None,
        "project_file_refused": process.publisher.refused is not None,
    }
    return {
        **{name: [((), float(value))] for name, value in single.items()},
        "alarms": [
            ((kind, severity, state), standing.get((state, kind), 0))
            for kind, severity in SEVERITIES.items()
            for state in (STANDING if severity != "notice" else ())
        ],
        "alarm_messages": [((state,), messages.get(state, 0)) for state in alarm_messages.SHOWN_STATES],
        "step_seconds": [((), [*steps.seconds])],
        "decisions_total": [
            ((action, by), changes.get((action, own), 0))
            for action in ACTIONS
            for by, own in (("control", True), ("others", False))
        ],
        "verdicts_total": [((decision,), verdicts.get(decision, 0)) for decision in get_args(Decision)],
    }
