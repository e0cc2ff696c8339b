"""Finds the members of a package folder, so that adding one needs only a new file or row."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from functools import cached_property
from typing import Any, Generic, TypeVar

from fairtrial.domain.errors import UsageError

T = TypeVar("T")


class Registry(Generic[T]):
    """The members of one package folder by name; a member is imported at its first use.

    ``package``: the folder, such as ``evaluators.scoring.metrics``; ``attribute``: the name that each of its modules
    defines, such as ``scorer``; ``noun``: the word for a member in errors. A member's name is that of its module, with
    ``-`` for ``_``. With ``name_of``, each module defines a tuple of members, which this names; then all are imported.
    """

    def __init__(
        self, package: str, attribute: str, *, noun: str, kind: type[T], name_of: Callable[[T], str] | None = None
    ) -> None:
        self._package = package
        self._attribute = attribute
        self._noun = noun
        self._kind = kind
        self._name_of = name_of

    def names(self) -> list[str]:
        """All names, sorted; without ``name_of``, no member is imported."""
        return sorted(self._modules if self._name_of is None else self._table)

    def get(self, name: str) -> T:
        """The member of that name; `UsageError` with the nearest name if there is none."""
        if name not in self.names():
            raise UsageError(f"{self._noun} {name!r} does not exist ({near(name, self.names())})")
        return self._checked(self._defined(self._modules[name])) if self._name_of is None else self._table[name]

    def __iter__(self) -> Iterator[tuple[str, T]]:
        return ((name, self.get(name)) for name in self.names())

    @cached_property
    def _modules(self) -> dict[str, str]:
        """Name → module; a process looks into the folder once."""
        members = pkgutil.iter_modules(importlib.import_module(self._package).__path__)
        return {module.name.replace("_", "-"): f"{self._package}.{module.name}" for module in members}

    @cached_property
    def _table(self) -> dict[str, T]:
        """Name → member, where ``name_of`` names the members."""
        members = (self._checked(member) for module in self._modules.values() for member in self._defined(module))
        return {self._name_of(member): member for member in members} if self._name_of else {}

    def _defined(self, module: str) -> Any:
        return getattr(importlib.import_module(module), self._attribute)

    def _checked(self, member: Any) -> T:
        if not isinstance(member, self._kind):
            raise TypeError(f"{self._package} defines a {self._noun} that is not a {self._kind.__name__}")
        return member


def near(name: str, known: Sequence[str]) -> str:
    """``did you mean 'x'?``, or the known names in their order."""
    matches = get_close_matches(name, known, n=1)
    return f"did you mean {matches[0]!r}?" if matches else "known: " + ", ".join(dict.fromkeys(known))
