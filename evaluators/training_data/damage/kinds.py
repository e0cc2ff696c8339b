"""Finds damage in texts, such as a wrong encoding or a place that nobody filled in, and repairs it where it can."""

import html
import re
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

from evaluators.training_data.damage.placeholders import CODE, has_placeholder
from evaluators.training_data.damage.wrong_encoding import is_mojibake, with_right_encoding

_LOST = "\N{REPLACEMENT CHARACTER}"
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u200b-\u200d\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)
_JOINERS = "\u200c\u200d"
_DIRECTIONS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_WITHOUT_SPACES = re.compile("[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff]")
_FLAG = "\U0001f3f4"
_BEYOND_GREEK_AND_CYRILLIC = "\u0590"
_TEMPLATE = re.compile(
    r"<\|/?(?:[a-z]{2,}(?:_?[a-z0-9]+)*|[A-Z]+(?:_[A-Z0-9]+)+)\|>|<｜[^<>\n]{1,40}｜>|<\|im_(?:start|end|sep)>"
    r"|\[/?(?:INST|SYS|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\]|\[(?:[BE]OS|EOT|PAD|CLS|UNK)\]|<</?SYS>>"
    r"|</?(?:bos|eos|pad|unk|sop|eop)>|<(?:start|end|begin)_of_[a-z]+>|<(?:extra_id_|reserved_|unused)\d+>"
    r"|<(?:human|bot|assistant|gpt)>:|\A\s*<s>|</s>(?:\s*<s>|\s*\Z|(?=\s*(?:[A-Z][A-Za-z]+:|\[)))"
    r"|^#{2,3} ?(?:Instruction|Response|Input|Output|Assistant|User|Human|System) ?:[ \t]*\n?"
    r"|^(?:Human|Assistant|USER|ASSISTANT): |\A\s*(?:Bot|ChatGPT): "
    r"|^(?:User|Human|Customer|Q): (?=[^\n]*\n+(?:Assistant|AI|Bot|Agent|Chatbot|A): )"
    r"|(?:(?<=\n)|\A)(?:Assistant|AI|Bot|Agent|Chatbot): (?=[^\n]*\n+(?:User|Human|Customer): )",
    re.MULTILINE,
)
_TAG = re.compile(
    r"</?(?:br|div|span|em|strong|[uo]l|li|table|t[rdh]|tbody|thead|h[1-6]|img|font|blockquote|pre|sup|sub|hr|script"
    r"|style|section|center|small)\b(?:\s[^<>]*)?/?>|<[a]\s[^<>]*>|</[abipu]>|<[bipu]>(?=[^<]*</[bipu]>)|<!--[^<>]{0,80}-->",
    re.IGNORECASE,
)
_BREAK = re.compile(r"<(?:br|hr)\b[^<>]*>|</(?:p|div|li|tr|h[1-6])>", re.IGNORECASE)
_ENTITY = re.compile(
    r"&(?:nbsp|amp|lt|gt|quot|apos|[a-zA-Z](?:acute|grave|circ|uml|tilde|cedil|slash|ring)|szlig|hellip|[mn]dash"
    r"|[lr]a?[sd]quo|[lr]aquo|euro|copy|reg|bull|middot|#\d{2,6}|#[xX][0-9a-fA-F]{2,6});"
)
_ABOUT_CODE = re.compile(r"\b(?:html|xml|svg|css|markup|mark-up|xhtml|jsx|javascript|php)\b", re.IGNORECASE)
_ABOUT_TEMPLATES = re.compile(r"\b(?:templates?|jinja2?|placeholders?|variables?|mustache|handlebars)\b", re.IGNORECASE)
_ITEM = r"""(?:'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")"""
_VALUE = rf"(?:{_ITEM}|None|True|False|nan|-?\d+(?:\.\d+)?)"
_DICTIONARY = rf"\{{\s*'\w+'\s*:\s*{_VALUE}(?:\s*,\s*'\w+'\s*:\s*{_VALUE})*\s*\}}"
_ITEMS = rf"{_ITEM}(?:(?:\s*,\s*|\s+){_VALUE})*\s*,?\s*"
_LIST = re.compile(
    rf"(?:(?:np\.)?array\()?\[\s*{_ITEMS}\](?:,\s*dtype=[^()]+)?\)?|\(\s*{_ITEM}\s*,\s*(?:{_ITEMS})?\)|\{{\s*{_ITEMS}\}}"
    rf"|{_DICTIONARY}|\[\s*{_DICTIONARY}(?:\s*,\s*{_DICTIONARY})*\s*\]"
)
_ASKS_FOR_LIST = re.compile(
    r"\b(?:json|arrays?|tuples?|dict|yaml)\b|\blist (?:in|of strings)|python list|\[", re.IGNORECASE
)
_PARTS_OF_TEMPLATES = ("<", "[", "##", "n: ", "t: ", "r: ", "R: ", "T: ", "Q: ", "I: ")
"""The signs of templates, and how the names of speakers end. A text without any of them has no template, which is found
out faster than with the pattern."""


