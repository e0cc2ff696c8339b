"""Accepts feedback: values that an application attaches later to a request or to a unit, one at a time or as a list."""

import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Annotated, Literal, NamedTuple

import pydantic

from fairtrial.domain.errors import BadRequest, NotAllowed, TooLarge, control_character
from fairtrial.domain.events import FeedbackEvent
from fairtrial.domain.limits.json_limits import MESSAGE, refuse_excess
from fairtrial.domain.names.ids import id_at
from fairtrial.domain.settings import Capture, FeedbackKind
from fairtrial.experiments.unit import pseudonym, refuse_longer
from gateway.proxy.admission.cooperative_work import Allowance, Steps, TooMuchWork, bounded
from gateway.proxy.plan.routing_table import GatewayCaller, Routing
from gateway.proxy.recording.redaction import AT_ONCE, SLICED_STEPS, needs_steps, text_steps
from gateway.proxy.routing.vote_tokens import LONGEST_TOKEN, read_token

MAX_BATCH = 1000
MAX_BODY = 4 * 2**20
LONGEST_VOTE = 2**13
"""Bytes of a vote."""

MAX_TEXT = 2**18
"""Characters of all texts in one request."""
Words = Annotated[str, pydantic.Field(max_length=20_000)]


def _can_be_printed(name: str) -> str:
    if (odd := control_character(name)) is not None:
        raise ValueError(f"holds the control character {odd}")
    return name


def _is_no_larger_than_a_float(value: int) -> int:
    try:
        float(value)
    except OverflowError:
        raise ValueError("is too large a number") from None
    return value


Name = Annotated[str, pydantic.Field(min_length=1, max_length=200), pydantic.AfterValidator(_can_be_printed)]
UnitName = Annotated[
    str,
    pydantic.StringConstraints(strip_whitespace=True, min_length=1),
    pydantic.AfterValidator(partial(refuse_longer, source="unit")),
    pydantic.AfterValidator(_can_be_printed),
]
"""The unit without surrounding blanks, as in a request."""
Whole = Annotated[pydantic.StrictInt, pydantic.AfterValidator(_is_no_larger_than_a_float)]


Number = Whole | Annotated[pydantic.StrictFloat, pydantic.Field(allow_inf_nan=False)]
Vote = pydantic.StrictBool | Number | Annotated[pydantic.StrictStr, pydantic.Field(max_length=200)]


# A `FeedbackEvent` is what is recorded, with redacted texts and a pseudonym.
class FeedbackBody(pydantic.BaseModel):
    """One value for a request (``request_id``, or the answer's ``response_id``) or for a ``unit``.

    ``request_id`` is the gateway's ``x-request-id``. A ``response_id`` is the ``id`` inside the model's answer; it
    counts only if exactly one earlier request of the same API key has it.
    """

    model_config = pydantic.ConfigDict(extra="forbid")

    request_id: Name | None = None
    response_id: Name | None = None
    unit: UnitName | None = None
    key: Name
    value: pydantic.StrictBool | Number | Annotated[pydantic.StrictStr, pydantic.Field(max_length=1000)] | None = None
    comment: Words | None = None
    correction: Words | None = None
    idempotency_key: Name | None = None

    @pydantic.model_validator(mode="after")
    def _says_something_about_one_thing(self) -> "FeedbackBody":
        if sum(name is not None for name in (self.request_id, self.response_id, self.unit)) != 1:
            raise ValueError("needs exactly one of request_id, response_id, unit")
        if self.value is None and self.comment is None and self.correction is None:
            raise ValueError("needs a value, a comment or a correction")
        return self


class VoteBody(pydantic.BaseModel):
    """A vote from a page. ``token``: the answer's ``x-fairtrial-vote``. A vote that is sent again with its ``vote_id``
    changes nothing.
    """

    model_config = pydantic.ConfigDict(extra="forbid")

    token: Annotated[str, pydantic.Field(max_length=LONGEST_TOKEN)]
    key: Name
    value: Vote
    vote_id: Annotated[str, pydantic.Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]


class Accepted(pydantic.BaseModel):
    """What was recorded. ``text_recorded`` is false if the plan's ``capture: none`` excluded a comment.

    It is also false if redacting a text was too much work.
    """

    object: Literal["feedback"] = "feedback"
    feedback_id: str
    text_recorded: bool


