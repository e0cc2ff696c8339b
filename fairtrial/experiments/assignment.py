"""Finds the unit of a request, and decides by keyed hashes who is in an experiment and which arm they get."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from fairtrial.domain.errors import BadRequest
from fairtrial.domain.names.ids import UnitHash, keyed_hash
from fairtrial.domain.plan import Experiment
from fairtrial.domain.settings import UnitKind

if TYPE_CHECKING:
    from fairtrial.domain.events import Reason  # events need more than the standard library


UNIT_HEADER = "x-fairtrial-unit"
LONGEST_UNIT = 512
"""Characters of a unit, in requests and in feedback: as many as OpenAI's API allows in a value of `metadata`."""
TOO_LONG = "unit_too_long"
SEPARATORS = (",", ":")
PSEUDONYM_HEX = 32

WHAT_TO_SEND: Mapping[UnitKind, str] = {
    "user": f"send the end user's id as `safety_identifier`, `user`, `metadata.user_id` or the header {UNIT_HEADER}",
    "conversation": f"send `metadata.conversation_id` or the header {UNIT_HEADER}, or messages with one of role `user`",
    "request": "nothing: each request is its own unit",
}
"""For the alarm on requests without a unit: what the application should do about it."""

BUCKETS = 2**64
FLOAT_BITS = 53


def refuse_longer(unit: str, source: str) -> str:
    """The unit itself; raises `BadRequest`, which names the field or header that it comes from."""
    if len(unit) > LONGEST_UNIT:
        raise BadRequest(f"{source}: a unit has at most {LONGEST_UNIT} characters", param=source, code=TOO_LONG)
    return unit


def find_unit(
    kind: UnitKind,
    *,
    headers: Mapping[str, str],
    body: Mapping[str, Any],
    request_id: str,
    user_headers: Sequence[str] = (),
) -> str | None:
    """The unit of one request, or ``None`` if none of the sources of its kind has one.

    ``headers``: by lower-case name. ``body``: the request's JSON object; only the fields of the kind are read, in their
    order, so a lazy mapping decodes no other. Values that are blank, or neither text nor whole numbers, are ignored,
    and the next source is tried. ``user_headers`` name a user if nothing else does. Raises `BadRequest` for one that is
    too long.
    """
    if kind == "request":
        return request_id
    named = _named_by_header(headers)
    if named is not None:
        return named
    if kind == "conversation":
        return _named_conversation(body) or opening(body.get("messages"))
    by_headers = (_named_by_header(headers, name) for name in user_headers)
    return _user(body) or next(filter(None, by_headers), None)


def named_conversation(headers: Mapping[str, str], body: Mapping[str, Any]) -> str | None:
    """The conversation that a request names explicitly, not one that is identified only by its opening."""
    named = _named_by_header(headers)
    return named if named is not None else _named_conversation(body)


def pseudonym(pepper: str, unit: str) -> UnitHash:
    """What is stored instead of a unit: 128 bits of HMAC-SHA256 keyed by the store's own secret, in hex."""
    return UnitHash(keyed_hash(pepper).digest(unit.encode("utf-8", "surrogatepass")).hex()[:PSEUDONYM_HEX])


def opening(messages: Any) -> str | None:
    """A unit for a conversation without a name: a hash of its messages up to and including the first user's.

    Later turns repeat those messages, so they keep the unit. ``None`` if there is no user's message.
    """
    if not isinstance(messages, list):
        return None
    for end, message in enumerate(messages, 1):
        if isinstance(message, Mapping) and message.get("role") == "user":
            return "opening:" + hashlib.sha256(_canonical(messages[:end])).hexdigest()
    return None


def _user(body: Mapping[str, Any]) -> str | None:
    for name in ("safety_identifier", "user"):
        unit = _text(body.get(name), name)
        if unit is not None:
            return unit
    return _in_metadata(body, "user_id")


def _named_conversation(body: Mapping[str, Any]) -> str | None:
    conversation, source = body.get("conversation"), "conversation"
    if isinstance(conversation, Mapping):
        conversation, source = conversation.get("id"), "conversation.id"
    return _text(conversation, source) or _in_metadata(body, "conversation_id")


def _in_metadata(body: Mapping[str, Any], name: str) -> str | None:
    metadata = body.get("metadata")
    return _text(metadata.get(name), f"metadata.{name}") if isinstance(metadata, Mapping) else None


def _text(value: Any, source: str) -> str | None:
    if not isinstance(value, str):
        if isinstance(value, bool) or not isinstance(value, int):
            return None
        value = str(value)
    return refuse_longer(value.strip(), source) or None


def _named_by_header(headers: Mapping[str, str], name: str = UNIT_HEADER) -> str | None:
    """Decode the header as UTF-8. Servers return headers as Latin-1, but a name must be the same unit as in a body."""
    value = headers.get(name)
    if value is None:
        return None
    with suppress(UnicodeError):  # it is not as servers return it
        value = value.encode("latin-1").decode("utf-8")
    return _text(value, name)


