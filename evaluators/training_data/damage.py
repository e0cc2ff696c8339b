"""Finds damage in texts, such as a wrong encoding or a place that nobody filled in, and repairs it where it can."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any

import ftfy
import msgspec

CODE = re.compile(r"(```.*?(?:```|\Z)|`[^`\n]*`)", re.DOTALL)
SHORT = 60
"""Characters of an answer that may be nothing but a placeholder."""
MOST_NAMED = 4
"""Words of a bracket that names what belongs there."""
_MARK = re.compile(
    r"\{\{ ?[#.$]?[\w. -]{1,40} ?\}\}|[$#]\{[^{}\n]{1,40}\}|(?<!\{)\{\d\}(?!\})|\{% ?[\w. ]{1,40} ?%\}"
    r"|\[object Object\]|\[TODO\]|\b(?:TODO|FIXME|TBD) ?[:(]|\b(?:TODO|TBD|FIXME)\W*\Z|%[A-Z]+(?:_[A-Z]+)+%"
    r"|\$[A-Z][A-Z_]{2,}\$"
    r"|(?<![\w%])%[sd](?!\w)|__[A-Z][A-Z_]*[A-Z]__|@@\w+@@|<<\w+>>|\{[a-z]+_(?i:name|date|address|email|number)\}"
    r"|\b(?:[Ll]orem|LOREM) (?:[Ii]psum|IPSUM)\b|\bdolor sit amet\b|\bX{4,}\b|\bx{4,}\b|_{5,}"
    r"|^(?:[Dd]ear|[Hh]i|[Hh]ello) (?:undefined|null|nan)\b",
    re.MULTILINE,
)
_BRACKET = re.compile(
    r"(?<!!)([\[<{【《〔])[\[<{ ]{0,2}([^\[\]<>{}()【】《》〔〕|=\n\"]{2,40})[\]>}】》〕](?!\(|:)|\(([^()\n]{5,40})\)"
)
_LITTLE = re.compile(r"([a-z])\1{2,}|(?:asdf|qwer|hjkl)\w*(?: (?:asdf|qwer|hjkl)\w*)*")
_PARTS = ("{", "[", "<", "(", "%", "TODO", "TBD", "FIXME", "orem", "OREM", "dolor sit", " undefined", " null", " nan",
          "XXX", "xxx", "__", "@@", "$", "【", "《", "〔")  # fmt: skip
"""A text without any of them has no placeholder, which is found out faster than with the patterns."""


class _Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The contents of `placeholders.toml`."""

    nouns: str
    fill: str
    here: str
    texts: str
    unspaced_nouns: str
    unspaced_fill: str
    unspaced_here: str
    unspaced_texts: str
    missing: frozenset[str]


@cache
def _words() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str], re.Pattern[str], frozenset[str]]:
    """What a bracket names, what asks for it, the place, what belongs there, and whole answers that miss."""
    words = msgspec.toml.decode(Path(__file__).with_name("placeholders.toml").read_bytes(), type=_Words)
    return (
        _any(words.nouns.split(), words.unspaced_nouns.split()),
        _any(words.fill.split(), words.unspaced_fill.split()),
        _any(words.here.split(), words.unspaced_here.split()),
        _any(words.texts.split(), words.unspaced_texts.split()),
        words.missing,
    )


def _any(spaced: Sequence[str], unspaced: Sequence[str]) -> re.Pattern[str]:
    whole = "|".join(re.escape(word).replace(r"\*", r"\w*") for word in dict.fromkeys(spaced))
    return re.compile(rf"(?<!\w)(?:{whole})(?!\w)|{'|'.join(map(re.escape, unspaced))}")


def has_placeholder(text: str) -> bool:
    """Whether a text has a place that nobody filled in. Code is not read."""
    if not any(part in text for part in _PARTS):
        return False
    plain = CODE.sub(" ", text) if "`" in text else text
    return bool(_MARK.search(plain)) or any(map(_is_open, _BRACKET.finditer(plain)))


def _is_open(bracket: re.Match[str]) -> bool:
    """Whether a bracket asks for something, or names it. In round ones, and in tags, the name alone says little."""
    nouns, fill, here, texts, _ = _words()
    content = (bracket[2] or bracket[3]).strip(" _-*.").replace("_", " ")
    lower = content.lower()
    if bracket[3]:
        return bool(fill.search(lower) and (here.search(lower) or texts.search(lower)))
    if fill.search(lower):
        return len(lower.split()) > 1
    is_tag = bracket[1] == "<" and content.isascii() and content.islower()
    return not is_tag and len(lower.split()) <= MOST_NAMED and bool(nouns.search(lower))


