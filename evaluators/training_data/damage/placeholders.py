"""Finds places in a text that nobody filled in, and answers that stand for a missing one."""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import msgspec

CODE = re.compile(r"(```.*?(?:```|\Z)|`[^`\n]*`)", re.DOTALL)
SHORT = 60
"""Characters of an answer that may be nothing but a placeholder."""
LEAST_CAPITALS = 6
"""Capital letters in angle brackets from which on they name what belongs there."""
MOST_NAMED = 4
"""Words of a bracket that names what belongs there."""
_MARK = re.compile(
    r"\{\{ ?[#.$]?[\w. -]{1,40} ?\}\}|[$#]\{[^{}\n]{1,40}\}|(?<!\{)\{\d\}(?!\})|\{% ?[\w. ]{1,40} ?%\}"
    r"|\[object Object\]|\[TODO\]|\b(?:TODO|FIXME|TBD) ?[:(]|\b(?:TODO|TBD|FIXME)\W*\Z|%[A-Z]+(?:_[A-Z]+)+%"
    r"|\$[A-Z][A-Z_]{2,}\$"
    r"|(?<![\w%])%[sd](?!\w)|__[A-Z][A-Z_]*[A-Z]__|@@\w+@@|<<\w+>>|\{[a-z]+_(?i:name|date|address|email|number)\}"
    r"|\b(?:[Ll]orem|LOREM) (?:[Ii]psum|IPSUM)\b|\bdolor sit amet\b|\bX{4,}\b|\bx{4,}\b|\bX{2,}(?:[-./]X{2,})+\b|_{5,}"
    r"|^(?:[Dd]ear|[Hh]i|[Hh]ello) (?:undefined|null|nan)\b",
    re.MULTILINE,
)
_BRACKET = re.compile(
    r"(?<!!)([\[<{【《〔])[\[<{ ]{0,2}([^\[\]<>{}()【】《》〔〕|=\n\"]{2,40})[\]>}】》〕](?!\(|:)|\(([^()\n]{5,40})\)"
)
_LITTLE = re.compile(r"([a-z])\1{2,}|(?:asdf|qwer|hjkl)\w*(?: (?:asdf|qwer|hjkl)\w*)*")
_PARTS = ("{", "[", "<", "(", "%", "TODO", "TBD", "FIXME", "orem", "OREM", "dolor sit", "XX", "xxx", "__", "@@", "$",
          *(f"{name} {none}" for name in ("ear", "i", "ello") for none in ("undefined", "null", "nan")),
          "【", "《", "〔")  # fmt: skip
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
    # No placeholder begins as a JSON object does, apart from one behind a hash sign.
    read = text if "#{" in text else text.replace('{"', '"')
    if not any(part in read for part in _PARTS):
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
    if bracket[1] == "<" and content.isupper() and len(content) >= LEAST_CAPITALS:
        return True
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