def _canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces, in UTF-8: the same bytes however the client ordered its fields."""
    text = json.dumps(value, sort_keys=True, separators=SEPARATORS, ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class Assignment:
    """What one unit gets in one experiment, and why.

    ``assigned`` counts in the analysis, ``served`` answers; both are variant names. ``enrol_bucket`` and ``arm_bucket``
    are in [0, 1), or ``None`` if they were not computed. ``propensity``: the share of enrolled units that get the
    assigned arm, in (0, 1]; ``None`` for a unit that is not enrolled.
    """

    assigned: str
    served: str
    reason: Reason
    enrolled: bool
    enrol_bucket: float | None = None
    arm_bucket: float | None = None
    propensity: float | None = None


def bucket(salt: str, purpose: str, unit: str) -> int:
    """One of 2**64 equally likely buckets: the first 8 bytes, big-endian, of HMAC-SHA256(salt, purpose NUL unit).

    All text is UTF-8 as it came, not normalised; a lone surrogate (legal in JSON) is encoded like any code point.
    """
    message = f"{purpose}\0{unit}".encode("utf-8", "surrogatepass")
    return int.from_bytes(keyed_hash(salt).digest(message)[:8], "big")


def assign(experiment: Experiment, unit: str | None) -> Assignment:
    """The arm of a unit: a pure function, the same on every machine, at every stage and after every restart.

    ``docs/reference/assignment.md`` describes the algorithm for other languages, and ``tests/golden/assignment.json``
    has its test vectors. It uses only the standard library, so that any Python can check them.

    ``unit``: the raw unit, not its pseudonym; ``None`` if the application sent none. A killed experiment serves the
    control but keeps counting for the assigned arm. One that is paused, ended or not started serves the control and
    counts for none. An ended one whose variant was promoted serves that variant to everyone, and counts for none. While
    a control is kept after a promotion, the promoted variant also serves requests without a unit.
    """
    if experiment.serves is not None:
        return _outside(experiment.serves, "promoted")
    if experiment.state in ("declared", "paused", "ended"):
        return _outside(experiment.control, "excluded")
    if unit is None:
        promoted = experiment.kept_control if experiment.state == "running" else None
        return _outside(experiment.control, "no_unit") if promoted is None else _outside(promoted.variant, "promoted")
    enrol = bucket(experiment.salt, "enrol", unit)
    if enrol >= threshold(experiment.stage):
        return _outside(experiment.control, "not_enrolled", enrol_bucket=_unit_interval(enrol))
    arm = bucket(experiment.salt, "arm", unit)
    chosen, weight = _chosen(experiment, arm)
    killed = experiment.state == "killed"
    return Assignment(
        assigned=chosen,
        served=experiment.control if killed else chosen,
        reason="kill" if killed else "assigned",
        enrolled=True,
        enrol_bucket=_unit_interval(enrol),
        arm_bucket=_unit_interval(arm),
        propensity=weight / 100,
    )


@lru_cache(maxsize=1024)
def threshold(percent: float) -> int:
    """How many of the 2**64 buckets make that percentage, rounded down; exact for the decimal as it is written."""
    return _exact(percent) * BUCKETS // 100


@lru_cache(maxsize=1024)
def upper_bounds(weights: Sequence[float]) -> tuple[int, ...]:
    """For arms with these percentages, in this order, the first bucket after each; the last is 2**64.

    ``weights``: a tuple of percentages that add up to 100.
    """
    sums = [sum((_exact(weight) for weight in weights[: end + 1]), Fraction()) for end in range(len(weights))]
    return (*(share * BUCKETS // 100 for share in sums[:-1]), BUCKETS)


def _chosen(experiment: Experiment, arm: int) -> tuple[str, float]:
    """The name and the weight of the arm that has this bucket."""
    kept_control = experiment.kept_control
    if kept_control is not None:
        low, high = _kept_buckets(kept_control.first, kept_control.share)
        name = experiment.control if low <= arm < high else kept_control.variant
        return name, experiment.variant(name).weight
    arms, bounds = _arms(tuple([(variant.name, variant.weight) for variant in experiment.variants]))
    return arms[bisect_right(bounds, arm)]


@lru_cache(maxsize=1024)
def _kept_buckets(first: float, share: float) -> tuple[int, int]:
    """The first bucket of a kept control, and the first one after it."""
    return _exact(first) * BUCKETS // 100, (_exact(first) + _exact(share)) * BUCKETS // 100


@lru_cache(maxsize=1024)
def _arms(variants: tuple[tuple[str, float], ...]) -> tuple[list[tuple[str, float]], tuple[int, ...]]:
    arms = sorted(variants)
    return arms, upper_bounds(tuple(weight for _, weight in arms))


def _outside(served: str, reason: Reason, *, enrol_bucket: float | None = None) -> Assignment:
    return Assignment(
        assigned=served,
        served=served,
        reason=reason,
        enrolled=False,
        enrol_bucket=enrol_bucket,
    )


def _exact(percent: float) -> Fraction:
    """The decimal as it was written: 33.3 is 333/10, not the nearest binary number."""
    return Fraction(repr(float(percent)))


def _unit_interval(value: int) -> float:
    """The bucket's place in [0, 1) by its upper 53 bits, which a double holds exactly (so it never rounds to 1)."""
    return (value >> (64 - FLOAT_BITS)) / 2.0**FLOAT_BITS