@lru_cache(maxsize=1_000)
def damage_of(text: str) -> frozenset[str]:
    """The kinds of damage in a text. Equal texts, such as system prompts, are searched once."""
    return frozenset(kind for kind, is_in in _KINDS.items() if is_in(text))


def repair_damage(kind: str, value: Any) -> Any:
    """A value of a row with its texts repaired; those without the damage stay as they are."""
    if isinstance(value, str):
        return _REPAIRS[kind](value) if kind in damage_of(value) else value
    if isinstance(value, Mapping):
        return {name: repair_damage(kind, item) for name, item in value.items()}
    return [repair_damage(kind, item) for item in value] if isinstance(value, list) else value


def is_about_code(text: str) -> bool:
    """Whether tags and entities belong to the topic of a text."""
    return bool(_ABOUT_CODE.search(text))


def is_about_templates(text: str) -> bool:
    """Whether placeholders belong to the topic of a text."""
    return bool(_ABOUT_TEMPLATES.search(text))


def is_list(text: str) -> bool:
    """Whether a text is a list, tuple, set or array of quoted texts, or a dictionary with single quotes, as printed."""
    return text.endswith(("]", "}", ")")) and bool(_LIST.fullmatch(text))


def asks_for_list(prompt: str) -> bool:
    """Whether such a list may be the right answer."""
    return bool(_ASKS_FOR_LIST.search(prompt))


def _has_control(text: str) -> bool:
    return any(_is_stray(match) for match in _INVISIBLE.finditer(text))


def _is_stray(match: re.Match[str]) -> bool:
    """Whether an invisible character has no use where it is; emoji and several scripts need some of them."""
    text, sign = match.string, match[0]
    if sign in _JOINERS:
        beside = text[max(0, match.start() - 1) : match.start()] + text[match.end() : match.end() + 1]
        return not any(neighbour >= _BEYOND_GREEK_AND_CYRILLIC for neighbour in beside)
    if sign in _DIRECTIONS:
        return not _RIGHT_TO_LEFT.search(text)
    if sign == "\u200b":
        return not _WITHOUT_SPACES.search(text)
    return sign < "\U000e0000" or _FLAG not in text


def _without_control(text: str) -> str:
    return _INVISIBLE.sub(
        lambda match: ("\n" if match[0] in "\x0b\x0c" else "") if _is_stray(match) else match[0], text
    )


def _without_code(text: str) -> str:
    return CODE.sub(" ", text) if "`" in text else text


def _has_template(text: str) -> bool:
    return any(part in text for part in _PARTS_OF_TEMPLATES) and bool(_TEMPLATE.search(_without_code(text)))


def _has_html(text: str) -> bool:
    if "<" not in text and "&" not in text:
        return False
    plain = _without_code(text)
    return bool(_TAG.search(plain) or _ENTITY.search(plain))


def _without_html(text: str) -> str:
    plain = _TAG.sub(lambda tag: "\n" if _BREAK.fullmatch(tag[0]) else "", text)
    return html.unescape(plain).replace("\N{NO-BREAK SPACE}", " ")


def _outside_code(repair: Callable[[str], str], text: str) -> str:
    return "".join(part if at % 2 else repair(part) for at, part in enumerate(CODE.split(text))).strip()


_KINDS: Mapping[str, Callable[[str], bool]] = {
    "mojibake": is_mojibake,
    "replacement-character": lambda text: _LOST in text,
    "template-token": _has_template,
    "control-character": _has_control,
    "html": _has_html,
    "placeholder": has_placeholder,
}
_REPAIRS: Mapping[str, Callable[[str], str]] = {
    "mojibake": with_right_encoding,
    "template-token": partial(_outside_code, partial(_TEMPLATE.sub, "")),
    "control-character": _without_control,
    "html": partial(_outside_code, _without_html),
}
