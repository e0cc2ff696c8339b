"""Reads a gate's file: as the request to judge by it, and as one of the official gates of the project."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evaluators.criteria.grammar import VersusBaseline
from evaluators.criteria.validation import CANDIDATE, NAMED_BASELINE
from evaluators.engine.target import resolve
from evaluators.gate.file import Gate, load
from evaluators.loading.suite_text import digest_of, text_of
from fairtrial.api.verdicts import Judge, SuiteReference
from fairtrial.config.file.project_files import MOST_YAML_BYTES, project_root, read_text
from fairtrial.config.releases import ReleaseGates
from fairtrial.domain.errors import ConfigError, Diagnostic, UsageError, nearest
from fairtrial.domain.plan import Plan
from fairtrial.safe_files import FileRefused

NONE_DECLARED = "the project declares no official gate (releases in fairtrial.yaml)"


def judge_request(gate: Gate, path: Path, candidate: str, baseline: str) -> Judge:
    """The request with the gate's text and the digests of its suites as they are now; raises `UsageError`."""
    text = read_text(path, project_root(path), most=MOST_YAML_BYTES)
    try:
        return Judge(gate=text, suites=tuple(suite_references(gate)), candidate=candidate, baseline=baseline)
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from error


def suite_references(gate: Gate) -> list[SuiteReference]:
    """The digests of a gate's suites."""
    return [
        SuiteReference(
            suite=suite.name,
            digest=suite.digest,
            text_digest=digest_of(text_of(suite)),
            listed=listed,
            file=str(suite.path),
        )
        for listed, suite in zip(gate.listed, gate.suites, strict=True)
    ]


def digests_of(plan: Plan, candidate: str, baseline: str) -> dict[str, str]:
    """The digests of both current definitions; raises `UsageError` for an unknown target or two equal ones."""
    if candidate == baseline:
        raise UsageError(
            f"--candidate {candidate}: candidate and baseline are the same target; choose another baseline"
        )
    digests = {}
    for option, name in (("--candidate", candidate), ("--baseline", baseline)):
        try:
            digests[name] = resolve(name, plan, base_url="").deployment_digest
        except UsageError as error:
            raise UsageError(str(error).replace("--on", option, 1)) from error
    return digests


def refuse_unknown_refs(gate: Gate, plan: Plan) -> None:
    """Raise `UsageError` for a line or key that refers to something unknown, because it would hold forever."""
    if gate.experiment is not None and gate.experiment not in (CANDIDATE, *plan.experiments):
        known = nearest(gate.experiment, plan.experiments) if plan.experiments else "the project has none"
        raise UsageError(f"{gate.name}: experiment: there is no experiment {gate.experiment!r} ({known})")
    for rule in gate.rules:
        test = rule.line.test
        if isinstance(test, VersusBaseline) and test.ref != "base" and not test.ref.startswith(NAMED_BASELINE):
            try:
                resolve(test.ref, plan, base_url="")
            except UsageError as error:
                raise UsageError(f"{rule.source}: {rule.text!r}: {str(error).removeprefix('--on ')}") from error


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
    return OfficialGate(gate.name, str(path.relative_to(root)), digest_of(text), suites)


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
