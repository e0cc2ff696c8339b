"""Builds the scorers of a suite from its ``score`` list, and locates every error."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeVar

from evaluators.loading.template import UnknownName, fill_options
from evaluators.scoring.modified_scorer import MODIFIERS, modified
from evaluators.scoring.scorer import NamedText, Scorer, ScorerType
from fairtrial.domain.answers.signals import SIGNALS
from fairtrial.domain.errors import UsageError
from fairtrial.domain.registry import Registry
from fairtrial.regular_files import FileRefused

SCORERS = Registry("evaluators.scoring.metrics", "scorer", noun="scorer", kind=ScorerType)
OF_EVERY_SCORER = ("name", "when", *MODIFIERS)
T = TypeVar("T")


class WrongEntry(Exception):
    """An entry of ``score`` or ``probes`` is invalid: ``at`` is the path below it, the message is the reason."""

    def __init__(self, wrong: str, *, known: str = "", at: Sequence[str | int] = ()) -> None:
        super().__init__(wrong)
        self.wrong = wrong
        self.known = known
        self.at = tuple(at)


@dataclass(frozen=True, slots=True)
class BuiltScorer:
    """One scorer, the tags that a case needs to be scored by it, and its entry: place, key and options."""

    scorer: Scorer
    when: Mapping[str, str]
    kind: str
    place: tuple[str | int, ...]
    options: Mapping[str, Any]


def no_file(_: str) -> str:
    """The reader for scorers that are not built from a suite's file."""
    raise FileRefused("files cannot be used here")


def build_entry(
    entry: Any, *, variables: Mapping[str, Any], read: Callable[[str], str] = no_file, place: tuple[str | int, ...] = ()
) -> BuiltScorer:
    """Build the scorer of one entry (``name`` or ``{name: options}``); raises `WrongEntry`.

    ``read`` returns the text of the file that the option ``file`` names, or raises `FileRefused`.
    """
    kind, raw = _halves(entry)
    member = member_of(SCORERS, kind.replace("_", "-"), kind)
    try:
        options = fill_options(_as_options(raw, member, kind), variables)
    except UnknownName as error:
        known = "known: " + (", ".join(variables) or "none")
        raise WrongEntry(f"${error} is not one of 'vars'", known=known, at=(kind,)) from error
    except ValueError as error:
        raise WrongEntry(str(error), at=(kind,)) from error
    name = options.pop("name", kind.replace("-", "_"))
    when = options.pop("when", {})
    modifiers = {option: options.pop(option) for option in MODIFIERS if option in options}
    _check_common(kind, name, when)
    _check_options(kind, options, member)
    written = {**options, **modifiers}
    try:
        if isinstance(options.get("file"), str):
            options["file"] = _named(options["file"], read)
        if member.members is not None and member.members in options:
            options[member.members] = _members(options[member.members], kind, member.members, variables)
        scorer = modified(member.build(options, name), modifiers)
        return BuiltScorer(scorer, {tag: str(value) for tag, value in when.items()}, kind, place, written)
    except ValueError as error:
        option, _, rest = str(error).partition(": ")
        inside = option in {**options, **modifiers} and isinstance(raw, Mapping)
        raise WrongEntry(rest if inside else str(error), at=(kind, option) if inside else (kind,)) from error


def _members(entries: Any, kind: str, option: str, variables: Mapping[str, Any]) -> list[Scorer]:
    if not isinstance(entries, list):
        raise ValueError(f"{option}: this must be a list of scorers")
    built = []
    for at, entry in enumerate(entries):
        try:
            built.append(build_entry(entry, variables=variables).scorer)
        except WrongEntry as error:
            raise WrongEntry(error.wrong, known=error.known, at=(kind, option, at, *error.at)) from error
    return built


def _named(name: str, read: Callable[[str], str]) -> NamedText:
    try:
        return NamedText(name, read(name))
    except FileRefused as error:
        raise ValueError(f"file: {name!r} {error}" + (f" ({error.known})" if error.known else "")) from error


def _halves(entry: Any) -> tuple[str, Any]:
    if isinstance(entry, str):
        return entry, None
    if isinstance(entry, Mapping) and len(entry) == 1:
        kind, raw = next(iter(entry.items()))
        return str(kind), raw
    raise WrongEntry(
        "an entry must be a scorer's name, or one name with its options", known="such as: label: {of: [a, b]}"
    )


def member_of(registry: Registry[T], name: str, key: str) -> T:
    """A member of a registry that an entry names at its key; raises `WrongEntry`."""
    try:
        return registry.get(name)
    except UsageError as error:
        wrong, _, known = str(error).partition(" (")
        raise WrongEntry(wrong, known=known.removesuffix(")"), at=(key,)) from error


def _as_options(raw: Any, member: ScorerType, kind: str) -> dict[str, Any]:
    if raw is None:
        return {}
    if isinstance(raw, Mapping):
        return dict(raw)
    if member.short is None:
        known = "options: " + ", ".join([*member.options, *OF_EVERY_SCORER])
        raise WrongEntry("this scorer does not accept a single value", known=known, at=(kind,))
    return {member.short: raw}


def _check_common(kind: str, name: Any, when: Any) -> None:
    if not isinstance(name, str) or not name.replace("_", "a").replace("-", "a").isalnum():
        raise WrongEntry(f"{name!r} is not a name (letters, digits, _ and -)", at=(kind, "name"))
    if name == SIGNALS:
        raise WrongEntry(f"{name!r} is reserved for signals, which every run measures", at=(kind, "name"))
    if not isinstance(when, Mapping) or any(isinstance(value, dict | list) for value in when.values()):
        raise WrongEntry("'when' maps tags to values", known="such as: {family: adversarial}", at=(kind, "when"))


def _check_options(kind: str, options: Mapping[str, Any], member: ScorerType) -> None:
    for option in options:
        if option not in member.options:
            known = near(option, [*member.options, *OF_EVERY_SCORER])
            raise WrongEntry(f"{kind!r} has no option {option!r}", known=known, at=(kind, option))


def near(name: str, known: Sequence[str]) -> str:
    """``did you mean 'x'?``, or the known names in their order."""
    found = get_close_matches(name, known, n=1)
    return f"did you mean {found[0]!r}?" if found else "known: " + ", ".join(dict.fromkeys(known))
