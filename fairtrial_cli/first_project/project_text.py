"""Writes the files of a project on two models of one server; every setting that has a default is left out."""

import ipaddress
import json
from collections.abc import Sequence
from urllib.parse import urlsplit

from fairtrial.domain.names.addresses import is_loopback
from fairtrial_cli.first_project.proposal import ModelPair, is_adapter_of
from fairtrial_cli.first_project.served_models import ServedModel

ROUTE, BASE, CANDIDATE = "assistant", "base", "candidate"
GATE = "release.gate.yaml"
PORTS = (8080, 8081, 8501)
SERVICES = ("gateway", "control", "dashboard")
OTHER_PORTS = (9080, 9180)
"""The first port of the services where the server of the models uses one of theirs, as llama.cpp's does."""
INSIDE = (".internal", ".lan", ".local", ".localhost")


def project_text(pair: ModelPair, base_url: str, *, key_env: str | None, ports: Sequence[int]) -> str:
    """The text of ``fairtrial.yaml``."""
    outside = ["external: true"] if _is_outside(base_url) else []
    common = [f"base_url: {_quoted(base_url)}", *([f'api_key: "${{{key_env}}}"'] if key_env else []), *outside]
    parent = [f"parent: {BASE}"] if is_adapter_of(pair.base, pair.candidate) else []
    lines = [
        "# A base and a candidate of one server. Each setting that is not here has a default.",
        "version: 1",
        "",
        "deployments:",
        _deployment(BASE, pair.base, common),
        _deployment(CANDIDATE, pair.candidate, [*common, *parent]),
        "",
        f"routes: {{{ROUTE}: {{deployment: {BASE}}}}}   # the name that applications send in `model`",
        f"releases: {{gate: {GATE}}}   # only a SHIP of this gate can be promoted",
        "store: {path: ./fairtrial.duckdb}",
        *(f'{name}: {{bind: "127.0.0.1:{number}"}}' for name, number in zip(SERVICES, ports, strict=True)),
    ]
    return "\n".join(lines) + "\n"


def _deployment(name: str, model: ServedModel, common: Sequence[str]) -> str:
    params = [f"params: {json.dumps(model.params)}"] if model.params else []
    keys = ", ".join([f"model: {_quoted('openai/' + model.name)}", *common, *params])
    return f"  {name}: {{{keys}}}"


def _quoted(text: str) -> str:
    """The text in YAML's double quotes, which are those of JSON."""
    return json.dumps(text, ensure_ascii=False)


def service_ports(base_url: str, first: int | None) -> Sequence[int]:
    """The ports of the services, none of which the server of the models uses."""
    if first is not None:
        return range(first, first + len(SERVICES))
    parts = urlsplit(base_url)
    used = parts.port if is_loopback(parts.hostname or "") else None
    choices: list[Sequence[int]] = [PORTS, *(range(start, start + len(SERVICES)) for start in OTHER_PORTS)]
    return next(choice for choice in choices if used not in choice)


def _is_outside(base_url: str) -> bool:
    """Whether the server seems to be another organisation's: neither a private address nor a name of an own network."""
    host = (urlsplit(base_url).hostname or "").lower()
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith(INSIDE)
