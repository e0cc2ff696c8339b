"""Routes changes of alarms to their targets, and delivers the messages until each is taken or refused."""

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from fnmatch import fnmatchcase
from itertools import groupby

import msgspec

from fairtrial.api.alarms import SEVERITIES, Delivery, TestedTarget
from fairtrial.domain.errors import NotFound, nearest
from fairtrial.domain.limits.alarm_settings import AlarmSettings, AlarmTarget
from fairtrial.domain.limits.constants import MINUTE_US
from fairtrial.domain.names.ids import id_at
from fairtrial.domain.plan import Plan
from fairtrial.domain.promises import ALARM_ATTEMPTS, ALARM_PAUSE_SECONDS, LONGEST_ALARM_PAUSE_SECONDS
from fairtrial.store.core.database import Database
from fairtrial.store.experiments import alarm_messages
from fairtrial.store.experiments.alarm_messages import AlarmChange, DueMessage, Sent
from gateway.control.alarms.compose import Composer
from gateway.control.alarms.message import Message, test_message
from gateway.control.alarms.pinned_address import Failed, Refused, Resolve, resolve
from gateway.control.alarms.quiet_hours import quiet_until
from gateway.control.alarms.send import Sender

THREADS = 8
REMOVED = "the target is no longer in the project file"
Known = dict[tuple[str, str], Sent]


class AlarmDelivery:
    """One thread calls `step`. Each target has its own attempts, so that a silent one delays no other.

    ``declared``: the targets and the plan; ``None`` before the project file was read, when nothing is routed.
    """

    def __init__(
        self,
        database: Database,
        declared: Callable[[], tuple[AlarmSettings, Plan] | None],
        clock_us: Callable[[], int],
        *,
        environ: Mapping[str, str] = os.environ,
        resolve: Resolve = resolve,
    ) -> None:
        self._database, self._declared, self._clock_us = database, declared, clock_us
        self._environ, self._resolve = environ, resolve
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="alarms")
        self._sending: dict[str, Future[None]] = {}
        self._stopping = threading.Event()
        self._seen: tuple[int, AlarmSettings] | None = None
        self._next_us = 0

    def step(self) -> None:
        """Route what is new and start what is due; raises `StoreError`, also of an earlier attempt.

        Without a new change, an attempt that has ended, or a message that is due, it reads nothing for a minute.
        """
        declared, now_us = self._declared(), self._clock_us()
        if declared is None:
            return
        settings, plan = declared
        seen = self._database.changes.into(alarm_messages.OUTBOX), settings
        ended = any(sending.done() for sending in self._sending.values())
        if seen == self._seen and not ended and now_us < self._next_us:
            return
        route(self._database, settings, plan, now_us=now_us)
        self._dispatch(settings, now_us)
        waiting_us = alarm_messages.next_us(self._database)
        self._seen, self._next_us = seen, min(now_us + MINUTE_US, waiting_us or now_us + MINUTE_US)

    def stop(self) -> None:
        """Wait for the attempts that have begun; messages that were not sent wait for the next start."""
        self._stopping.set()
        self._pool.shutdown(cancel_futures=True)

    def _dispatch(self, settings: AlarmSettings, now_us: int) -> None:
        # An attempt that ends after this line may be among those that are due, so its target waits for the next step.
        ended = [self._sending.pop(name) for name, sending in list(self._sending.items()) if sending.done()]
        due = sorted(alarm_messages.due(self._database, now_us), key=lambda message: message.target)
        for name, messages in groupby(due, lambda message: message.target):
            if name not in self._sending:
                self._sending[name] = self._pool.submit(self._send, settings, list(messages))
        for sending in ended:
            sending.result()

    def _send(self, settings: AlarmSettings, messages: list[DueMessage]) -> None:
        sender = Sender(self._environ, settings.hosts, self._resolve)
        for due in messages:
            if self._stopping.is_set():
                return
            target, now_us = settings.targets.get(due.target), self._clock_us()
            state, reason = self._attempt(sender, target, due, now_us)
            pause = min(ALARM_PAUSE_SECONDS * 2.0 ** min(due.attempts, 10), LONGEST_ALARM_PAUSE_SECONDS)
            next_us = now_us + int(1e6 * pause)
            alarm_messages.settle(self._database, due.message_id, state, now_us=now_us, next_us=next_us, reason=reason)

    def _attempt(
        self, sender: Sender, target: AlarmTarget | None, due: DueMessage, now_us: int
    ) -> tuple[Delivery, str]:
        if target is None:
            return "refused", REMOVED
        message = msgspec.json.decode(due.body, type=Message)
        state, reason = attempt(sender, target, message, due.message_id, now_us=now_us)
        if state == "waiting" and due.attempts + 1 >= ALARM_ATTEMPTS:
            return "refused", f"given up after {ALARM_ATTEMPTS} attempts: {reason}"
        return state, reason


