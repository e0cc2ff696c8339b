"""TLS to the pinned address, with the certificate of the name, for webhooks and mails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fairtrial.domain.limits.alarm_settings import AlarmTarget, Smtp
from gateway.control.alarms.message import test_message as made_test
from gateway.control.alarms.pinned_address import Failed, Refused
from gateway.control.alarms.send import Sender
from tests.fixtures.control.alarm_receivers import SECRET, certificates, mail_server, receiver

NOW = 1_800_000_000_000_000
ENVIRON = {"SECRET": SECRET, "PASSWORD": "canary-password"}


def sender(trusted: Any, *hosts: str) -> Sender:
    """All names lead to this machine."""
    return Sender(ENVIRON, hosts, lambda _host, _port: ["127.0.0.1"], trusted)


def send(made: Sender, target: AlarmTarget) -> None:
    made.send(target, made_test("https://d.example", NOW), "msg_1", now_us=NOW)


def test_a_webhook_by_tls_has_the_name_of_its_host(tmp_path: Path) -> None:
    server, client = certificates(tmp_path, "hooks.example")
    with receiver(trusted=server) as hook:
        target = AlarmTarget(
            form="json", url=f"https://hooks.example:{hook.port}/x?y=1", secret="${SECRET}", private=True
        )
        send(sender(client, "hooks.example"), target)
        (post,) = hook.posted
        assert (post.path, post.headers["host"]) == ("/x?y=1", f"hooks.example:{hook.port}")
        other = AlarmTarget(form="json", url=f"https://other.example:{hook.port}/", secret="${SECRET}", private=True)
        with pytest.raises(Failed, match="ConnectError"):
            send(sender(client, "other.example"), other)
        assert len(hook.posted) == 1


@pytest.mark.parametrize("status", [404, 410, 429, 500])
def test_other_statuses_fail_and_gone_is_final(status: int) -> None:
    with receiver() as hook:
        hook.status = status
        target = AlarmTarget(form="slack", url=f"http://hooks.example:{hook.port}/secret-path", private=True)
        with pytest.raises(Refused if status == 410 else Failed, match=f"status {status}") as raised:
            send(sender(None, "hooks.example"), target)
        assert "secret-path" not in str(raised.value)
        assert "webhook-signature" not in hook.posted[0].headers


def mail_target(port: int, *, private: bool = True, **more: Any) -> AlarmTarget:
    smtp = Smtp(server=f"mail.example:{port}", sender="f@example.org", recipients=("a@example.org",), **more)
    return AlarmTarget(form="email", smtp=smtp, private=private)


def test_a_mail_signs_in_only_after_starttls(tmp_path: Path) -> None:
    server, client = certificates(tmp_path, "mail.example")
    with mail_server(server) as mails:
        send(sender(client, "mail.example"), mail_target(mails.port, user="fairtrial", password="${PASSWORD}"))
        names = [line.split()[0].upper() for line in mails.lines]
        assert names.index("STARTTLS") < names.index("AUTH") < names.index("DATA")
        assert "Message-ID: <msg_1@fairtrial.invalid>" in mails.mails[0]
        assert "canary" not in mails.mails[0]


def test_a_mail_server_with_another_certificate_gets_no_password(tmp_path: Path) -> None:
    server, client = certificates(tmp_path, "other.example")
    with mail_server(server) as mails, pytest.raises(Failed, match="SSLCertVerificationError"):
        send(sender(client, "mail.example"), mail_target(mails.port, user="fairtrial", password="${PASSWORD}"))
    assert not [line for line in mails.lines if line.startswith(("AUTH", "MAIL"))]


def test_a_public_mail_server_without_tls_gets_no_mail() -> None:
    with mail_server(None) as mails:
        send(sender(None, "mail.example"), mail_target(mails.port))
        assert len(mails.mails) == 1
        public = Sender(ENVIRON, ("mail.example",), lambda _host, _port: ["93.184.216.34"])
        with pytest.MonkeyPatch.context() as patch:
            here = __import__("socket").create_connection
            patch.setattr("socket.create_connection", lambda _to, *rest: here(("127.0.0.1", mails.port), *rest))
            with pytest.raises(Failed, match="SMTPNotSupportedError"):
                send(public, mail_target(mails.port, private=False))
        assert len(mails.mails) == 1


def test_recipients_that_are_all_refused_are_not_tried_again() -> None:
    with mail_server(None) as mails:
        mails.refuses = True
        with pytest.raises(Refused, match="all recipients"):
            send(sender(None, "mail.example"), mail_target(mails.port))


def test_a_secret_that_is_gone_from_the_environment_is_named() -> None:
    target = AlarmTarget(form="slack", url="${GONE}")
    with pytest.raises(Failed, match="GONE is not set"):
        send(sender(None, "hooks.example"), target)
