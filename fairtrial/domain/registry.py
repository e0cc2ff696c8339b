"""Finds the members of a package folder, so that adding one needs only a new file."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cached_property
from types import ModuleType
from typing import Generic, TypeVar

from fairtrial.domain.errors import UsageError

T = TypeVar("T")


class Registry(Generic[T]):
    """The members of one package folder by name; a member is imported at its first use.

    ``package``: the folder, such as ``evaluators.scoring.metrics``; ``attribute``: the name that each of its modules
    defines, such as ``scorer``; ``noun``: the word for a member in errors. A member's name is that of its module, with
    ``-`` for ``_``. ``nested``: the members are in the subfolders of the folder, and keep the ``_`` of their names.
    """

    def __init__(self, package: str, attribute: str, *, noun: str, kind: type[T], nested: bool = False) -> None:
        self._package = package
        self._attribute = attribute
        self._noun = noun
        self._kind = kind
        self._nested = nested

    def names(self) -> list[str]:
        """All names, sorted, without importing the members."""
        return sorted(self._modules)

    def get(self, name: str) -> T:
        """The member of that name; `UsageError` with the nearest name if there is none."""
        module = self._modules.get(name)
        if module is None:
            raise UsageError(f"{self._noun} {name!r} does not exist ({self._nearest(name)})")
        return self._member(importlib.import_module(module))

    def __iter__(self) -> Iterator[tuple[str, T]]:
        return ((name, self.get(name)) for name in self.names())

    @cached_property
    def _modules(self) -> dict[str, str]:
        """Name → module; a process looks into the folder once."""
        if not self._nested:
            return {name.replace("_", "-"): f"{self._package}.{name}" for name, _ in _inside(self._package)}
        folders = [f"{self._package}.{name}" for name, is_folder in _inside(self._package) if is_folder]
        return {name: f"{folder}.{name}" for folder in folders for name, _ in _inside(folder)}

    def _member(self, module: ModuleType) -> T:
        member = getattr(module, self._attribute)
        if not isinstance(member, self._kind):
            raise TypeError(f"{module.__name__}.{self._attribute} is not a {self._kind.__name__}")
        return member

    def _nearest(self, name: str) -> str:
        near = get_close_matches(name, self.names(), n=1)
        return f"did you mean {near[0]!r}?" if near else "known: " + ", ".join(self.names())


def _inside(package: str) -> Iterator[tuple[str, bool]]:
    """The modules of a package folder, and whether each is a folder."""
    folder = importlib.import_module(package)
    return ((found.name, found.ispkg) for found in pkgutil.iter_modules(folder.__path__))
