"""Writes a message in the form of its target: JSON for a signed webhook, Slack's form, or a mail in plain text."""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any

import msgspec

from fairtrial.domain.limits.alarm_settings import Smtp
from gateway.control.alarms.message import Message

TITLES = {"opened": "", "repeated": "Still open: ", "closed": "Over: ", "test": "Test: "}


def webhook_body(message: Message) -> bytes:
    """The JSON of a webhook."""
    form = {"type": f"alarm.{message.alarm.change}", "timestamp": message.at, "data": message}
    return msgspec.json.encode(form)


def slack_body(message: Message) -> bytes:
    """The JSON that Slack's incoming webhooks read. No text of the message can become a link or a mention."""
    title = f"*{_escaped(title_of(message))}*"
    parts = [title, *(f"```{line}```" if drawn else _escaped(line) for line, drawn in _lines(message))]
    parts.append(" · ".join(f"<{link}|{name}>" for name, link in _links(message)))
    text: dict[str, Any] = {"type": "mrkdwn", "text": "\n".join(parts)}
    return msgspec.json.encode({"text": _escaped(title_of(message)), "blocks": [{"type": "section", "text": text}]})


def mail(message: Message, message_id: str, smtp: Smtp, *, now_us: int) -> EmailMessage:
    """The mail, whose Message-ID stays the same at each attempt."""
    made = EmailMessage()
    made["Subject"] = f"[fairtrial] {' '.join(title_of(message).split())}"
    made["From"], made["To"] = smtp.sender, ", ".join(smtp.recipients)
    made["Date"], made["Message-ID"] = formatdate(now_us / 1e6), f"<{message_id}@fairtrial.invalid>"
    lines = [title_of(message), "", *(line for line, _ in _lines(message)), ""]
    made.set_content("\n".join([*lines, *(f"{name}: {link}" for name, link in _links(message)), ""]))
    return made


def signature_headers(key: bytes, message_id: str, body: bytes, *, now_us: int) -> dict[str, str]:
    """The headers of Standard Webhooks: HMAC-SHA256 over the id, the time of this attempt in seconds, and the body."""
    seconds = str(now_us // 1_000_000)
    digest = hmac.digest(key, b".".join((message_id.encode(), seconds.encode(), body)), hashlib.sha256)
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": message_id, "webhook-timestamp": seconds, "webhook-signature": signature}


def title_of(message: Message) -> str:
    """What happened, in one line."""
    alarm = message.alarm
    return f"{TITLES[alarm.change]}{message.severity}: {alarm.experiment or 'fairtrial'} ({alarm.kind})"


def _lines(message: Message) -> Iterator[tuple[str, bool]]:
    """The lines below the title, and whether each is the picture."""
    yield message.alarm.text, False
    if message.figure is not None:
        yield message.figure.words, False
        yield message.figure.picture, True
    if message.done:
        yield message.done, False


def _links(message: Message) -> Iterator[tuple[str, str]]:
    yield "See", message.see
    if message.stop is not None:
        yield "Stop", message.stop


def _escaped(text: str) -> str:
    """Text for Slack, in which only these three characters begin markup of links and mentions."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
