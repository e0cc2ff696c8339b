"""Whom a request names, as a pseudonym for its record: an erasure must find what no experiment counted, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairtrial.domain.errors import BadRequest
from fairtrial.experiments.units import find_unit, named_conversation, pseudonym
from gateway.proxy.exchange import Exchange
from gateway.proxy.wire.request_body import LazyFields


def named_unit(exchange: Exchange) -> str | None:
    """The user whom the request names, whatever its route; else the unit of its experiment, else its conversation."""
    target = exchange.target
    counted = target.unit if target else None
    kind = target.experiment.unit if target and target.experiment else "user"
    if kind == "user" and counted is not None:
        return counted
    try:
        name = _user(exchange, kind)
        if name is None and counted is None:
            name = named_conversation(exchange.headers, _fields(exchange))
    except BadRequest:
        return counted  # a field that nobody can read names nobody
    return counted if name is None else _pseudonym(exchange, name)


def _user(exchange: Exchange, kind: str) -> str | None:
    """The header names whatever the experiment's unit is: in one by conversation it is no user."""
    headers = {} if kind == "conversation" else exchange.headers
    return find_unit("user", headers=headers, body=_fields(exchange), request_id=exchange.request_id)


def _fields(exchange: Exchange) -> Mapping[str, Any]:
    return LazyFields(exchange.asked.fields) if exchange.asked else {}


def _pseudonym(exchange: Exchange, name: str) -> str:
    assert exchange.routing is not None
    return pseudonym(exchange.routing.published.pepper, name)
