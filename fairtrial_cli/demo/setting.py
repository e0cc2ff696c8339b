"""Prepares the demo's folder, project file and free ports."""

from __future__ import annotations

import re
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from fairtrial.bundled_data import bundled_data
from fairtrial.config.layout import Layout
from fairtrial.config.owner_lock import refuse_owned
from fairtrial.domain.errors import UsageError
from fairtrial_cli.demo.sizes import ALL, Sizes

SUPPORT = bundled_data("examples/support")
SUITES = bundled_data("suites")
RELEASE, REVIEWED = "support-release.gate.yaml", "support-reviewed.gate.yaml"
SAMPLE_SEED = 20261128
"""Draws the cases if the demo takes fewer (ADR 45)."""
TRAINED_WITH = ("data", "training")
"""The folders with the training data and logs that the project file names."""
MARK = ".fairtrial-demo"
FIRST_BYTE = re.compile(r"first_byte: [\d.]+")
FAMILY_SIZE = re.compile(r"\bn: \d+")
FIRST_PORTS = {"models": 8000, "late": 8010, "gateway": 8080, "control": 8081, "dashboard": 8501}


@dataclass(frozen=True, slots=True)
class Setting:
    """The demo's folder and ports."""

    folder: Path
    ports: dict[str, int]

    @property
    def project(self) -> Path:
        return self.folder / "fairtrial.yaml"

    @property
    def suites(self) -> Path:
        """The suites and gates of this demo, which may take fewer cases than those that ship."""
        return self.folder / "suites"

    @property
    def models_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['models']}/v1"

    def allow(self, seconds: float) -> None:
        """Let the late server take this long for the first byte of an answer."""
        text = self.project.read_text(encoding="utf-8")
        self.project.write_text(FIRST_BYTE.sub(f"first_byte: {seconds:.1f}", text), encoding="utf-8")

    def take(self, sizes: Sizes) -> None:
        """Write the suites with so many cases: with `sample` for rows, and with `n` for each family of edge cases."""
        for name, taken, of in (("support", sizes.tickets, ALL.tickets), ("general", sizes.general, ALL.general)):
            text = (SUITES / name / "suite.yaml").read_text(encoding="utf-8")
            drawn = f"sample: {{n: {taken}, seed: {SAMPLE_SEED}}}\n" if taken < of else ""
            (self.suites / name / "suite.yaml").write_text(text + drawn, encoding="utf-8")
        text = (SUITES / "edges" / "suite.yaml").read_text(encoding="utf-8")
        (self.suites / "edges" / "suite.yaml").write_text(FAMILY_SIZE.sub(f"n: {sizes.edges}", text), encoding="utf-8")


def prepare(folder: Path) -> Setting:
    """Create the folder and its project file; what an earlier demo left there is deleted.

    Raises `UsageError` if the folder contains other files, or if the example is not installed, and `StoreLocked` if a
    demo is still running there.
    """
    if not (SUPPORT / "fairtrial.yaml").exists():
        raise UsageError(f"{SUPPORT}: the example's files are not installed (run the demo from a clone)")
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            raise UsageError(f"{folder}: contains other files (choose another folder with --folder)")
        refuse_owned(Layout(folder.resolve() / "fairtrial.duckdb"))
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()
    shutil.copytree(SUITES, folder / "suites", ignore=shutil.ignore_patterns("__pycache__"))
    for name in TRAINED_WITH:
        shutil.copytree(SUPPORT / name, folder / name, ignore=shutil.ignore_patterns("*.py"))
    setting = Setting(folder.resolve(), _free_ports())
    setting.project.write_text(_project(setting.ports), encoding="utf-8")
    return setting


def _project(ports: dict[str, int]) -> str:
    """The example's project file with the ports of this demo, and its release gate as the official one."""
    text = (SUPPORT / "fairtrial.yaml").read_text(encoding="utf-8")
    for name in ("late", "models"):
        text = text.replace(f"127.0.0.1:{FIRST_PORTS[name]}/", f"127.0.0.1:{ports[name]}/")
    binds = [f'{name}: {{bind: "127.0.0.1:{ports[name]}"}}' for name in ("gateway", "control", "dashboard")]
    releases = f"releases: {{gate: suites/{RELEASE}}}"
    return text + "\n" + "\n".join([releases, *binds]) + "\n"


def _free_ports() -> dict[str, int]:
    """The default port of each service, or the next free one."""
    taken: set[int] = set()
    ports = {}
    for name, first in FIRST_PORTS.items():
        ports[name] = next(port for port in range(first, first + 500) if port not in taken and _is_free(port))
        taken.add(ports[name])
    return ports


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
