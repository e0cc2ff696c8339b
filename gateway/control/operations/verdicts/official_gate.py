"""Says whether a gate and its suites are those that the project declares for releases."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evaluators.gate.file import load
from evaluators.loading.suite_text import digest_of, text_of
from fairtrial.config.file.project_files import MOST_YAML_BYTES, project_root, read_text
from fairtrial.config.releases import ReleaseGates
from fairtrial.domain.errors import ConfigError, Diagnostic
from fairtrial.safe_files import FileRefused

NONE_DECLARED = "the project declares no official gate (releases in fairtrial.yaml)"


@dataclass(frozen=True, slots=True)
class OfficialGate:
    """The official gate as its files are now: its name, the SHA-256 of its text, and the text digest of each suite."""

    name: str
    file: str
    gate_sha256: str
    suites: Mapping[str, str]

    def why_not(self, gate_sha256: str, suites: Mapping[str, str | None]) -> str:
        """Why a gate with this text and these suites is another one; empty if it is the official gate."""
        if gate_sha256 != self.gate_sha256:
            return f"the official gate is {self.name} ({self.file}), and its text differs"
        different = sorted(name for name in {*self.suites, *suites} if suites.get(name) != self.suites.get(name))
        return f"the suite {different[0]} differs from that of the official gate" if different else ""


def official_gate(path: Path) -> OfficialGate:
    """Read the official gate with its suites; raises `ConfigError`."""
    gate = load(path)
    root = project_root(path)
    try:
        text = read_text(path, root, most=MOST_YAML_BYTES)
    except FileRefused as error:
        raise ConfigError([Diagnostic(str(path), error.line, "", error.wrong, error.known)]) from error
    suites = {suite.name: digest_of(text_of(suite)) for suite in gate.suites}
    return OfficialGate(gate.name, str(path.relative_to(root)), sha256_of(text), suites)


@dataclass(frozen=True, slots=True)
class FoundGate:
    """The file of the official gate with this text and these suites, ``None`` with the reason if there is none."""

    file: Path | None
    unofficial_why: str = ""


def find_official(gates: ReleaseGates, gate_sha256: str, suites: Mapping[str, str | None]) -> FoundGate:
    """Which of the official gates has this text and these suites. ``suites``: the digest of each suite's text."""
    why = NONE_DECLARED
    for file in gates.files():
        try:
            why = official_gate(file).why_not(gate_sha256, suites)
        except ConfigError as error:
            why = f"the official gate can't be read ({str(error).splitlines()[0]})"
        if not why:
            return FoundGate(file)
    return FoundGate(None, why)


def sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