def stands_for_text(answer: str) -> bool:
    """Whether a whole answer only says that a text belongs there, or is typed at random."""
    lower = answer.strip().lower()
    if not lower or len(lower) > SHORT:
        return False
    _, _, here, texts, _ = _words()
    return bool(_LITTLE.fullmatch(lower)) or bool(texts.search(lower) and here.search(lower))


def is_missing(answer: str) -> bool:
    """Whether a whole answer stands for a missing one."""
    lower = answer.strip().lower()
    missing = _words()[-1]
    return lower in missing or lower.strip(" .!。()[]<>:") in missing


_READ_AS = ("latin-1", "cp1252", "cp1251")
_BYTES = {name: [bytes([code]).decode(name, "ignore") for code in range(256)] for name in _READ_AS}
_MOJIBAKE = re.compile(
    "|".join(
        f"[{''.join(of[0xC2:0xF5])}][{re.escape(''.join(of[0x80:0xC0]))}]" for of in _BYTES.values()
    ) + "|[\x80-\x9f]"
)  # fmt: skip
"""UTF-8 that was read in another encoding has such pairs of characters. ftfy decides, because some are real text."""
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
    r"<\|(?:[a-z]+(?:_[a-z0-9]+)+|endoftext|endofprompt|startoftext|system|user|assistant|end|eot|pad|sep)\|>"
    r"|<｜[^<>\n]{1,40}｜>|\[/?INST\]|<</?SYS>>"
    r"|<(?:bos|eos|pad|unk|start_of_turn|end_of_turn|extra_id_\d+)>|\A\s*<s>|</s>\s*\Z"
    r"|^### ?(?:Instruction|Response|Input|Output|Assistant|User|Human|System) ?:[ \t]*\n?"
    r"|^(?:Human|Assistant|USER|ASSISTANT): ",
    re.MULTILINE,
)
_TAG = re.compile(
    r"</?(?:br|div|span|em|strong|[uo]l|li|table|t[rdh]|tbody|thead|h[1-6]|img|font|blockquote|pre|sup|sub|hr|script"
    r"|style|section|center|small)\b(?:\s[^<>]*)?/?>|<[a]\s[^<>]*>|</[abipu]>|<[bipu]>(?=[^<]*</[bipu]>)",
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
_LIST = re.compile(
    rf"\[\s*{_ITEM}(?:\s*,\s*{_ITEM})*\s*,?\s*\]|\{{\s*'\w+'\s*:\s*{_ITEM}(?:\s*,\s*'\w+'\s*:\s*{_ITEM})*\s*\}}"
)
_ASKS_FOR_LIST = re.compile(
    r"\b(?:json|arrays?|tuples?|dict|yaml)\b|\blist (?:in|of strings)|python list|\[", re.IGNORECASE
)
_PARTS_OF_TEMPLATES = ("<", "INST]", "###", "uman: ", "ssistant: ", "USER: ", "ASSISTANT: ")
"""A text without any of them has no template, which is found out faster than with the pattern."""


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
    """Whether a text is a list of quoted texts, or a dictionary with single quotes, as a program prints it."""
    return text.startswith(("[", "{")) and text.endswith(("]", "}")) and bool(_LIST.fullmatch(text))


def asks_for_list(prompt: str) -> bool:
    """Whether such a list may be the right answer."""
    return bool(_ASKS_FOR_LIST.search(prompt))


def _is_mojibake(text: str) -> bool:
    return not text.isascii() and bool(_MOJIBAKE.search(text)) and _with_right_encoding(text) != text


def _with_right_encoding(text: str) -> str:
    """The text as it was meant, or else with each word as it was meant, because sound words may surround wrong ones."""
    repaired = ftfy.fix_encoding(text)
    return repaired if repaired != text else re.sub(r"\S+", _with_right_letters, text)


def _with_right_letters(word: re.Match[str]) -> str:
    return ftfy.fix_encoding(word[0]) if _MOJIBAKE.search(word[0]) else word[0]


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
    parts = CODE.split(text)
    return "".join(part if at % 2 else repair(part) for at, part in enumerate(parts)).strip()


_KINDS: Mapping[str, Callable[[str], bool]] = {
    "mojibake": _is_mojibake,
    "replacement-character": lambda text: _LOST in text,
    "template-token": _has_template,
    "control-character": _has_control,
    "html": _has_html,
    "placeholder": has_placeholder,
}
_REPAIRS: Mapping[str, Callable[[str], str]] = {
    "mojibake": _with_right_encoding,
    "template-token": partial(_outside_code, partial(_TEMPLATE.sub, "")),
    "control-character": _without_control,
    "html": partial(_outside_code, _without_html),
}
