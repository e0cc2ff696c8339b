"""Checks who gets the messages of alarms. No error shows a value, because URLs and passwords are secrets."""

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from fairtrial.api.alarms import SEVERITIES
from fairtrial.config.file.environment import interpolate
from fairtrial.config.file.errors import FieldError
from fairtrial.config.file.schema import ProjectFile
from fairtrial.domain.errors import nearest
from fairtrial.domain.limits.alarm_settings import AlarmTarget, signing_key
from fairtrial.domain.names.addresses import origin_of, parse_address

ADDRESS = re.compile(r"[^@\s<>,]+@[^@\s<>,]+")
NAME = re.compile(r"[A-Za-z0-9-]{1,40}")
Wrong = Iterator[tuple[tuple[str, ...], str, str]]


def wrong_alarms(file: ProjectFile, environ: Mapping[str, str]) -> Iterator[FieldError]:
    """Targets that can't get a message safely, hosts that are not listed, and kinds that no alarm has."""
    link = file.alarms.dashboard_url
    if link is not None and not origin_of(link):
        yield FieldError(("alarms", "dashboard_url"), "it is not a URL", "https://fairtrial.example.org")
    for name, target in file.alarms.targets.items():
        place = ("alarms", "targets", name)
        if not NAME.fullmatch(name):
            yield FieldError(place, f"{name!r} can't be the name of a target", "at most 40 letters, digits and '-'")
        for number, pattern in enumerate(target.kinds):
            if not any(fnmatchcase(kind, pattern) for kind in SEVERITIES):
                known = nearest(pattern, SEVERITIES)
                yield FieldError((*place, "kinds", number), f"no alarm has the kind {pattern!r}", known)
        wrong = _mail(target, file.alarms.hosts) if target.form == "email" else _webhook(target, file, environ)
        yield from (FieldError((*place, *at), text, known) for at, text, known in wrong)


def _webhook(target: AlarmTarget, file: ProjectFile, environ: Mapping[str, str]) -> Wrong:
    if target.smtp is not None:
        yield ("smtp",), "only an email has a mail server", "form: email"
    if target.url is None:
        yield ("url",), "it is missing", "the URL of the webhook"
    else:
        yield from _url(_filled(target.url, environ), file, private=target.private)
    if target.secret is None:
        if target.form == "json":
            yield ("secret",), "it is missing, so nobody could check the signature", 'secret: "${NAME}"'
        return
    if "${" not in target.secret:
        yield ("secret",), "a secret must not stand in the file", 'secret: "${NAME}"'
        return
    try:
        signing_key(_filled(target.secret, environ))
    except ValueError:
        yield ("secret",), "it is not a secret of a webhook", "whsec_ and base64 of 24 to 64 bytes"


def _url(url: str, file: ProjectFile, *, private: bool) -> Wrong:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or not host.isascii() or parts.scheme not in ("http", "https") or parts.username is not None:
        yield ("url",), "it is not a URL of a webhook", "https://hooks.example.org/…"
        return
    if parts.scheme != "https" and not private:
        yield ("url",), "it must begin with https://", "private: true, for a host inside your network"
    yield from _listed(host, ("url",), file.alarms.hosts)


def _mail(target: AlarmTarget, hosts: tuple[str, ...]) -> Wrong:
    if target.url is not None or target.secret is not None:
        yield (), "an email has neither url nor secret", "form: json"
    smtp = target.smtp
    if smtp is None:
        yield ("smtp",), "it is missing", "the mail server"
        return
    try:
        yield from _listed(parse_address(smtp.server).host, ("smtp", "server"), hosts)
    except ValueError:
        yield ("smtp", "server"), f"{smtp.server!r} is not an address", "smtp.example.org:587"
    if smtp.password is not None and "${" not in smtp.password:
        yield ("smtp", "password"), "a password must not stand in the file", 'password: "${NAME}"'
    if (smtp.user is None) != (smtp.password is None):
        yield ("smtp",), "user and password belong together", ""
    for address in (smtp.sender, *smtp.recipients):
        if not ADDRESS.fullmatch(address):
            yield ("smtp",), f"{address!r} is not a mail address", "oncall@example.org"


def _listed(host: str, place: tuple[str, ...], hosts: tuple[str, ...]) -> Wrong:
    if host.lower() not in map(str.lower, hosts):
        yield place, "its host is not in alarms.hosts", ", ".join(hosts) or "hosts: [hooks.example.org]"


def _filled(text: str, environ: Mapping[str, str]) -> str:
    return str(interpolate(text, environ)[0])
