"""Makes a Python environment for packages that the product does not install."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def environment(name: str, *installs: Sequence[str]) -> Path:
    """The Python of an environment with the packages, made at the first call; each list is one call of pip."""
    room = Path.home() / ".cache" / "fairtrial-bench" / name
    done = room / "installed"
    wanted = "\n".join(" ".join(packages) for packages in installs)
    if not done.exists() or done.read_text(encoding="utf-8") != wanted:
        print(f"installing into {room} (once; some minutes)", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(room)], check=True)
        for packages in installs:
            subprocess.run([str(room / "bin" / "pip"), "install", "--quiet", *packages], check=True)
        done.write_text(wanted, encoding="utf-8")
    return room / "bin" / "python"