def attempt(
    sender: Sender, target: AlarmTarget, message: Message, message_id: str, *, now_us: int
) -> tuple[Delivery, str]:
    """Send once; returns the state and the reason, which names no URL and no secret."""
    try:
        sender.send(target, message, message_id, now_us=now_us)
    except Refused as error:
        return "refused", str(error)
    except Failed as error:
        return "waiting", str(error)
    except Exception as error:  # noqa: BLE001 - a fault of one target must not keep messages from the others
        return "waiting", f"it could not be sent ({type(error).__name__})"
    return "delivered", ""


def route(database: Database, settings: AlarmSettings, plan: Plan, *, now_us: int) -> None:
    """Write the messages of new changes and repetitions; raises `StoreError`."""
    changes, standing = alarm_messages.changes(database), alarm_messages.open_alarms(database)
    if not changes and (not standing or not settings.targets):
        return
    known = alarm_messages.sent(database, [change.alarm_id for change in (*changes, *standing)])
    composer = Composer(database, plan, (settings.dashboard_url or "").rstrip("/"))
    new = [
        (number, change, name, msgspec.json.encode(composer.compose(change, now_us)).decode())
        for change, name, number in _routed(settings, changes, standing, known, now_us)
    ]
    if not new and not changes:
        return
    with database.changes.about(), database.transaction() as cursor:
        for number, change, name, body in new:
            quiet = None if SEVERITIES.get(change.kind) == "urgent" else settings.targets[name].quiet
            times_us = now_us, now_us if quiet is None else quiet_until(quiet, now_us)
            alarm_messages.append(
                cursor, f"msg_{change.alarm_id}_{name}_{number}", change, name, body, times_us=times_us
            )
        alarm_messages.clear(cursor, changes)


def _routed(
    settings: AlarmSettings, changes: list[AlarmChange], standing: list[AlarmChange], known: Known, now_us: int
) -> Iterator[tuple[AlarmChange, str, int]]:
    """Each change with a target that gets it and the number of the message. It notes them in ``known``."""
    for change in (*changes, *standing):
        for name, target in settings.targets.items():
            before = known.get((change.alarm_id, name))
            if (kind := _next_change(change, target, before, now_us)) is not None:
                number = 1 if before is None else before.count + 1
                known[change.alarm_id, name] = Sent(number, now_us, waits=True)
                yield msgspec.structs.replace(change, change=kind), name, number


def _next_change(
    change: AlarmChange, target: AlarmTarget, before: Sent | None, now_us: int
) -> alarm_messages.MessageChange | None:
    """What the target is to learn: a beginning once, its end if it got the beginning, and repetitions in between.

    An open alarm without a message began before the target was declared.
    """
    if before is None:
        return "opened" if change.change != "closed" and _gets(target, change.kind) else None
    if change.change == "repeated" and not before.waits and target.repeat is not None and _gets(target, change.kind):
        return "repeated" if now_us >= before.newest_us + int(1e6 * target.repeat) else None
    return "closed" if change.change == "closed" else None


def _gets(target: AlarmTarget, kind: str) -> bool:
    return SEVERITIES.get(kind, "warning") in target.severities and any(
        fnmatchcase(kind, each) for each in target.kinds
    )


def send_tests(
    settings: AlarmSettings, only: str | None, *, now_us: int, environ: Mapping[str, str] = os.environ
) -> list[TestedTarget]:
    """Send a test message to each target, or to one, at once; raises `NotFound` for an unknown one."""
    if only is not None and only not in settings.targets:
        raise NotFound(f"alarms.targets: there is no target {only!r} ({nearest(only, settings.targets)})")
    sender, tested = Sender(environ, settings.hosts), []
    for name, target in settings.targets.items():
        if only in (None, name):
            message_id = f"msg_{id_at(now_us)}_{name}_1"
            state, reason = attempt(
                sender, target, test_message(settings.dashboard_url or "", now_us), message_id, now_us=now_us
            )
            tested.append(TestedTarget(target=name, delivery=state, message_id=message_id, reason=reason))
    return tested
