"""Reads scorer options: each function returns one typed value or raises `ValueError` with the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

YES = (True, "yes", "true", "on")
NO = (False, "no", "false", "off")


def flag(options: Mapping[str, Any], option: str, default: bool) -> bool:
    """A boolean; ``yes`` and ``no`` count too, because YAML 1.2 reads them as strings."""
    value = options.get(option, default)
    if isinstance(value, bool | str) and value in YES:
        return True
    if isinstance(value, bool | str) and value in NO:
        return False
    raise ValueError(f"{option}: {value!r} is neither yes nor no")


def truth(value: Any) -> bool | None:
    """A boolean of a row, which a CSV file has as text; ``None`` for anything else."""
    said = value.strip().casefold() if isinstance(value, str) else value
    if not isinstance(said, bool | str):
        return None
    return True if said in YES else False if said in NO else None


def word(options: Mapping[str, Any], option: str, default: str | None = None) -> str | None:
    """A string, or the default."""
    value = options.get(option, default)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{option}: {value!r} is not a text")
    return value


def choice(options: Mapping[str, Any], option: str, known: Sequence[str]) -> str:
    """One of the known words, by default the first."""
    value = options.get(option, known[0])
    if value not in known:
        raise ValueError(f"{option}: {value!r} is not known (known: {', '.join(known)})")
    return str(value)


def texts(options: Mapping[str, Any], option: str) -> tuple[str, ...]:
    """A string or a list of strings; empty if the option is missing."""
    return as_texts(options.get(option), option)


def as_texts(value: Any, where: str) -> tuple[str, ...]:
    """A string, a number or a list of them, as strings; ``None`` is an empty list."""
    if value is None:
        return ()
    found = value if isinstance(value, list | tuple) else [value]
    if any(isinstance(item, bool) or not isinstance(item, str | int | float) for item in found):
        raise ValueError(f"{where}: {value!r} is not a text or a list of texts")
    return tuple(str(item) for item in found)


def references(expected: Any) -> tuple[str, ...]:
    """The accepted answers of a case: a string, a number or a list of them; empty if there are none."""
    try:
        return as_texts(expected, "expected")
    except ValueError:
        return ()


def no_reference(expected: Any) -> str | None:
    """The problem of a case without an accepted answer, if it is one."""
    return None if references(expected) else "has no text (or list of texts) in 'expected'"
