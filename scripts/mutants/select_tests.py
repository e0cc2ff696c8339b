"""Selects the test files that import a module, the nearest first."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from math import log
from pathlib import Path

from scripts.import_graph import Module, importers, imports_of, read_modules

COSTS = {"unit": 0, "contract": 0, "architecture": 0.5, "integration": 0.5, "e2e": 1, "docs": 2, "conformance": 2}
"""What a folder of tests takes, against what a test file that names the module is worth (at most 3)."""
PER_IMPORT = 0.5
"""What each import between a test and the module takes from its worth."""


class TestSelection:
    """Which test files reach which module, by the imports in the text of all files."""

    __test__ = False

    def __init__(self, root: Path, packages: Iterable[str]) -> None:
        self._root = root
        self._modules = read_modules(root, packages)
        imports = imports_of(self._modules, in_functions=True)
        self._named_in_code: set[str] = set()
        for name, module in self._modules.items():
            by_name = set(self._by_name(module))
            self._named_in_code |= set() if name.startswith("tests.") else by_name
            imports[name] |= by_name | set(self._conftests(name))
            imports[name] |= {found for target in [*imports[name]] for found in self._members(target)}
        self._importers = importers(imports)
        self._words = {name: self._words_of(name) for name in self._modules if _is_test(name)}
        self._files_with = Counter(word for in_path, in_text in self._words.values() for word in in_path | in_text)

    def nearest(self, module: str, *, most: int) -> list[str]:
        """Paths of test files: direct importers first, then those of the module's folder, then those that name it.

        Tests run a member of a registry, such as a command, by its name: those without it come last.
        """
        distances = self._distances(module)
        package, _, own = module.rpartition(".")
        folder = "tests/unit/" + package.replace(".", "/")
        words = _words(f"{module.partition('.')[0]} {package.rpartition('.')[2]} {own}")
        quoted = f'"{own}"', f'"{own.replace("_", "-")}"'

        def rank(name: str) -> tuple[bool, bool, bool, float, str]:
            path = self._path(name)
            elsewhere = Path(path).parent.as_posix() != folder
            named = any(text in self._modules[name].text for text in quoted) or _words(own) <= self._words[name][0]
            unnamed = package in self._named_in_code and not named
            cost = COSTS.get(path.split("/")[1], 0) + PER_IMPORT * distances[name]
            return distances[name] > 1, unnamed, elsewhere, cost - self._mentions(name, words), path

        tests = [name for name in distances if _is_test(name)]
        return [self._path(name) for name in sorted(tests, key=rank)][:most]

    def _path(self, name: str) -> str:
        return self._modules[name].path.relative_to(self._root).as_posix()

    def _words_of(self, name: str) -> tuple[set[str], set[str]]:
        """The words of a test file's path, and those of its text."""
        return _words(self._path(name)), _words(self._modules[name].text)

    def _mentions(self, name: str, words: set[str]) -> float:
        """The share of some words in a test file's path, twice, and in its text: commands run by their names.

        A word that few test files have counts more (inverse document frequency).
        """
        in_path, in_text = self._words[name]
        weights = {word: log((1 + len(self._words)) / count) for word in words if (count := self._files_with[word])}
        mentioned = sum(weight * (2 * (word in in_path) + (word in in_text)) for word, weight in weights.items())
        return mentioned / (sum(weights.values()) or 1.0)

    def _distances(self, module: str) -> dict[str, int]:
        """How many imports lead from each importer to the module."""
        distances = {module: 0}
        queue = [module]
        for name in queue:
            for importer in sorted(self._importers.get(name, ()) - distances.keys()):
                distances[importer] = distances[name] + 1
                queue.append(importer)
        return distances

    def _by_name(self, module: Module) -> Iterator[str]:
        """Modules that are named in strings: ``"gateway.control.serve"``, or ``"shop.prices:total"``.

        Tests of the architecture read the names and run nothing.
        """
        if module.name.startswith("tests.architecture."):
            return
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value:
                name = node.value.partition(":")[0]
                if name in self._modules and name != module.name:
                    yield name

    def _members(self, target: str) -> list[str]:
        """The modules below an inner package with an empty file: its importer looks there, as a registry does."""
        module = self._modules[target]
        if "." not in target or module.path.name != "__init__.py" or module.text.strip():
            return []
        return [name for name in self._modules if name.startswith(f"{target}.")]

    def _conftests(self, name: str) -> list[str]:
        """The conftest files that pytest loads for a test file."""
        parts = name.split(".")
        return [
            path
            for at in range(1, len(parts))
            if (path := ".".join([*parts[:at], "conftest"])) in self._modules and path != name
        ]


def _is_test(name: str) -> bool:
    return name.rpartition(".")[2].startswith("test_")


def _words(text: str) -> set[str]:
    return set(re.findall("[a-z]+", text))
