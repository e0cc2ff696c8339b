"""Names the signals that are measured on every answer, and detects the form and the language of a text."""

import json
import re
from typing import Any, Literal
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from fairtrial.domain.run import CONTROLS

SIGNALS = "signals"
"""The reserved scorer name under which a run stores the signals of each answer."""
SIGNALS_VERSION = "1"
"""The version of the detectors. Signals of different versions are not compared."""
NO_SCORERS = frozenset({SIGNALS, CONTROLS})
"""What a run states a version of, although no scorer has this name."""

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
SHORTEST_PROSE = 20
"""Letters. A shorter text has no known language."""
SHORTEST_DENSE = 8
"""The same for Chinese, Japanese, Korean and Thai, whose characters carry more."""
LONGEST_PROSE = 2000
"""Characters that are read of a text."""
LEAST_CONFIDENCE = 0.9
"""The smallest probability among `LANGUAGES` at which a language is known."""
LANGUAGES = (
    "ar", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "et", "fa", "fi", "fr", "gu", "he", "hi", "hr", "hu",
    "id", "it", "ja", "ka", "kn", "ko", "lt", "lv", "mk", "ml", "mr", "ms", "nl", "no", "pl", "pt", "ro", "ru",
    "sk", "sl", "sq", "sr", "sv", "sw", "ta", "te", "th", "tl", "tr", "uk", "ur", "vi", "zh",
)  # fmt: skip
SAME_LANGUAGE = {"ms": "id", "hr": "sr"}
"""Languages that a short text cannot tell apart, and the name that stands for both."""

_CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+|(?<!\S)\S[^\s@]*+@\S[^\s.]*+\.\S++")
"""It is linear, because an e-mail address begins with its word, and no quantifier gives back what it has."""
DENSE = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
"""A character of Thai, Japanese, Chinese or Korean, where no space has to follow a name."""
_THOUGHT_END = "</think>"


def departs(metric: str, value: float | None) -> bool:
    """Whether a case's score is worth showing: it is not a signal, or the signal departs from what is expected."""
    scorer, _, name = metric.partition(".")
    if scorer != SIGNALS:
        return True
    return bool(name != CHARACTERS and value == (0 if name == FORMAT_VALID else 1))


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
    return None if fenced is not None and form_of(fenced["inside"]) != "plain text" else form_of(text)


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


def switches_language(source: str, answer: str) -> bool | None:
    """Whether an answer has another language than its source; ``None`` if either has no known language."""
    source_language = language_of(source)
    if source_language is None:
        return None
    answer_language = language_of(answer)
    return None if answer_language is None else answer_language != source_language


def language_of(text: str) -> str | None:
    """The ISO 639-1 code of the text's language; ``None`` if it is too short, or uncertain.

    The model guesses at short texts: "billing" reads as Danish. JSON is no language, but its long texts are.
    """
    prose = prose_of(text)
    if not _is_long_enough(prose):
        return None
    from fairtrial.language_model import identifier

    name, probability = identifier(LANGUAGES).classify(prose)
    return SAME_LANGUAGE.get(name, name) if probability >= LEAST_CONFIDENCE else None


def has_language(text: str) -> bool:
    """Whether a text is long enough to have a language, which the model may still not know."""
    return _is_long_enough(prose_of(text))


def prose_of(text: str) -> str:
    """The part of a text that has a language: without thoughts, code and addresses; of JSON its long texts."""
    if text.startswith("<think>"):
        text = text.partition(_THOUGHT_END)[2]
    text = text[: 4 * LONGEST_PROSE].strip()
    if text[:1] in ("{", "["):
        text = _texts_of_json(text)
    return _ADDRESS.sub(" ", _CODE.sub(" ", text))[:LONGEST_PROSE]


def _texts_of_json(text: str) -> str:
    try:
        return "\n".join(string for string in _strings(json.loads(text)) if _is_long_enough(string))
    except (ValueError, RecursionError):
        return text


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for part in parts for text in _strings(part)]


def _is_long_enough(text: str) -> bool:
    if sum(map(str.isalpha, text[: 2 * SHORTEST_PROSE])) >= SHORTEST_PROSE:
        return True  # most texts need not be read whole
    letters = sum(map(str.isalpha, text))
    return letters >= SHORTEST_PROSE or (letters >= SHORTEST_DENSE and len(DENSE.findall(text)) >= SHORTEST_DENSE)
