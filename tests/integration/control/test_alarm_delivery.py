"""Alarms reach their targets once and signed, and no message goes where it must not."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fairtrial.api.alarms import SEVERITIES
from fairtrial.config.project import load_project
from fairtrial.domain.limits.alarm_settings import AlarmSettings, AlarmTarget, QuietHours
from fairtrial.domain.plan import Plan
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.experiments import alarms
from gateway.control.alarms.delivery import AlarmDelivery
from gateway.control.alarms.pinned_address import resolve
from tests.fixtures.control.alarm_receivers import KEY, SECRET, Posted, Receiver, receiver
from tests.fixtures.control.control_app import NOW, config, database
from tests.fixtures.waiting import until

__all__ = ["config", "database"]

HOUR_US, SECOND_US = 3_600_000_000, 1_000_000
NAME = "tuned-vs-base"


class Control:
    """The deliveries of a control with a clock to turn; it can be replaced, as by a restart."""

    def __init__(self, database: Database, plan: Plan, settings: AlarmSettings) -> None:
        self.database, self.plan, self.settings = database, plan, settings
        self.now_us = NOW
        self.resolve: Callable[[str, int], list[str]] = resolve
        self.restart()

    def restart(self) -> None:
        self.delivery = AlarmDelivery(
            self.database,
            lambda: (self.settings, self.plan),
            lambda: self.now_us,
            environ={"SECRET": SECRET},
            resolve=lambda host, port: self.resolve(host, port),
        )

    def open(self, kind: str, text: str = "Look.") -> None:
        with self.database.transaction() as cursor:
            if SEVERITIES[kind] == "notice":
                alarms.notice(cursor, kind, NAME, text=text, now_us=self.now_us, actor="control")
            else:
                alarms.open_alarm(cursor, kind, NAME, text=text, now_us=self.now_us, actor="control")

    def close(self, kind: str) -> None:
        with self.database.transaction() as cursor:
            alarms.close(cursor, kind, NAME, now_us=self.now_us, actor="control")

    def rows(self) -> list[dict[str, Any]]:
        return self.database.dicts(alarms.listing(Page()))

    def work(self, seconds: int = 1) -> None:
        """Let the clock run, and deliver what is due each second."""
        for _ in range(seconds):
            self.now_us += SECOND_US
            self.delivery.step()
            until(lambda: all(sending.done() for sending in self.delivery._sending.values()))


def targets(port: int, **changes: Any) -> AlarmSettings:
    """A signed webhook on this machine."""
    fields: dict[str, Any] = {"url": f"http://localhost:{port}/hook", "secret": "${SECRET}", "private": True}
    fields |= {"severities": ("urgent", "warning", "notice")} | changes
    target = AlarmTarget(form="json", **fields)
    return AlarmSettings(hosts=("localhost",), dashboard_url="http://d.example", targets={"pager": target})


@contextmanager
def controlled(database: Database, config: Path, settings: AlarmSettings) -> Iterator[Control]:
    made = Control(database, load_project(config, {}).plan, settings)
    yield made
    made.delivery.stop()


def data_of(post: Posted) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(post.body)["data"]
    return found


def told(hook: Receiver) -> list[tuple[str, str]]:
    return [(data_of(post)["alarm"]["kind"], data_of(post)["alarm"]["change"]) for post in hook.taken]


def assert_signed(post: Posted) -> None:
    """The signature as Standard Webhooks defines it, computed here from its text."""
    signed = f"{post.headers['webhook-id']}.{post.headers['webhook-timestamp']}.".encode() + post.body
    version, _, signature = post.headers["webhook-signature"].partition(",")
    assert version == "v1"
    assert hmac.compare_digest(b64decode(signature), hmac.digest(KEY, signed, hashlib.sha256))


def test_each_kind_reaches_the_receiver_signed(database: Database, config: Path) -> None:
    with receiver() as hook, controlled(database, config, targets(hook.port)) as control:
        for kind in SEVERITIES:
            control.open(kind)
        control.work()
        assert sorted(told(hook)) == sorted((kind, "opened") for kind in SEVERITIES)
        for post in hook.posted:
            assert_signed(post)
            assert data_of(post)["severity"] == SEVERITIES[data_of(post)["alarm"]["kind"]]
            assert data_of(post)["see"] == f"http://d.example/experiment?experiment={NAME}"
            assert data_of(post)["stop"] == f"http://d.example/experiment?experiment={NAME}&do=kill"
        assert {row["delivery"] for row in control.rows()} == {"delivered"}


@pytest.mark.release("stories")
def test_a_receiver_that_is_down_for_ten_minutes_gets_each_message_once(database: Database, config: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with controlled(database, config, targets(port)) as control:
        for kind in ("experiment.worse", "experiment.srm"):
            control.open(kind)
        control.work(300)
        control.close("experiment.worse")
        control.work(300)
        assert [row["delivery"] for row in control.rows()] == ["waiting", "waiting"]
        assert "ConnectError" in control.rows()[0]["messages"]
        control.restart()
        with receiver(port) as hook:
            control.work(900)
            assert sorted(told(hook)) == [
                ("experiment.srm", "opened"), ("experiment.worse", "closed"), ("experiment.worse", "opened"),
            ]  # fmt: skip
            assert told(hook).index(("experiment.worse", "opened")) < told(hook).index(("experiment.worse", "closed"))
            assert max(Counter(post.headers["webhook-id"] for post in hook.posted).values()) == 1


def test_the_same_message_has_the_same_id_at_each_attempt(database: Database, config: Path) -> None:
    with receiver() as hook, controlled(database, config, targets(hook.port)) as control:
        hook.status = 503
        control.open("experiment.worse")
        control.work(20)
        control.restart()
        hook.status = 204
        control.work(60)
        assert len(hook.posted) >= 3
        assert len(hook.taken) == 1
        assert len({post.headers["webhook-id"] for post in hook.posted}) == 1
        assert len({post.headers["webhook-timestamp"] for post in hook.posted}) == len(hook.posted)
        assert len({post.body for post in hook.posted}) == 1


def test_a_redirect_is_not_followed_and_not_tried_again(database: Database, config: Path) -> None:
    with receiver() as elsewhere, receiver() as hook, controlled(database, config, targets(hook.port)) as control:
        hook.status, hook.location = 302, f"http://localhost:{elsewhere.port}/"
        control.open("experiment.worse")
        control.work(30)
        assert (len(hook.posted), elsewhere.posted) == (1, [])
        (row,) = control.rows()
        assert (row["delivery"], "redirects are not followed" in row["messages"]) == ("refused", True)


@pytest.mark.parametrize(
    ("addresses", "private"),
    [
        (["127.0.0.1"], False), (["10.0.0.7"], False), (["169.254.169.254"], False), (["::1"], False),
        (["::ffff:127.0.0.1"], False), (["64:ff9b::a9fe:a9fe"], False), (["2002:7f00:1::"], False),
        (["fe80::1%eth0"], False), (["100.64.0.1"], False), (["0.0.0.0"], False), (["fd00:ec2::254"], False),
        (["93.184.216.34", "127.0.0.1"], False),
        (["93.184.216.34"], True), (["169.254.169.254"], True), (["127.0.0.1", "93.184.216.34"], True),
    ],
)  # fmt: skip
def test_an_address_of_the_other_kind_is_refused(
    database: Database, config: Path, *, addresses: list[str], private: bool
) -> None:
    with receiver() as hook:
        settings = targets(hook.port, private=private, url=f"https://localhost:{hook.port}/")
        with controlled(database, config, settings) as control:
            control.resolve = lambda _host, _port: addresses
            control.open("experiment.worse")
            control.work(30)
            assert hook.posted == []
            (row,) = control.rows()
            assert row["delivery"] == "refused"
            assert f"is not {'a private' if private else 'a public'}" in row["messages"]


def test_a_name_that_leads_elsewhere_at_a_later_attempt_is_refused(database: Database, config: Path) -> None:
    with receiver() as hook, controlled(database, config, targets(hook.port)) as control:
        hook.status = 503
        control.open("experiment.worse")
        control.work()
        assert len(hook.posted) == 1
        hook.status = 204
        control.resolve = lambda _host, _port: ["93.184.216.34"]
        control.work(10)
        assert len(hook.posted) == 1
        assert [row["delivery"] for row in control.rows()] == ["refused"]


def test_a_host_that_is_no_longer_listed_gets_nothing(database: Database, config: Path) -> None:
    with receiver() as hook, controlled(database, config, targets(hook.port)) as control:
        control.settings = AlarmSettings(targets=control.settings.targets)
        control.open("experiment.worse")
        control.work()
        assert hook.posted == []
        assert "alarms.hosts" in control.rows()[0]["messages"]
        control.open("experiment.srm")
        control.settings = AlarmSettings(hosts=("localhost",))
        control.work()
        assert hook.posted == []


def test_an_open_alarm_is_repeated_until_a_person_acknowledges_it(database: Database, config: Path) -> None:
    with receiver() as hook, controlled(database, config, targets(hook.port, repeat=3600.0)) as control:
        control.open("experiment.worse")
        control.work()
        for _ in range(2):
            control.now_us += HOUR_US
            control.work(2)
        changes = ["opened", "repeated", "repeated"]
        assert [change for _, change in told(hook)] == changes
        with database.transaction() as cursor:
            alarms.acknowledge(cursor, control.rows()[0]["alarm_id"], now_us=control.now_us, actor="rosa", why="seen")
        control.now_us += 3 * HOUR_US
        control.work(2)
        assert [change for _, change in told(hook)] == changes
        control.close("experiment.worse")
        control.work(2)
        assert [change for _, change in told(hook)] == [*changes, "closed"]


def test_quiet_hours_hold_what_is_not_urgent(database: Database, config: Path) -> None:
    quiet = QuietHours(start="08:00", end="09:30", zone="UTC")  # it is 8:00
    with receiver() as hook, controlled(database, config, targets(hook.port, quiet=quiet)) as control:
        control.open("experiment.rests")
        control.open("experiment.worse")
        control.work(2)
        assert told(hook) == [("experiment.worse", "opened")]
        control.now_us += HOUR_US
        control.work(2)
        assert len(hook.posted) == 1
        control.now_us += HOUR_US
        control.work(2)
        assert told(hook) == [("experiment.worse", "opened"), ("experiment.rests", "opened")]


def test_a_target_gets_its_kinds_and_severities_and_ends_of_what_it_got(database: Database, config: Path) -> None:
    chosen = {"kinds": ("experiment.*", "stage.*"), "severities": ("urgent",)}
    with receiver() as hook, controlled(database, config, targets(hook.port, **chosen)) as control:
        kinds = ("experiment.worse", "experiment.rests", "stage.approval", "store.older", "notice.better")
        for kind in kinds:
            control.open(kind)
        control.work()
        for kind in kinds[:-1]:
            control.close(kind)
        control.work()
        assert told(hook) == [("experiment.worse", "opened"), ("experiment.worse", "closed")]


def test_a_new_target_gets_what_is_open_and_no_old_notice(database: Database, config: Path) -> None:
    with receiver() as hook, controlled(database, config, AlarmSettings()) as control:
        for kind in ("experiment.worse", "experiment.srm", "notice.better"):
            control.open(kind)
        control.close("experiment.srm")
        control.work()
        control.settings = targets(hook.port)
        control.work(61)
        assert told(hook) == [("experiment.worse", "opened")]


def test_nothing_is_routed_before_the_project_file_was_read(database: Database, config: Path) -> None:
    with receiver() as hook, controlled(database, config, targets(hook.port)) as control:
        early = AlarmDelivery(database, lambda: None, lambda: control.now_us)
        control.open("notice.better")
        early.step()
        early.stop()
        control.work()
        assert told(hook) == [("notice.better", "opened")]


def test_no_secret_and_no_text_of_a_failed_look_leaves(database: Database, config: Path) -> None:
    secret = "sk-proj-AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfGh"
    with receiver() as hook, controlled(database, config, targets(hook.port)) as control:
        control.open("experiment.error", "ConversionException: could not convert 'canary of a prompt'")
        control.open("experiment.killed", f"{NAME}: stopped by account rosa: mail ann@example.org or use {secret}")
        control.work()
        sent = b"".join(post.body + repr(post.headers).encode() for post in hook.posted)
        assert len(hook.posted) == 2
        assert [word for word in (b"canary", b"ann@example", secret[:20].encode()) if word in sent] == []
        assert SECRET[6:].encode() not in sent
