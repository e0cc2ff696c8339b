"""Sends one message to one target over a pinned connection: no redirects, no proxies, and never without TLS outside."""

import smtplib
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from fairtrial.config.file.environment import interpolate
from fairtrial.domain.limits.alarm_settings import AlarmTarget, Smtp, signing_key
from fairtrial.domain.names.addresses import DEFAULT_PORTS, parse_address
from gateway.control.alarms import forms
from gateway.control.alarms.message import Message
from gateway.control.alarms.pinned_address import Failed, Refused, Resolve, pinned_address, resolve

SECONDS = 5.0
"""How long a connection, and each answer of the other side, may take."""
IMPLICIT_TLS = 465
"""The port at which a mail server speaks TLS from the start (RFC 8314)."""
GONE = 410


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends messages. ``environ``: where the secrets are. ``trusted``: checks certificates."""

    environ: Mapping[str, str]
    hosts: tuple[str, ...]
    resolve: Resolve = resolve
    trusted: ssl.SSLContext | None = None

    def send(self, target: AlarmTarget, message: Message, message_id: str, *, now_us: int) -> None:
        """One attempt; raises `Failed` if another one may succeed, and `Refused` if none may be made."""
        if target.smtp is not None:
            return self._mail(target, target.smtp, message, message_id, now_us)
        body = forms.slack_body(message) if target.form == "slack" else forms.webhook_body(message)
        headers = {"content-type": "application/json", "user-agent": "fairtrial"}
        if target.secret is not None:
            key = signing_key(self._filled(target.secret))
            headers |= forms.signature_headers(key, message_id, body, now_us=now_us)
        return self._post(target, self._filled(target.url or ""), headers, body)

    def _post(self, target: AlarmTarget, url: str, headers: Mapping[str, str], body: bytes) -> None:
        import httpx  # slow to import, and many projects have no target

        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme]
        address = self._address(host, port, target)
        shown = f"[{address}]" if ":" in address else address
        pinned = urlunsplit((parts.scheme, f"{shown}:{port}", parts.path or "/", parts.query, ""))
        sent = {**headers, "host": parts.netloc}
        verify = self.trusted or ssl.create_default_context()
        try:
            with (
                httpx.Client(trust_env=False, follow_redirects=False, verify=verify, timeout=SECONDS) as client,
                client.stream("POST", pinned, headers=sent, content=body, extensions={"sni_hostname": host}) as answer,
            ):
                status, redirects = answer.status_code, answer.is_redirect
        except httpx.HTTPError as error:
            raise Failed(f"{host} did not answer ({type(error).__name__})") from error
        if redirects or status == GONE:
            raise Refused(f"{host} answered with status {status}{', and redirects are not followed' * redirects}")
        if not 200 <= status < 300:
            raise Failed(f"{host} answered with status {status}")

    def _mail(self, target: AlarmTarget, smtp: Smtp, message: Message, message_id: str, now_us: int) -> None:
        server = parse_address(smtp.server)
        address = self._address(server.host, server.port, target)
        mail = forms.mail(message, message_id, smtp, now_us=now_us)
        try:
            with _connected(server.host, server.port, address, self.trusted or ssl.create_default_context()) as client:
                client.ehlo()
                if server.port != IMPLICIT_TLS and (client.has_extn("starttls") or not target.private):
                    client.starttls(context=self.trusted or ssl.create_default_context())
                if smtp.user is not None and smtp.password is not None:
                    client.login(self._filled(smtp.user), self._filled(smtp.password))
                client.send_message(mail)  # a mail that some recipients get is delivered: a repetition would come twice
        except smtplib.SMTPRecipientsRefused as error:
            raise Refused(f"{server.host} refused all recipients") from error
        except (smtplib.SMTPException, OSError) as error:
            code = f" {error.smtp_code}" if isinstance(error, smtplib.SMTPResponseException) else ""
            raise Failed(f"{server.host} did not take the mail ({type(error).__name__}{code})") from error

    def _address(self, host: str, port: int, target: AlarmTarget) -> str:
        if host.lower() not in map(str.lower, self.hosts):
            raise Refused("its host is not in alarms.hosts")
        return pinned_address(host, port, private=target.private, resolve=self.resolve)

    def _filled(self, text: str) -> str:
        filled, unset = interpolate(text, self.environ)
        if unset:
            raise Failed(unset[0].wrong)
        return str(filled)


def _connected(host: str, port: int, address: str, trusted: ssl.SSLContext) -> smtplib.SMTP:
    """A session whose certificate must be that of the host, at the address that was checked."""

    class Pinned(smtplib.SMTP):
        def _get_socket(self, _host: str, _port: int, timeout: float) -> socket.socket:
            plain = socket.create_connection((address, port), timeout)
            return trusted.wrap_socket(plain, server_hostname=host) if port == IMPLICIT_TLS else plain

    return Pinned(host, port, timeout=SECONDS)
