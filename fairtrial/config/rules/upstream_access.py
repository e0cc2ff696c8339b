"""Checks how a deployment is accessed: its key is not in the file, and its headers can be forwarded."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fairtrial.config.file.errors import FieldError
from fairtrial.config.file.schema import DeploymentSection, ProjectFile
from fairtrial.config.file.yaml_file import Step
from fairtrial.config.rules.deployments import OPENAI_HOST
from fairtrial.config.rules.translation import RAW
from fairtrial.domain.names.addresses import host_of, is_loopback

NEVER_FORWARDED = frozenset(
    {
        "host", "connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "expect", "content-length",
        "content-encoding", "accept-encoding", "content-type", "authorization", "proxy-authorization",
        "proxy-connection", "cookie", "x-request-id",
    }
)  # fmt: skip
"""Headers of the connection, those that the gateway sets itself, and the caller's credentials for the gateway."""

OURS = "x-fairtrial-"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NOT_A_NAME = re.compile(r"[^A-Za-z0-9]+")


def wrong_access(file: ProjectFile) -> Iterator[FieldError]:
    """Keys in the file for a server elsewhere, and headers that can't be forwarded."""
    for name, deployment in file.deployments.items():
        path = ("deployments", name)
        if _is_literal(deployment) and not _on_this_machine(deployment):
            wrong = "is written in the file, where everyone who has the file can read it"
            yield FieldError((*path, "api_key"), wrong, f"write {_template(name, deployment)} and set that variable")
        yield from _headers(path, deployment)


def access_warnings(file: ProjectFile) -> Iterator[FieldError]:
    """Keys in the file for a server on this machine, where they are often meaningless words."""
    for name, deployment in file.deployments.items():
        if _is_literal(deployment) and _on_this_machine(deployment):
            known = f"if it is a secret, write {_template(name, deployment)}"
            yield FieldError(("deployments", name, "api_key"), "is written in the file", known)


def _is_literal(deployment: DeploymentSection) -> bool:
    return deployment.api_key is not None and "${" not in deployment.api_key


def _on_this_machine(deployment: DeploymentSection) -> bool:
    return deployment.base_url is not None and is_loopback(host_of(deployment.base_url))


def _template(name: str, deployment: DeploymentSection) -> str:
    """The line to write, with the provider's usual variable name if it has one."""
    provider = deployment.model.partition("/")[0]
    if provider == RAW:
        openai = deployment.base_url is not None and host_of(deployment.base_url) == OPENAI_HOST
        provider = RAW if openai else name
    return f'api_key: "${{{_NOT_A_NAME.sub("_", provider).upper()}_API_KEY}}"'


def _headers(path: tuple[str, ...], deployment: DeploymentSection) -> Iterator[FieldError]:
    translated = deployment.model.partition("/")[0] != RAW
    for place, header in enumerate(deployment.forward_headers):
        where: tuple[Step, ...] = (*path, "forward_headers", place)
        name = header.lower()
        if not _TOKEN.fullmatch(header):
            yield FieldError(
                where, f"{header!r} can't be the name of a header", "letters, digits and '-', x-portkey-config"
            )
        elif name in NEVER_FORWARDED or name.startswith(OURS):
            wrong = f"{name!r} belongs to the connection or to the gateway and is never forwarded"
            yield FieldError(where, wrong, "the deployment's own key is api_key")
        elif translated:
            yield FieldError(where, "a translated deployment gets no headers from callers")
