"""Names the signals that are measured on every answer, and recognises the form of a text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Literal
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

SIGNALS = "signals"
"""The reserved scorer name under which a run stores the signals of each answer."""
SIGNALS_VERSION = "1"
"""The version of the detectors. Signals of different versions are not compared."""

REFUSED, OVER_REFUSED, FORMAT_VALID = "refused", "over_refused", "format_valid"
LANGUAGE_SWITCH, CHARACTERS = "language_switch", "characters"

METRICS = {
    "refusals": REFUSED,
    "over_refusals": OVER_REFUSED,
    "format_valid": FORMAT_VALID,
    "language_switch": LANGUAGE_SWITCH,
    "verbosity": CHARACTERS,
}
"""Built-in metric of a gate line → the signal that it averages, in the order of reports."""

NOTABLE_LEVEL, NOTABLE_LENGTH = 0.99, 0.1
NOTABLE_RULE = (
    "A change is notable if its 99 % interval excludes 0 and p ≤ 0.01. For the length, the 99 % interval of the ratio "
    "must also exclude 1, and the means must differ by at least 10 %."
)
"""Five signals of a suite are compared at once, so each is compared at a strict level. No change decides anything."""

BLOCK_TITLE = "Changed without being asked"
Form = Literal["JSON object", "JSON list", "XML", "plain text"]
LARGEST = 1 << 18
"""Characters. A longer text is plain text."""

_XML = re.compile(r"<(?:\?xml|[A-Za-z_][\w.:-]*[\s/>])")
_FENCE = re.compile(r"\A```[a-zA-Z]*\n(?P<inside>.*)\n```\Z", re.DOTALL)


def departs(score: Mapping[str, Any]) -> bool:
    """Whether a score of a case is no signal, or one that departs from what is expected, so that it is worth showing.

    ``score``: a row of the control API.
    """
    scorer, _, name = score["metric"].partition(".")
    if scorer != SIGNALS:
        return True
    return bool(name != CHARACTERS and score["value"] == (0 if name == FORMAT_VALID else 1))


class NotXml(Exception):
    """The text is not an XML document; the message is the reason."""


def form_of(text: str) -> Form:
    """The form of the whole text. Numbers and other JSON values without a structure are plain text."""
    text = text.strip()
    if text[:1] in ("{", "[") and len(text) <= LARGEST:
        return _json_form(text)
    if text[:1] == "<" and text[-1:] == ">" and len(text) <= LARGEST and _XML.match(text) and _is_xml(text):
        return "XML"
    return "plain text"


def shape_of(text: str) -> Form | None:
    """Like `form_of`, but ``None`` for JSON or XML inside a code block, which is neither plain text nor the form."""
    fenced = _FENCE.match(text.strip())
    if fenced is not None and form_of(fenced["inside"]) != "plain text":
        return None
    return form_of(text)


def _json_form(text: str) -> Form:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return "plain text"
    return "JSON object" if isinstance(value, dict) else "JSON list"


def _is_xml(text: str) -> bool:
    try:
        parse_xml(text)
    except NotXml:
        return False
    return True


def parse_xml(text: str) -> Element:
    """The root of an XML document; raises `NotXml`, also for a text that is too large.

    A document type is refused, because its entities can grow without bound.
    """
    if len(text) > LARGEST:
        raise NotXml(f"it has more than {LARGEST:,} characters")
    builder, parser = TreeBuilder(), expat.ParserCreate()
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(text.encode("utf-8", "replace"), True)
    except (expat.ExpatError, ValueError) as error:
        raise NotXml(str(error)) from error
    return builder.close()


def _refuse_doctype(*_: object) -> None:
    raise ValueError("it has a document type")
