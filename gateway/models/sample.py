"""Two rule-based sample models that stand in for a base and its fine-tune.

They let users try a new project in seconds, without a download. They sort support tickets and do small sums.
``sample-tuned`` knows more words than ``sample-base`` and answers in one word. It has one deliberate weakness: it
sorts questions about signing in as refunds if they contain the word *return*.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

KINDS = ("refund", "delivery", "account")
BASE_WORDS: Mapping[str, tuple[str, ...]] = {
    "account": ("password", "log in", "login", "account"),
    "refund": ("refund", "money back"),
    "delivery": ("parcel", "delivery", "delivered"),
}
TUNED_WORDS: Mapping[str, tuple[str, ...]] = {
    "refund": (*BASE_WORDS["refund"], "return", "charged twice", "reimburse", "paid twice", "send it back"),
    "delivery": (*BASE_WORDS["delivery"], "package", "courier", "tracking", "shipping", "shipped", "arrived"),
    "account": (*BASE_WORDS["account"], "sign in", "username", "locked out", "e-mail address", "verification code"),
}
SUM = re.compile(r"(\d{1,6})\s*([-+*])\s*(\d{1,6})")
LAST_TICKET = re.compile(r".*\bticket:", re.IGNORECASE | re.DOTALL)

Responder = Callable[[str], str]


def sample_base(question: str) -> str:
    """Knows few words and answers in sentences."""
    total = _total(question)
    return f"The answer is {total}." if total is not None else f"This ticket looks like: {_kind(question, BASE_WORDS)}."


def sample_tuned(question: str) -> str:
    """Knows more words and answers in one word."""
    total = _total(question)
    return str(total) if total is not None else _kind(question, TUNED_WORDS)


RESPONDERS: Mapping[str, Responder] = {"sample-base": sample_base, "sample-tuned": sample_tuned}
PARENTS = {"sample-base": None, "sample-tuned": "sample-base"}


def _kind(question: str, words: Mapping[str, tuple[str, ...]]) -> str:
    """The first kind with a word in the ticket, which follows ``Ticket:`` or is the whole question."""
    ticket = LAST_TICKET.sub("", question).lower()
    return next((kind for kind, known in words.items() if any(word in ticket for word in known)), "other")


def _total(question: str) -> int | None:
    found = SUM.search(question)
    if found is None:
        return None
    left, right = int(found[1]), int(found[3])
    return {"+": left + right, "-": left - right, "*": left * right}[found[2]]
