"""Renders the limits of what the data plane decodes and records, with the program's numbers."""

from __future__ import annotations

from fairtrial.domain.limits.json_limits import DECODED, FIELD, MESSAGE, RECORDED, JsonLimits
from gateway.proxy.admission.cooperative_work import MOST_OF_ONE
from gateway.proxy.recording.capture import BODY_LIMIT
from gateway.proxy.recording.redaction import AT_ONCE, SLICED_STEPS, STEP
from gateway.proxy.routes.feedback import MAX_BATCH, MAX_BODY, MAX_TEXT
from scripts.reference.markdown import table

STRUCTURE = """\
Decoding a body delays all other requests, so its structure is counted first. Numbers are not counted, and a text
counts as one, whatever its length. Objects and lists may be nested several hundred levels deep."""

READ_WHOLE = (
    "a field that is read completely: `metadata`, `conversation`, `stream_options`, messages up to the first user's"
)
UNREAD = "it is passed on unread, so its tokens and id are unknown; counted in `fairtrial_answers_unread_total`"
WHERE = (
    ("a request's body", DECODED, "400 `too_much_structure`"),
    (READ_WHOLE, FIELD, "the same"),
    ("feedback, and bodies sent to control", MESSAGE, "the same"),
    ("an answer, or an event of a stream", DECODED, UNREAD),
)
FEEDBACK = f"""\
One feedback request has at most {MAX_BATCH:,} items, {MAX_BODY // 2**20} MiB, and {MAX_TEXT:,} characters in all of
its texts together. Beyond that it gets 413."""

LEFT_OUT = """\
Traffic comes first. A body that would delay it is not recorded, but the rest of the request is.
`fairtrial_bodies_left_out_total` counts these bodies by reason. Set an alarm on it:"""

WORK = f"a body with about {SLICED_STEPS * STEP:,} places that resemble a card number, an IBAN and so on"
URGENT = f"""\
a body with about {AT_ONCE * STEP:,} such places, if its caller has disconnected or {MOST_OF_ONE} others of the same \
key wait"""
ESCAPED = f"a body with escapes and more than {RECORDED.names:,} names or lists"
TEXTS = f"""\
texts of feedback, if the texts of one request have about {SLICED_STEPS * STEP:,} such places; the value is stored, \
and the answer says `"text_recorded": false`"""
REASONS = (
    ("`size`", f"a body that is larger than {BODY_LIMIT // 1024} KiB"),
    ("`work`", WORK),
    ("`work`", URGENT),
    ("`work`", ESCAPED),
    ("`feedback`", TEXTS),
)
FAILED = "Bodies that could not be redacted are not recorded either. `fairtrial_redaction_failures_total` counts them."


def bounds() -> str:
    """The two sections of the page."""
    return "\n\n".join(
        [
            "### Limits",
            STRUCTURE,
            table(
                ("at most", "names at the top", "names", "objects and lists", "names and texts", "beyond that"),
                ((what, *_numbers(limits), then) for what, limits, then in WHERE),
            ),
            FEEDBACK,
            "### What is left out of the record",
            LEFT_OUT,
            table(("reason", "what"), REASONS),
            FAILED,
        ]
    )


def _numbers(limits: JsonLimits) -> tuple[str, ...]:
    return tuple(f"{number:,}" for number in (limits.top, limits.names, limits.nested, limits.texts))
