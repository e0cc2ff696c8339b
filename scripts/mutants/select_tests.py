"""Selects the test files that import a module, the nearest first."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
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
        for name, module in self._modules.items():
            imports[name] |= set(self._by_name(module)) | set(self._conftests(name))
            imports[name] |= {found for target in [*imports[name]] for found in self._members(target)}
        self._importers = importers(imports)

    def nearest(self, module: str, *, most: int) -> list[str]:
        """Paths of test files: direct importers first, then those of the module's folder, then those that name it."""
        distances = self._distances(module)
        tests = [name for name in distances if name.rpartition(".")[2].startswith("test_")]
        folder = "tests/unit/" + module.rpartition(".")[0].replace(".", "/")
        words = set(re.findall("[a-z]+", ".".join(module.split(".")[-2:])))

        def rank(name: str) -> tuple[bool, bool, float, str]:
            path = self._path(name)
            elsewhere = Path(path).parent.as_posix() != folder
            cost = COSTS.get(path.split("/")[1], 0) + PER_IMPORT * distances[name]
            return distances[name] > 1, elsewhere, cost - self._mentions(name, words), path

        return [self._path(name) for name in sorted(tests, key=rank)][:most]

    def _path(self, name: str) -> str:
        return self._modules[name].path.relative_to(self._root).as_posix()

    def _mentions(self, name: str, words: set[str]) -> float:
        """The share of some words in a test file's path, twice, and in its text: commands run by their names."""
        in_path = set(re.findall(r"[a-z]+", self._path(name)))
        in_text = set(re.findall(r"[a-z]+", self._modules[name].text))
        return (2 * len(words & in_path) + len(words & in_text)) / len(words)

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
        """Modules that are named in strings: ``"gateway.control.serve"``, or ``"shop.prices:total"``."""
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
