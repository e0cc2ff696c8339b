"""The programs to measure: this checkout, another one, the program of a release's fixture, and installed peers."""

from __future__ import annotations

import compileall
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
FIRST_MAIN = "from fairtrial.cli.main import main; main()"
"""Starts the command line of the first release, whose package has another name."""


@dataclass(frozen=True)
class Program:
    """The packages in a folder, run with the folder's own ``.venv`` if there is one."""

    name: str
    folder: Path

    @property
    def python(self) -> str:
        """The interpreter."""
        own = self.folder / ".venv" / "bin" / "python"
        return str(own) if own.exists() else sys.executable

    @property
    def command(self) -> list[str]:
        """The command line, `fairtrial`."""
        ours = (self.folder / "fairtrial_cli").exists()
        return [self.python, *(("-m", "fairtrial_cli.main") if ours else ("-c", FIRST_MAIN))]

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables with which the interpreter finds its packages, and the benchmarks of this checkout.

        Modules are compiled once, as those of an installed package.
        """
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return inherited | {"PYTHONPATH": f"{self.folder}{os.pathsep}{ROOT}"}

    @cached_property
    def commit(self) -> str:
        """The commit of a checkout, shortened and marked if files differ from it; a release's own name otherwise."""
        if not (self.folder / ".git").exists():
            return self.name
        describe = ["git", "-C", str(self.folder), "describe", "--always", "--dirty", "--exclude=*"]
        return subprocess.run(describe, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def of_release(version: str, folder: Path) -> Program:
    """The program of a release's fixture, unpacked and compiled into that folder."""
    with zipfile.ZipFile(ROOT / "tests" / "fixtures" / "releases" / version / "program.zip") as archive:
        archive.extractall(folder)
    compileall.compile_dir(folder, quiet=2)
    return Program(f"release {version}", folder)


def installed_packages(room: Path, packages: Sequence[str], program: str) -> Path:
    """The programs of a separate environment with these packages, which is created unless it has that program."""
    programs = room / "bin"
    if not (programs / program).exists():
        print(f"installing {', '.join(packages)} into {room} (once; some minutes)", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(room)], check=True)
        subprocess.run([str(programs / "pip"), "install", "--quiet", *packages], check=True)
    return programs
