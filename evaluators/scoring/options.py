"""Reads the options of a scorer: each function takes one value and gives it typed, or says what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

YES = (True, "yes", "true", "on")
NO = (False, "no", "false", "off")


def flag(options: Mapping[str, Any], option: str, default: bool) -> bool:
    """A yes or a no: YAML 1.2 keeps ``yes`` and ``no`` as words, so both spellings count."""
    value = options.get(option, default)
    if isinstance(value, bool | str) and value in YES:
        return True
    if isinstance(value, bool | str) and value in NO:
        return False
    raise ValueError(f"{option}: {value!r} is neither yes nor no")


def word(options: Mapping[str, Any], option: str, default: str | None = None) -> str | None:
    """A text, or the default."""
    value = options.get(option, default)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{option}: {value!r} is not a text")
    return value


def choice(options: Mapping[str, Any], option: str, known: Sequence[str]) -> str:
    """One of the known words; the first is the default."""
    value = options.get(option, known[0])
    if value not in known:
        raise ValueError(f"{option}: {value!r} is not known (known: {', '.join(known)})")
    return str(value)


def texts(options: Mapping[str, Any], option: str) -> tuple[str, ...]:
    """A text or a list of them; empty if the option is not there."""
    return as_texts(options.get(option), option)


def as_texts(value: Any, where: str) -> tuple[str, ...]:
    """A text, a number or a list of them as texts; ``None`` is an empty list."""
    if value is None:
        return ()
    found = value if isinstance(value, list | tuple) else [value]
    if any(isinstance(item, bool) or not isinstance(item, str | int | float) for item in found):
        raise ValueError(f"{where}: {value!r} is not a text or a list of texts")
    return tuple(str(item) for item in found)


def references(expected: Any) -> tuple[str, ...]:
    """The accepted texts of a case: a text, a number, or a list of them; empty if there is none."""
    try:
        return as_texts(expected, "expected")
    except ValueError:
        return ()


def no_reference(expected: Any) -> str | None:
    """Why a case without an accepted text is unfit."""
    return None if references(expected) else "has no text (or list of texts) in 'expected'"
