"""Resolves model names: the base, its adapters, and adapters at another strength (`support-v2@0.5`)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fairtrial.domain.errors import NotFound, UsageError
from fairtrial.safe_files import open_named

STRONGEST = 2.0
NAME = re.compile(r"[\w][\w.:-]*")


@dataclass(frozen=True, slots=True)
class Served:
    """A requested model. ``adapter`` is its number among the engine's adapters, ``None`` for the base.

    ``fingerprint`` identifies the base file, adapter file, strength and version of llama.cpp.
    """

    name: str
    adapter: int | None
    strength: float
    fingerprint: str

    @property
    def queue(self) -> tuple[int | None, float]:
        """The key of requests that an engine can serve in sequence without losing its cache."""
        return (self.adapter, self.strength)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The base and its adapters with file digests; ``runtime`` is the version of llama.cpp."""

    base_name: str
    base: Path
    adapters: Mapping[str, Path]
    digests: Mapping[Path, str]
    runtime: str

    @property
    def names(self) -> tuple[str, ...]:
        return (self.base_name, *self.adapters)

    def find(self, requested: str) -> Served:
        """The model with this name, with or without ``@strength``; raises `NotFound` as OpenAI does."""
        name, at, strength = requested.partition("@")
        scale = _strength(strength) if at else 1.0
        if scale is None or name not in self.names or (at and name == self.base_name):
            known = ", ".join(self.names)
            raise NotFound(f"The model `{requested}` does not exist (known: {known})", code="model_not_found")
        if name == self.base_name or scale == 0:
            return Served(requested, None, 0.0, self._fingerprint(None, 0.0))
        number = list(self.adapters).index(name)
        return Served(requested, number, scale, self._fingerprint(name, scale))

    def _fingerprint(self, adapter: str | None, strength: float) -> str:
        parts = [self.runtime, self.digests[self.base]]
        if adapter is not None:
            parts += [self.digests[self.adapters[adapter]], f"{strength:.6g}"]
        return "fp_" + hashlib.sha256("/".join(parts).encode()).hexdigest()[:16]


def catalogue(base_name: str, base: Path, adapters: Mapping[str, Path], *, runtime: str) -> Catalogue:
    """Hash every file; raises `UsageError` for an invalid name, a missing file, or a file that is not GGUF."""
    for name in (base_name, *adapters):
        if not NAME.fullmatch(name):
            raise UsageError(f"{name!r} is not a valid model name (use letters, digits and . _ : -)")
    if base_name in adapters:
        raise UsageError(f"--adapter {base_name}: the base already has this name")
    digests = {path: _digest(path) for path in (base, *adapters.values())}
    return Catalogue(base_name, base, dict(adapters), digests, runtime)


def _strength(text: str) -> float | None:
    """A number from 0 to 2, or ``None`` for any other text."""
    if not re.fullmatch(r"\d+(\.\d+)?", text):
        return None
    return float(text) if float(text) <= STRONGEST else None


def _digest(path: Path) -> str:
    try:
        with open_named(path) as file:
            if file.read(4) != b"GGUF":
                raise UsageError(f"{path}: not a GGUF file")
            file.seek(0)
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error
