"""What continues an earlier response stays with the arm that made it: only there is what it continues known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec

from fairtrial.domain.errors import NotFound
from fairtrial.journal.response_map import Place, response_name
from gateway.proxy.exchange import Exchange
from gateway.proxy.extraction.chat_metadata import Readout, decoded
from gateway.proxy.plan.routing_table import Arm, Routing, Target
from gateway.proxy.routing.named_unit import named_unit
from gateway.proxy.routing.resolve import DEPLOYMENT_HEADER, VARIANT_HEADER
from gateway.proxy.wire.request_body import Asked, decode_field, elements
from gateway.proxy.worker_state import Gateway

RESPONSES = "/responses"
CHAINED = frozenset({RESPONSES, "/responses/compact"})
_SEALED = b'"encrypted_content"'
_NOT_MOVED = frozenset({"kill", "excluded"})
"""Reasons that a continuation does not outrank: a stopped experiment serves its control, whatever came before."""

_PREVIOUS, _CONVERSATION, _INPUT = "previous_response_id", "conversation", "input"
_FIRST_ERROR = 400


class _Item(msgspec.Struct):
    encrypted_content: str | None = None


class _Made(msgspec.Struct):
    conversation: Any = None
    output: list[_Item] = []


_MADE = msgspec.json.Decoder(_Made)
_ITEM = msgspec.json.Decoder(_Item)


def stay(gateway: Gateway, exchange: Exchange) -> Target:
    """The target, moved to the arm that made what a request continues; `NotFound` where the key may not know of that.

    The assignment stays as it is, for it is what counts; the reason says ``continued`` where another arm serves.
    """
    target, routing = exchange.target, exchange.routing
    assert target is not None
    assert routing is not None
    place = _continued(gateway, exchange)
    pinned = DEPLOYMENT_HEADER in exchange.headers or VARIANT_HEADER in exchange.headers
    if place is None or pinned or target.reason in _NOT_MOVED:
        return target
    arm = _arm(routing, place, target)
    if arm is None or (arm.name, arm.endpoint.name) == (target.arm.name, target.arm.endpoint.name):
        return replace(target, fallback=None)  # another server would not know it
    return replace(target, arm=arm, reason="continued", fallback=None)


def note_place(gateway: Gateway, exchange: Exchange, read: Readout | None = None) -> bool:
    """Remember which arm made an answer, so that it can be found and continued; whether there is one to remember.

    ``read``: what is known of a stream so far, which can be asked for and cancelled before its end.
    """
    answered, target, arm = (read or exchange.readout).response_id, exchange.target, exchange.served
    if answered is None or target is None or arm is None or exchange.status >= _FIRST_ERROR:
        return False
    place = Place(
        deployment=arm.endpoint.name,
        route=target.route,
        experiment=target.experiment.name if target.experiment else None,
        variant=arm.name,
        owner=exchange.caller.name if exchange.caller else None,
    )
    names = {response_name(answered), *_also_named(exchange.answer)}
    gateway.places.note(names, place, unit=named_unit(exchange), now_us=exchange.at_us)
    return True


def _continued(gateway: Gateway, exchange: Exchange) -> Place | None:
    """Where the newest thing is that this request continues; what another key made is not there for this one."""
    assert exchange.asked is not None
    assert exchange.caller is not None
    for field, name in _asked_names(exchange.asked):
        place = gateway.places.find(name, now_us=exchange.at_us)
        if place is None:
            continue
        if field != _INPUT and not exchange.caller.may_continue(place.route, place.owner):
            raise NotFound(f"{field}: there is no such thing here", param=field, code=f"{field}_not_found")
        return place
    return None


def _asked_names(asked: Asked) -> Iterator[tuple[str, str]]:
    previous = decode_field(asked.fields, _PREVIOUS)
    if isinstance(previous, str):
        yield _PREVIOUS, response_name(previous)
    named = _conversation(decode_field(asked.fields, _CONVERSATION))
    if named is not None:
        yield _CONVERSATION, named
    raw = asked.fields.get(_INPUT)
    if raw is not None and _SEALED in bytes(raw):
        for name in reversed(list(_sealed(raw))):
            yield _INPUT, name


def _also_named(answer: bytes | None) -> Iterator[str]:
    """The conversation that an answer went into, and the reasoning that only its maker can open."""
    if answer is None or not (_SEALED in answer or b'"conversation"' in answer):
        return
    made = decoded(answer, _MADE)
    if made is None:
        return
    named = _conversation(made.conversation)
    if named is not None:
        yield named
    yield from (_sealed_name(item.encrypted_content) for item in made.output if item.encrypted_content)


def _conversation(value: Any) -> str | None:
    ident = value.get("id") if isinstance(value, dict) else value
    return f"conversation {ident}" if isinstance(ident, str) else None


def _sealed(items: msgspec.Raw) -> Iterator[str]:
    for item in elements(items) or ():
        content = decoded(bytes(item), _ITEM) if _SEALED in bytes(item) else None
        if content is not None and content.encrypted_content:
            yield _sealed_name(content.encrypted_content)


def _sealed_name(content: str) -> str:
    return f"sealed {content}"


def _arm(routing: Routing, place: Place, target: Target) -> Arm | None:
    """The arm at that place, if this route may lead there (still)."""
    experiment = target.experiment
    if experiment is not None and place.experiment == experiment.name and place.variant is not None:
        return routing.arms.get((experiment.name, place.variant))
    if place.deployment == target.arm.endpoint.name:
        return target.arm
    if place.deployment not in routing.reachable.get(target.route, ()):
        return None
    if experiment is not None:
        for variant in sorted(experiment.variants, key=lambda variant: variant.name != experiment.control):
            if variant.deployment == place.deployment:
                return routing.arms[experiment.name, variant.name]
    return Arm(name=None, endpoint=routing.endpoints[place.deployment])
