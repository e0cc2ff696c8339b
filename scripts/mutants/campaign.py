"""Runs the nearest tests against each mutant, and says which mutants they catch."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from pathlib import Path
from queue import SimpleQueue
from threading import Lock

from scripts.mutants.draw import Mutant
from scripts.mutants.sandbox import Sandbox

BATCHES = (1, 4)
"""Test files in the first pytest processes; the last one takes the rest.

Collecting all files costs more than running the nearest, which catch most mutants.
"""

SECONDS_FOR_A_CHECK = 60.0
"""How long a test may run without the mutation after the time of all is over."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop."""

    cpu_seconds: float = 60
    minutes: float = 30
    test_files: int = 24


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one mutant."""

    path: str
    line: int
    operator: str
    original: str
    mutated: str
    status: str
    """``caught``, ``survived``, ``undecided`` (the CPU limit came first), or ``not run`` (the time of all was over)."""
    tests: list[str] = field(default_factory=list)
    caught_by: list[str] = field(default_factory=list)
    cpu_seconds: float = 0.0

    @property
    def package(self) -> str:
        return self.path.partition("/")[0]


class Campaign:
    """One run over all mutants. Tests that fail without a mutation catch nothing, and are listed apart."""

    def __init__(self, root: Path, packages: Sequence[str], limits: Limits) -> None:
        self.red: set[str] = set()
        self._root = root
        self._packages = packages
        self._limits = limits
        self._deadline = time.monotonic() + limits.minutes * 60
        self._green: set[str] = set()
        self._lock = Lock()

    def run(
        self,
        mutants: Sequence[Mutant],
        select: Callable[[str], list[str]],
        *,
        folder: Path,
        jobs: int,
        report: Callable[[Result], None],
    ) -> list[Result]:
        """Each mutant in one of ``jobs`` sandboxes in the folder; the results have the mutants' order."""
        sandboxes = [Sandbox(self._root, folder / str(number), self._packages) for number in range(jobs)]
        idle: SimpleQueue[Sandbox] = SimpleQueue()
        for one in sandboxes:
            idle.put(one)

        def try_one(mutant: Mutant) -> Result:
            sandbox = idle.get()
            try:
                result = self._try(sandbox, mutant, select(mutant.module))
            finally:
                idle.put(sandbox)
            report(result)
            return result

        with ThreadPoolExecutor(jobs) as pool:
            try:
                return list(pool.map(try_one, mutants))
            except BaseException:  # Ctrl-C, too
                pool.shutdown(wait=False, cancel_futures=True)
                for one in sandboxes:
                    one.stop()
                raise

    def _try(self, sandbox: Sandbox, mutant: Mutant, tests: list[str]) -> Result:
        original = (sandbox.tree / mutant.path).read_bytes()
        ran: list[str] = []
        used = 0.0
        status, caught_by = "survived", list[str]()
        for batch in _batches(tests):
            while status == "survived" and (files := [path for path in batch if not self._is_red(path)]):
                sandbox.write(mutant.path, mutant.source)
                try:
                    outcome = sandbox.run(files, cpu=self._limits.cpu_seconds - used, wall=self._left())
                finally:
                    sandbox.write(mutant.path, original)
                used += outcome.cpu_seconds
                if outcome.status == "failed" and not self._fails_without(sandbox, outcome.failed, files):
                    status, caught_by = "caught", outcome.failed
                elif outcome.status == "over":
                    status = "undecided" if self._left() > 0 else "not run"
                if outcome.status != "failed" or status == "caught":
                    ran += files
                    break
        return Result(
            mutant.path, mutant.line, mutant.operator, mutant.original, mutant.mutated, status, ran, caught_by, used
        )

    def _fails_without(self, sandbox: Sandbox, tests: list[str], files: list[str]) -> bool:
        """Whether the tests fail in the pristine copy, too; then their files are left out from then on."""
        with self._lock:
            known = set(tests) <= self._green
        if known:
            return False
        outcome = sandbox.run(tests, cpu=self._limits.cpu_seconds, wall=max(self._left(), SECONDS_FOR_A_CHECK))
        with self._lock:
            if outcome.status != "failed":
                self._green.update(tests)
                return False
            self.red.update({name.partition("::")[0] for name in tests} & set(files) or files)
            return True

    def _is_red(self, path: str) -> bool:
        with self._lock:
            return path in self.red

    def _left(self) -> float:
        return max(0.0, self._deadline - time.monotonic())


def _batches(tests: list[str]) -> list[list[str]]:
    bounds = [0, *accumulate(BATCHES), len(tests)]
    return [tests[start:end] for start, end in pairwise(bounds)]
