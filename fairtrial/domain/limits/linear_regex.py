"""Wraps RE2, whose regular expressions run in time linear in the text, whatever the pattern."""

import re
from functools import lru_cache
from typing import Any

import re2

LONGEST = 5_000
SYNTAX = "patterns are RE2's: github.com/google/re2/wiki/Syntax"
UNSUPPORTED: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\(\?<?[=!]"), "it has no look-ahead or look-behind: use two patterns, or put one into 'none'"),
    (re.compile(r"\\[1-9]|\(\?P=|\\k<"), "it has no back-references"),
    (re.compile(r"\(\?>|[*+?}]\+"), "it has no atomic groups or possessive repeats, and does not need them"),
    (re.compile(r"\(\?\("), "it has no conditions"),
    (re.compile(r"\\Z"), r"the end of the text is \z"),
    (re.compile(r"\\u[0-9A-Fa-f]{4}"), r"a character by its number is \x{00e9}"),
    (re.compile(r"\(\?#|\(\?\w*x"), "it has no comments"),
    (re.compile(r"\{\d{4,}|\{\d+,\d{4,}"), "it repeats at most 1,000 times"),
)
"""Syntax of other engines that RE2 does not support, and alternatives."""


class LinearRegex:
    """One pattern; ``search`` is linear in the text. Lone surrogates count as question marks."""

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled

    def search(self, text: str) -> str | None:
        """The first match, or ``None``."""
        match = self._compiled.search(text.encode("utf-8", "replace").decode("utf-8"))
        return None if match is None else str(match.group())

    def last(self, text: str) -> str | None:
        """The first group of the last match, or all of that match if the pattern has no group; ``None`` without one."""
        last_match = None
        for last_match in self._compiled.finditer(text.encode("utf-8", "replace").decode("utf-8")):  # noqa: B007 - the last
            pass
        if last_match is None:
            return None
        return str(last_match.group(1) or "") if self._compiled.groups else str(last_match.group())


@lru_cache(maxsize=4096)
def compile_regex(pattern: str, *, case: bool = True) -> LinearRegex:
    """Compile a pattern; raises `ValueError`, which names unsupported syntax."""
    if len(pattern) > LONGEST:
        raise ValueError(f"the pattern has {len(pattern):,} characters; the limit is {LONGEST:,}")
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = case
    try:
        return LinearRegex(re2.compile(pattern, options))
    except (re2.error, UnicodeEncodeError) as error:
        raise ValueError(f"{pattern[:200]!r} is not a valid RE2 pattern: {_why(pattern, error)}") from error


def _why(pattern: str, error: Exception) -> str:
    reasons = [why for sign, why in UNSUPPORTED if sign.search(pattern)]
    if reasons:
        return f"{reasons[0]} ({SYNTAX})"
    message = error.args[0] if error.args else error
    return message.decode("utf-8", "replace") if isinstance(message, bytes) else str(error)
