"""A case of the conformance list: a call of the official client, what the upstream does, what must come of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

MODEL = "conformance-model"
"""The route's name; the deployment behind it calls its model otherwise, as most do."""

USER = [{"role": "user", "content": "q"}]
Read = Literal["value", "raw", "streaming", "stream", "final", "parse"]


@dataclass(frozen=True, slots=True)
class Case:
    """``call`` is a path below the client; ``asked`` its arguments; ``script`` what the fake upstream does.

    ``error``: the class that the client must raise. ``only_gateway``: the gateway itself answers, so that there is
    nothing to compare with. ``holds``: places in the result (``a.b.0``) and what must be there, lest two wrong results
    be equal. ``options``: of the client itself. ``newest_client_only``: older versions of the client lack a parameter.
    """

    id: str
    name: str
    call: str = "chat.completions.create"
    asked: Mapping[str, Any] = field(default_factory=lambda: {"model": MODEL, "messages": USER})
    script: Mapping[str, Any] = field(default_factory=dict)
    read: Read = "value"
    error: str | None = None
    only_gateway: bool = False
    holds: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    key: str = "ft-good"
    on_wire: bool = True
    requests: int = 1
    newest_client_only: bool = False

    @property
    def key_name(self) -> str:
        """The case's name for the fake upstream and in a test's id."""
        return f"{self.id}-{self.name}".replace(" ", "-")

    @property
    def protocol(self) -> str:
        """The call, how its result is read, and whether the client gives up: what a transport has to serve."""
        return f"{self.call} as {self.read}" + (", given up" if self.error == "APITimeoutError" else "")


def chat(ident: str, name: str, answer: Mapping[str, Any] | None = None, **more: Any) -> Case:
    """A chat whose answer has these fields too; other fields of a case and, as ``ask``, of the request."""
    asked = {"model": MODEL, "messages": USER, **more.pop("ask", {})}
    script = more.pop("script", {"kind": "json", "answer": dict(answer or {})})
    return Case(ident, name, asked=asked, script=script, **more)


def said(message: Mapping[str, Any], *, finish: str = "stop", **more: Any) -> dict[str, Any]:
    """The field ``choices`` with one message."""
    return {"choices": [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish, **more}]}
