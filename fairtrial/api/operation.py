"""Defines what an operation of control's API is, and finds all of them.

The modules of this package declare operations as values: what can be requested, by whom, and what comes back. HTTP
routes, role checks, clients, the OpenAPI document and the reference are made from them.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from fairtrial.api.window import Request
from fairtrial.domain.accounts import Role

Row = dict[str, Any]
Rows = list[Row]
Q = TypeVar("Q", bound="Request")
R = TypeVar("R", covariant=True)
Method = Literal["GET", "POST", "PUT", "DELETE"]
Kind = Literal["value", "table", "file", "job"]
SECONDS = 120.0


class Nothing(Request, frozen=True):
    """The request of an operation without parameters."""


@dataclass(frozen=True, slots=True)
class Operation(Generic[Q, R]):
    """One operation: requests of type ``Q`` are answered with an ``R``.

    ``name``: the module that declares and the module that implements it, and its function there. ``path``: below
    ``/api``. Fields of the request that the path names are parts of the path. The others are query parameters of a GET
    or DELETE, and the JSON body of a POST or PUT. ``person``: a signed-in person is needed, not an API key.
    ``seconds``: how long a client waits. ``in_turn``: calls of all operations with the same word run one at a time.

    Kinds: the answer of a ``value`` is JSON. A ``table`` is ``{"rows": […]}``, or an Arrow stream if the caller accepts
    one and the rows come from one query. A ``file`` has a media type. A ``job`` is started, and followed by its id.
    """

    name: str
    method: Method
    path: str
    role: Role
    request: type[Q]
    response: type[R]
    description: str
    kind: Kind = "value"
    status: int = 200
    person: bool = False
    seconds: float = SECONDS
    in_turn: str = ""

    @property
    def module(self) -> str:
        """The module in which it is declared, and its implementation in a module of the same name."""
        return self.name.split(".")[0]

    @property
    def function(self) -> str:
        """The function that implements it."""
        return self.name.split(".")[1]

    @property
    def has_body(self) -> bool:
        """Whether a request has a JSON body."""
        return self.method in ("POST", "PUT")


def operations() -> Iterator[Operation[Any, Any]]:
    """All operations, by module and in the order in which they are declared."""
    package = importlib.import_module("fairtrial.api")
    for found in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"fairtrial.api.{found.name}")
        yield from (value for value in vars(module).values() if isinstance(value, Operation))
