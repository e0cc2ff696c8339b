"""Checks the callers' headers that deployments get, and those that name the unit of a request."""

import re
from collections.abc import Iterator

from fairtrial.config.file.errors import FieldError
from fairtrial.config.file.schema import ProjectFile
from fairtrial.config.file.yaml_file import Step
from fairtrial.config.rules.translation import translated

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
FORM = "letters, digits and '-'"


def wrong_headers(file: ProjectFile) -> Iterator[FieldError]:
    """Names that no header has, those of the gateway itself, and headers that have two uses."""
    for name, deployment in file.deployments.items():
        for place, header in enumerate(deployment.forward_headers):
            where: tuple[Step, ...] = ("deployments", name, "forward_headers", place)
            if not _TOKEN.fullmatch(header):
                yield FieldError(where, f"{header!r} can't be the name of a header", f"{FORM}, x-portkey-config")
            elif _is_ours(header):
                wrong = f"{header.lower()!r} belongs to the connection or to the gateway and is never forwarded"
                yield FieldError(where, wrong, "the deployment's own key is api_key")
            elif translated(deployment.model):
                yield FieldError(where, "a translated deployment gets no headers from callers")
    forwarded = {header.lower() for section in file.deployments.values() for header in section.forward_headers}
    for place, header in enumerate(file.gateway.unit_headers):
        where = ("gateway", "unit_headers", place)
        if not _TOKEN.fullmatch(header):
            yield FieldError(where, f"{header!r} can't be the name of a header", f"{FORM}, X-OpenWebUI-User-Id")
        elif _is_ours(header):
            yield FieldError(where, f"{header.lower()!r} belongs to the connection or to the gateway and names no unit")
        elif header.lower() in forwarded:
            yield FieldError(
                where, f"{header!r} is also in a deployment's forward_headers, but no unit is sent upstream"
            )


def _is_ours(header: str) -> bool:
    return header.lower() in NEVER_FORWARDED or header.lower().startswith(OURS)
