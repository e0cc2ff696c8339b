"""Routes a follow-up to the variant that produced the earlier response, because only that server has it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec

from fairtrial.domain.errors import NotFound
from fairtrial.domain.limits.constants import RESPONSES
from fairtrial.journal.response_map import ResponseMap, ResponsePlace, response_name
from gateway.proxy.extraction.chat_metadata import decoded
from gateway.proxy.plan.routing_table import Arm, RouteTarget, Routing
from gateway.proxy.routing.resolve import DEPLOYMENT_HEADER, VARIANT_HEADER, recorded_unit
from gateway.proxy.stages import AnswerContent, Parsed, RequestProgress, Routed
from gateway.proxy.wire.json_bodies import RequestBody, decode_field, elements

RESPONSES_ENDPOINTS = frozenset({RESPONSES, "/responses/compact"})
_SEALED = b'"encrypted_content"'
_NOT_MOVED = frozenset({"kill", "excluded"})
"""Reasons that take precedence over a continuation, because a stopped experiment serves its control."""

_PREVIOUS, _CONVERSATION, _INPUT = "previous_response_id", "conversation", "input"
_FIRST_ERROR = 400


class _Item(msgspec.Struct):
    encrypted_content: str | None = None


class _Made(msgspec.Struct):
    conversation: Any = None
    output: list[_Item] = []


_MADE = msgspec.json.Decoder(_Made)
_ITEM = msgspec.json.Decoder(_Item)


def route_continuation(response_map: ResponseMap, parsed: Parsed, target: RouteTarget) -> RouteTarget:
    """The target, moved to the arm that made what the request continues; `NotFound` if the key may not see that.

    The assignment stays as it is, because the analysis counts it. The reason is ``continued`` if another arm serves.
    """
    headers = parsed.received.headers
    place = _continued(response_map, parsed)
    pinned = DEPLOYMENT_HEADER in headers or VARIANT_HEADER in headers
    if place is None or pinned or target.reason in _NOT_MOVED:
        return target
    arm = _arm(parsed.routing, place, target)
    if arm is None or (arm.name, arm.endpoint.name) == (target.arm.name, target.arm.endpoint.name):
        return replace(target, fallbacks=())  # another server does not have the earlier response
    return replace(target, arm=arm, reason="continued", fallbacks=())


def remember_response(
    response_map: ResponseMap, routed: Routed, progress: RequestProgress, content: AnswerContent
) -> bool:
    """Remember which arm made a response, so that clients can fetch and continue it.

    False if there is none to remember. A stream's response is known before its end, so ``content`` may be incomplete.
    """
    response_id, target = content.metadata.response_id, routed.target
    if response_id is None or not progress.attempts or progress.status >= _FIRST_ERROR:
        return False
    arm = progress.attempts[-1].arm
    place = ResponsePlace(
        deployment=arm.endpoint.name,
        route=target.route,
        experiment=target.experiment.name if target.experiment else None,
        variant=arm.name,
        owner=routed.caller.name,
    )
    names = {response_name(response_id), *_also_named(content.body)}
    unit = recorded_unit(routed.received, routed.routing, routed.body, target)
    response_map.note(names, place, unit=unit, now_us=routed.received.at_us)
    return True


def _continued(response_map: ResponseMap, parsed: Parsed) -> ResponsePlace | None:
    """Where the newest thing was made that this request continues. Things of another key don't exist for this one."""
    for field, name in _continued_names(parsed.body):
        place = response_map.find(name, now_us=parsed.received.at_us)
        if place is None:
            continue
        if field != _INPUT and not parsed.caller.may_continue(place.route, place.owner):
            raise NotFound(f"{field}: is not known here", param=field, code=f"{field}_not_found")
        return place
    return None


def _continued_names(body: RequestBody) -> Iterator[tuple[str, str]]:
    previous = decode_field(body.fields, _PREVIOUS)
    if isinstance(previous, str):
        yield _PREVIOUS, response_name(previous)
    named = _conversation(decode_field(body.fields, _CONVERSATION))
    if named is not None:
        yield _CONVERSATION, named
    raw = body.fields.get(_INPUT)
    if raw is not None and _SEALED in bytes(raw):
        for name in reversed(list(_sealed(raw))):
            yield _INPUT, name


def _also_named(answer: bytes | None) -> Iterator[str]:
    """The conversation that a response belongs to, and the reasoning that only its server can decrypt."""
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


def _arm(routing: Routing, place: ResponsePlace, target: RouteTarget) -> Arm | None:
    """The arm at that place, if this route may still lead there."""
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
