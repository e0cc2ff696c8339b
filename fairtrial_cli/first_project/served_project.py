"""Makes a project from a server's models and a person's questions, and states the commands that come next."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fairtrial.domain.errors import UsageError
from fairtrial.domain.promises import REVIEWED_PAIRS
from fairtrial.domain.wording import counted
from fairtrial_cli.first_project.agents_page import agent_files
from fairtrial_cli.first_project.project_text import (
    BASE,
    CANDIDATE,
    GATE,
    ROUTE,
    project_text,
    service_ports,
)
from fairtrial_cli.first_project.proposal import Ask, ModelPair, propose
from fairtrial_cli.first_project.questions import Suites, suites_of
from fairtrial_cli.first_project.served_models import listing

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person decides: the models by name, the questions, the key's environment variable and the first port."""

    base: str | None
    candidate: str | None
    questions: Path | None
    key_env: str | None
    port: int | None


@dataclass(frozen=True, slots=True)
class ServedProject:
    """The files by path, what was chosen in sentences, and the next commands."""

    files: Mapping[str, bytes]
    summary: Sequence[str]
    commands: Sequence[str]


def served_project(url: str, choices: Choices, ask: Ask | None, command: str) -> ServedProject:
    """The project on two models of the server at ``url``; raises `UsageError` before anything is written.

    ``command`` is as in `propose`.
    """
    key = _key(choices.key_env)
    suites = suites_of(choices.questions)
    listed = listing(url, key)
    pair = propose(listed.models, choices.base, choices.candidate, ask=ask, command=command)
    ports = service_ports(listed.base_url, choices.port)
    text = project_text(pair, listed.base_url, key_env=choices.key_env, ports=ports)
    gateway = f"127.0.0.1:{ports[0]}"
    names = {"route": ROUTE, "gate": GATE, "suite": suites.paths[0], "gateway": gateway}
    files = {
        "fairtrial.yaml": text.encode(),
        GATE: suites.gate.encode(),
        **suites.files,
        **agent_files(base=BASE, candidate=CANDIDATE, **names),
    }
    return ServedProject(files, _summary(pair, suites, choices), _commands(suites))


def _key(name: str | None) -> str | None:
    if name is None:
        return None
    if not VARIABLE.fullmatch(name):
        raise UsageError("--key-env: give the name of an environment variable, such as OPENAI_API_KEY, not the key")
    if not (key := os.environ.get(name)):
        raise UsageError(f"--key-env {name}: the environment variable {name} is not set")
    if not key.isascii() or not key.isprintable():
        raise UsageError(f"--key-env {name}: the value is not a key, because no header can have its characters")
    return key


def _summary(pair: ModelPair, suites: Suites, choices: Choices) -> list[str]:
    lines = [
        f"base: {pair.base.title}; candidate: {pair.candidate.title} ({pair.reason})",
        f"questions: {suites.count:,} in {', '.join(suites.paths)}",
        *suites.notes,
    ]
    if choices.questions is None:
        lines.append(
            "These are small sums to begin with. Replace them by your own, or begin again with --questions FILE."
        )
    if not suites.compares:
        lines.append(f"The gate requires {REVIEWED_PAIRS} reviewed pairs, because not every suite has references.")
        if suites.count < REVIEWED_PAIRS:
            lines.append(f"Add questions: {counted(suites.count, 'question')} can't give {REVIEWED_PAIRS} pairs.")
    return lines


def _commands(suites: Suites) -> list[str]:
    """The two commands to a first verdict, or to a first review where people have to judge."""
    if suites.compares:
        return [f"fairtrial gate {GATE} --candidate {CANDIDATE} --baseline {BASE} --run", "fairtrial up"]
    return [
        f"fairtrial eval {' '.join(suites.paths)} --on {BASE},{CANDIDATE}",
        f"fairtrial review enqueue {suites.paths[0]} --candidate {CANDIDATE} --baseline {BASE}",
    ]
