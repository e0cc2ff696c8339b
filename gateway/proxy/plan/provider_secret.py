"""Blanks a provider's key in its server's responses and in logs, because some servers repeat what they received."""

import json
import logging
from collections.abc import Callable, Iterable
from urllib.parse import quote

SHORTEST = 8
"""Letters of the shortest key that is a secret. Servers without keys are given words such as ``EMPTY``."""

MARK = b"[key]"


class Secret:
    """The forms in which a key may occur in a response: as it is, escaped in JSON, or encoded in a URL."""

    __slots__ = ("_forms",)

    def __init__(self, key: str) -> None:
        in_json = json.dumps(key)[1:-1]
        texts = (key, in_json, in_json.replace("/", "\\/"), quote(key, safe=""), quote(key))
        forms = {text.encode("utf-8", "surrogatepass") for text in texts} | {key.encode("latin-1", "replace")}
        self._forms = tuple(sorted(forms, key=len, reverse=True))

    def found_in(self, data: bytes) -> bool:
        """Whether the key occurs in these bytes. It must be fast, because each piece of a response is checked."""
        for form in self._forms:  # noqa: SIM110 - a generator costs several times the search
            if data.find(form) >= 0:  # Python's *in* raises and drops an error first
                return True
        return False

    def blank(self, data: bytes) -> bytes:
        """The bytes with the mark in place of the key."""
        for form in self._forms:
            if data.find(form) >= 0:
                data = data.replace(form, MARK)
        return data

    def blank_in_place(self, data: bytes) -> bytes:
        """The same with the length unchanged, because the response's length may already be sent."""
        for form in self._forms:
            if form in data:
                data = data.replace(form, MARK.ljust(len(form), b"*"))
        return data

    def tail(self, data: bytes) -> int:
        """How many bytes at the end may be the beginning of the key."""
        longest = 0
        for form in self._forms:
            start = data.find(form[:1], max(0, len(data) - len(form) + 1))
            while start >= 0:
                if form.startswith(data[start:]):
                    longest = max(longest, len(data) - start)
                    break
                start = data.find(form[:1], start + 1)
        return longest


class BlankedPieces:
    """Blanks a key in a response that is passed on in pieces, also where the key is split between two pieces."""

    __slots__ = ("_held", "_secret")

    def __init__(self, secret: Secret | None) -> None:
        self._secret = secret
        self._held = b""

    def feed(self, piece: bytes) -> bytes:
        """The part of the response that can be sent on. The rest waits for the next piece."""
        if self._secret is None:
            return piece
        whole = self._secret.blank_in_place(self._held + piece if self._held else piece)
        length = len(whole) - self._secret.tail(whole)
        self._held = whole[length:]
        return whole[:length]

    def rest(self) -> bytes:
        """The bytes that waited, at the response's end."""
        held, self._held = self._held, b""
        return held


class BlankingFormatter(logging.Formatter):
    """Formats log lines without keys, because an exception's text may hold what a library received."""

    def __init__(self, form: str, secrets: Callable[[], Iterable[Secret]]) -> None:
        super().__init__(form)
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record).encode("utf-8", "surrogatepass")
        for secret in self._secrets():
            line = secret.blank(line)
        return line.decode("utf-8", "surrogatepass")


def secret_of(key: str | None) -> Secret | None:
    """The secret for a key; ``None`` if there is no key, or only a short word in its place."""
    return Secret(key) if key is not None and len(key) >= SHORTEST else None
