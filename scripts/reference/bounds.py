"""What the data plane takes apart and records at most, with the program's own numbers."""

from __future__ import annotations

from fairtrial.domain.limits.json_limits import DECODED, FIELD, MESSAGE, RECORDED, Limits
from gateway.proxy.admission.cooperative_work import MOST_OF_ONE
from gateway.proxy.recording.capture import BODY_LIMIT, IN_TURNS
from gateway.proxy.recording.redaction import AT_ONCE, STEP
from gateway.proxy.routes.feedback import MAX_BATCH, MAX_BODY, MAX_TEXT
from scripts.reference.markdown import table

STRUCTURE = """\
Decoding a body holds up all other requests, so its structure is counted before. Numbers are not counted, and a text
counts as one however long it is. Objects and lists may be nested several hundred deep."""

READ_WHOLE = (
    "a field that is read whole: `metadata`, `conversation`, `stream_options`, a message up to the first user's"
)
UNREAD = "it is passed on unread, its tokens and id are unknown; `fairtrial_answers_unread_total`"
WHERE = (
    ("a request's body", DECODED, "400 `too_much_structure`"),
    (READ_WHOLE, FIELD, "the same"),
    ("feedback, and what control is sent", MESSAGE, "the same"),
    ("an answer, or an event of a stream", DECODED, UNREAD),
)
FEEDBACK = f"""\
One request of feedback has at most {MAX_BATCH:,} items, {MAX_BODY // 2**20} MiB, and {MAX_TEXT:,} characters in all of
its texts together: 413 beyond that."""

LEFT_OUT = """\
Traffic goes first: what would hold it up is not recorded, and the rest of the request is. What is left out
counts in `fairtrial_bodies_left_out_total`, by reason; an alarm on it is worth having:"""

WORK = f"""\
a body with some {IN_TURNS * STEP:,} places that look like a card, an IBAN or the like; or {AT_ONCE * STEP:,} of them, \
where its caller has left or {MOST_OF_ONE} others of the same key wait; or with escapes and more than \
{RECORDED.names:,} names or lists"""
TEXTS = f"""\
texts of feedback, once some {IN_TURNS * STEP:,} such places are in the texts of one request; the value is kept, and \
the answer says `"text_recorded": false`"""
REASONS = (
    ("`size`", f"a body that is larger than {BODY_LIMIT // 1024} KiB"),
    ("`work`", WORK),
    ("`feedback`", TEXTS),
)
FAILED = "Bodies that could not be redacted count in `fairtrial_redaction_failures_total`, and are not recorded either."


def bounds() -> str:
    """The two sections of the page."""
    return "\n\n".join(
        [
            "### Bounds",
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


def _numbers(limits: Limits) -> tuple[str, ...]:
    return tuple(f"{number:,}" for number in (limits.top, limits.names, limits.nested, limits.texts))
