"""An environment that has the wheel and what requirements/runtime.lock names, and nothing else: as an image has it.

The wheel is built and installed for real. The locked dependencies are not installed a second time (that takes minutes):
each distribution of the lock is linked from the environment that runs the tests, in the very version that the lock
names, file by file of its own record. What the lock doesn't name can't be imported, be it a tool of the tests or this
repository, so a dependency that is missing in the lock is found.
"""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
RUNTIME = ROOT / "requirements" / "runtime.lock"
MODELS = ROOT / "requirements" / "models.lock"


def build_wheel(folder: Path) -> Path:
    """The wheel of this working tree."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=300)
    (wheel,) = folder.glob("fairtrial-*.whl")
    return wheel


def make_environment(folder: Path, wheel: Path, *locks: Path) -> Path:
    """A virtual environment of the wheel and the locks; returns its folder of programs."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=300)
    python = folder / "bin" / "python"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    link_locked(folder / "lib" / version / "site-packages", locks)
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--no-index", "--force-reinstall", str(wheel)], check=True, timeout=300)
    return folder / "bin"


def locked(lock: Path) -> Iterator[Requirement]:
    """What a lock names for this kind of machine and interpreter."""
    for line in lock.read_text().splitlines():
        if re.match(r"[A-Za-z0-9]", line):
            requirement = Requirement(line.removesuffix("\\"))
            if requirement.marker is None or requirement.marker.evaluate():
                yield requirement


def link_locked(site: Path, locks: Sequence[Path]) -> None:
    """Links the distributions of the locks; a top-level entry that two of them share is linked file by file."""
    files: dict[str, list[tuple[Path, Path]]] = defaultdict(list)
    owners: dict[str, set[str]] = defaultdict(set)
    for requirement in (each for lock in locks for each in locked(lock)):
        found = importlib.metadata.distribution(requirement.name)
        assert str(requirement.specifier) == f"=={found.version}", f"{requirement} is not what the tests run with"
        for file in found.files or ():
            top = file.parts[0]
            if top not in ("..", "__pycache__"):
                files[top].append((Path(file), Path(str(found.locate_file(file)))))
                owners[top].add(requirement.name)
    for top, members in files.items():
        if len(owners[top]) == 1:
            below, source = members[0]
            (site / top).symlink_to(source.parents[len(below.parts) - 2] if len(below.parts) > 1 else source)
            continue
        for below, source in members:
            (site / below).parent.mkdir(parents=True, exist_ok=True)
            if not (site / below).exists():
                (site / below).symlink_to(source)