def read_vote(body: bytes, routing: Routing) -> tuple[FeedbackBody, GatewayCaller]:
    """The feedback that a vote is, and whose key it counts for.

    Raises `NotAuthenticated` for a token that does not allow it, `NotAllowed`, and what `read_feedback` does.
    """
    refuse_excess(body, MESSAGE)
    vote = VoteBody.model_validate_json(body)
    ballot, caller = read_token(routing, vote.token, now_us=time.time_ns() // 1000)
    caller.require("feedback")
    if vote.key not in ballot.keys:
        raise NotAllowed(f"key: this token allows {', '.join(ballot.keys)}", code="vote_key_not_allowed")
    mark = f"vote:{ballot.request_id}:{vote.vote_id}"
    return FeedbackBody(request_id=ballot.request_id, key=vote.key, value=vote.value, idempotency_key=mark), caller


_ONE = pydantic.TypeAdapter(FeedbackBody)
_BATCH = pydantic.TypeAdapter(Annotated[list[FeedbackBody], pydantic.Field(min_length=1, max_length=MAX_BATCH)])


def read_feedback(body: bytes) -> FeedbackBody | list[FeedbackBody]:
    """Parse one feedback or a list of them; pydantic's `ValidationError` says where it is wrong.

    Raises `BadRequest` and `TooLarge` if there is more than one request may hold, or if a unit is too long.
    """
    refuse_excess(body, MESSAGE)
    sent = (_BATCH if body.lstrip().startswith(b"[") else _ONE).validate_json(body)
    size = text_size(sent if isinstance(sent, list) else [sent])
    if size > MAX_TEXT:
        raise TooLarge(
            f"feedback: its texts have {size} characters together (at most {MAX_TEXT} in one request; send fewer)",
            code="feedback_too_large",
        )
    return sent


def text_size(batch: Iterable[FeedbackBody]) -> int:
    """Characters of everything that people wrote."""
    texts = (text for item in batch for text in (item.comment, item.correction, item.value))
    return sum(len(text) for text in texts if isinstance(text, str))


class ParsedFeedback(NamedTuple):
    """The event of one feedback, and whether it holds all of its texts."""

    event: FeedbackEvent
    whole: bool


def read_texts(batch: Sequence[FeedbackBody], routing: Routing, caller: GatewayCaller) -> Steps[list[ParsedFeedback]]:
    """The events of a batch, in steps. Their times keep its order, because the latest value of a request counts.

    Texts that are too much work to redact are left out. Raises `BadRequest` if any value is not of the kind that the
    file declares for its key; then none is recorded.
    """
    for place, item in enumerate(batch):
        _require_kind(item, routing.published.feedback or {}, where=f"{place}." if len(batch) > 1 else "")
    now_us = time.time_ns() // 1000
    events, allowance = [], Allowance(SLICED_STEPS)
    for place, item in enumerate(batch):
        event = yield from _event(item, routing, caller, allowance, at_us=now_us + place)
        whole = (event.comment is None, event.correction is None) == (item.comment is None, item.correction is None)
        events.append(ParsedFeedback(event, whole))
        yield
    return events


def _require_kind(feedback: FeedbackBody, declared: Mapping[str, FeedbackKind], *, where: str) -> None:
    kind, value = declared.get(feedback.key), feedback.value
    if kind is None or value is None:
        return
    given = _kind_of(value)
    if given != kind:
        message = f"{where}value: must be {_WORDS[kind]}, as the metric of {feedback.key!r} is declared as {kind}"
        raise BadRequest(message, param=f"{where}value", code="wrong_kind_of_value")


_WORDS: Mapping[FeedbackKind, str] = {"boolean": "true or false", "number": "a number", "category": "a text"}


def _kind_of(value: bool | float | str) -> FeedbackKind:
    if isinstance(value, bool):
        return "boolean"
    return "category" if isinstance(value, str) else "number"


def _event(
    feedback: FeedbackBody, routing: Routing, caller: GatewayCaller, allowance: Allowance, *, at_us: int
) -> Steps[FeedbackEvent]:
    """The event of one feedback. Texts are captured as the plan says, and a unit becomes its pseudonym."""
    capture, declared = routing.plan.capture, routing.published.feedback
    value = feedback.value
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else None
    return FeedbackEvent(
        feedback_id=id_at(at_us),
        at_us=at_us,
        key=feedback.key,
        request_id=feedback.request_id,
        unit=None if feedback.unit is None else pseudonym(routing.published.pepper, feedback.unit),
        boolean=value if isinstance(value, bool) else None,
        number=None if number is None else float(number),
        category=(yield from _text(capture, value, allowance, keep=True)) if isinstance(value, str) else None,
        comment=(yield from _text(capture, feedback.comment, allowance)),
        correction=(yield from _text(capture, feedback.correction, allowance)),
        idempotency_key=feedback.idempotency_key,
        key_id=caller.key_id,
        response_id=feedback.response_id,
        routes=sorted(caller.routes),
        declared=None if declared is None else feedback.key in declared,
    )


def _text(capture: Capture, text: str | None, allowance: Allowance, *, keep: bool = False) -> Steps[str | None]:
    """A text as the plan captures texts. A category is a value (``keep``), so it is only redacted."""
    if text is None or (capture == "none" and not keep):
        return None
    if capture == "full" or not needs_steps(text):
        return text
    try:
        return (yield from bounded(text_steps(text), Allowance(AT_ONCE) if keep else allowance))
    except TooMuchWork:
        return None
