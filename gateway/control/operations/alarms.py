"""Implements the operations on alarms."""

from fairtrial.api.alarms import AcknowledgeAlarm, AcknowledgedAlarm, ListAlarms, TestAlarms, TestedTarget
from fairtrial.domain.errors import BadRequest
from fairtrial.store.core.query import Query
from fairtrial.store.experiments import alarms
from gateway.control.alarms.delivery import send_tests
from gateway.control.context import Context, page_of
from gateway.control.experiments.record_alarms import acknowledge_alarm


def listing(_: Context, request: ListAlarms) -> Query:
    return alarms.listing(page_of(request), standing=not request.closed)


def acknowledge(context: Context, request: AcknowledgeAlarm) -> AcknowledgedAlarm:
    alarm_id = request.alarm_id
    acknowledge_alarm(context.database, alarm_id, actor=context.actor, why=request.why, now_us=context.now_us)
    return AcknowledgedAlarm(alarm_id=alarm_id)


def test(context: Context, request: TestAlarms) -> list[TestedTarget]:
    settings = context.owner.alarm_settings()
    if not settings.targets:
        raise BadRequest("alarms.targets: the project file names none")
    return send_tests(settings, request.target, now_us=context.now_us)
