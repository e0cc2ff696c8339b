"""Replaces personal and secret text in a text by its kind, such as ``[email]``, and counts the finds."""

from __future__ import annotations

from collections import Counter

from fairtrial.privacy.search import find_personal_text


def mask(text: str, finds: Counter[str]) -> str:
    """The text without any find; each is counted in ``finds`` by its kind.

    It is searched again after a replacement, because a find may begin right behind another one.
    """
    while found := find_personal_text(text):
        raw = text.encode("utf-8", "replace")
        parts: list[bytes] = []
        at = 0
        for one in found:
            finds[one.kind] += 1
            parts += raw[at : one.start], b"[%b]" % one.kind.encode()
            at = one.end
        text = b"".join([*parts, raw[at:]]).decode()
    return text
