"""Draws mutants by a seed, uniformly over the sites of each package."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain, zip_longest
from pathlib import Path

from scripts.mutants.sites import Site, sites_in


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one file; the path is relative to the root."""

    path: str
    operator: str
    line: int
    original: str
    mutated: str
    source: bytes
    """The whole mutated file."""

    @property
    def package(self) -> str:
        return self.path.partition("/")[0]

    @property
    def module(self) -> str:
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def draw(root: Path, packages: Sequence[str], *, count: int, seed: int) -> list[Mutant]:
    """The same number from each package, in turn, so that a run that ends early has drawn from all of them."""
    drawn = []
    for at, package in enumerate(packages):
        share = count // len(packages) + (at < count % len(packages))
        drawn.append(_draw_from(root, package, count=share, seed=seed))
    return [mutant for mutant in chain.from_iterable(zip_longest(*drawn)) if mutant]


def _draw_from(root: Path, package: str, *, count: int, seed: int) -> list[Mutant]:
    files = [(path.relative_to(root).as_posix(), path.read_bytes()) for path in sorted((root / package).rglob("*.py"))]
    places = [place for path, source in files for place in _places(path, source, seed)]
    mutants: list[Mutant] = []
    for _, path, source, site in sorted(places, key=lambda place: place[0]):
        if len(mutants) == count:
            break
        if mutant := _mutant(path, source, site):
            mutants.append(mutant)
    return mutants


def _places(path: str, source: bytes, seed: int) -> Iterator[tuple[str, str, bytes, Site]]:
    """Each site with a pseudorandom number that depends on its line alone, so that other changes leave it drawn."""
    seen: Counter[str] = Counter()
    for site in sites_in(source):
        start = source.rfind(b"\n", 0, site.start) + 1
        line = source[start:].partition(b"\n")[0].strip().decode()
        name = f"{seed}\n{path}\n{line}\n{site.operator}\n{site.replacement}"
        seen[name] += 1
        yield sha256(f"{name}\n{seen[name]}".encode()).hexdigest(), path, source, site


def _mutant(path: str, source: bytes, site: Site) -> Mutant | None:
    """The mutant, or nothing where the change leaves no other program."""
    mutated = site.applied(source)
    try:
        if ast.dump(ast.parse(mutated)) == ast.dump(ast.parse(source)):
            return None
    except SyntaxError:
        return None
    line = source.count(b"\n", 0, site.start)
    return Mutant(
        path, site.operator, line + 1, _changed(source, mutated, line), _changed(mutated, source, line), mutated
    )


def _changed(text: bytes, other: bytes, line: int) -> str:
    """The line of the change, or the lines where it spans several."""
    lines, others = text.decode().split("\n"), other.decode().split("\n")
    same = 0
    while same < len(lines) - line - 1 and same < len(others) - line - 1 and lines[-1 - same] == others[-1 - same]:
        same += 1
    return "\n".join(part.strip() for part in lines[line : len(lines) - same])
