"""A temporary copy of the tree with an environment of its own, in which every process imports the copy."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CPU_LIMIT = Path(__file__).with_name("cpu_limit.py")
PASSED, NO_TESTS, OVER = 0, 5, 124
SECONDS_OF_A_TEST = 120
"""A test that hangs has failed; the tests take ten seconds at most on an idle machine."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How some tests ended."""

    status: str
    """``passed``, ``failed``, or ``over``: the limit came first."""
    failed: list[str]
    cpu_seconds: float


class Sandbox:
    """One copy, for one mutant at a time."""

    def __init__(self, root: Path, folder: Path, packages: Sequence[str]) -> None:
        self.tree = folder / "tree"
        self._temporary = folder / "t"  # short, because tests create sockets in it
        self._cache = folder / "cache"
        self._running: subprocess.Popen[str] | None = None
        self._temporary.mkdir(parents=True)
        _copy(root, self.tree)
        self._python = _environment(self.tree, packages)
        self._refuse_other_sources(packages)

    def write(self, path: str, content: bytes) -> None:
        """Replace a file, and remove its compiled form, which Python would take for the new one's within a second."""
        file = self.tree / path
        file.write_bytes(content)
        for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
            compiled.unlink()

    def run(self, tests: Sequence[str], *, cpu: float, wall: float) -> Outcome:
        """Run test files or tests until one fails, or the limit is reached."""
        shutil.rmtree(self._cache, ignore_errors=True)
        options = ["-o", f"cache_dir={self._cache}", "-o", f"timeout={SECONDS_OF_A_TEST}"]
        pytest = [self._python, "-m", "pytest", "-x", "-q", "--tb=no", *options, *tests]
        if (self.tree / "tests/release_parts.py").is_file():
            pytest += ["--release", "test,stories"]
        limited = [sys.executable, CPU_LIMIT, str(cpu), str(wall), *pytest]
        self._running = subprocess.Popen(
            limited, cwd=self.tree, env=self._variables(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        output, _ = self._running.communicate()
        status = self._running.returncode
        shutil.rmtree(self._temporary, ignore_errors=True)
        self._temporary.mkdir(exist_ok=True)
        used = float(output or 0)
        if status in (PASSED, NO_TESTS):
            return Outcome("passed", [], used)
        if status == OVER or status < 0:  # this run was stopped itself
            return Outcome("over", [], used)
        return Outcome("failed", self._failed(tests), used)

    def stop(self) -> None:
        """End the tests that run now."""
        if self._running is not None:
            self._running.terminate()

    def _failed(self, tests: Sequence[str]) -> list[str]:
        """The failed tests; the selection itself where pytest did not come to run one."""
        record = self._cache / "v" / "cache" / "lastfailed"
        return list(json.loads(record.read_text())) if record.exists() else list(tests)

    def _variables(self) -> dict[str, str]:
        path = os.pathsep.join([str(self._python.parent), os.environ.get("PATH", os.defpath)])
        inherited = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
        return {**inherited, "PATH": path, "TMPDIR": str(self._temporary)}

    def _refuse_other_sources(self, packages: Sequence[str]) -> None:
        """A mutant that a process does not import would survive: even one without variables must find the copy."""
        program = "import importlib, sys\nfor name in sys.argv[1:]: print(*importlib.import_module(name).__path__)"
        found = subprocess.run(
            [self._python, "-c", program, *packages], cwd="/", env={}, capture_output=True, text=True, check=True
        )
        foreign = [place for place in found.stdout.splitlines() if not Path(place).is_relative_to(self.tree)]
        if foreign:
            raise RuntimeError(f"the copy would import {', '.join(foreign)}")


def _copy(root: Path, tree: Path) -> None:
    """The files that git tracks or would add, in a repository of their own, because some tests ask git for them."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=root, capture_output=True, check=True).stdout.decode().split("\0")
    for name in filter(None, names):
        if (root / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, tree / name, follow_symlinks=False)
    for command in (["init", "--quiet"], ["add", "--all"]):
        subprocess.run(["git", *command], cwd=tree, check=True, capture_output=True)


def _environment(tree: Path, packages: Sequence[str]) -> Path:
    """This interpreter's environment by links, except for paths to a source of the packages: the copy is theirs."""
    source, target = Path(sys.prefix), tree / ".venv"
    libraries = Path("lib") / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    (target / libraries).mkdir(parents=True)
    (target / "bin").mkdir()
    shutil.copy2(source / "pyvenv.cfg", target)
    for entry in (source / libraries).iterdir():
        lines = entry.read_text().splitlines() if entry.suffix == ".pth" else []
        if not any(Path(line, package).is_dir() for line in lines for package in packages):
            (target / libraries / entry.name).symlink_to(entry)
    (target / libraries / "tree.pth").write_text(f"{tree}\n")
    for entry in (source / "bin").iterdir():
        _place_program(entry, target / "bin" / entry.name, source, target)
    return target / "bin" / "python"


def _place_program(entry: Path, place: Path, source: Path, target: Path) -> None:
    """A script of the environment must start the copy's interpreter; everything else is linked."""
    if entry.name.startswith("python"):
        place.symlink_to(entry.resolve())
    elif entry.is_file() and entry.read_bytes()[:2] == b"#!":
        place.write_bytes(entry.read_bytes().replace(f"{source}/".encode(), f"{target}/".encode()))
        place.chmod(0o755)
    else:
        place.symlink_to(entry)
