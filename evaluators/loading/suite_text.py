"""Converts a suite to the text that is stored with its runs, with digests instead of its rows, and back."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from evaluators.criteria.grammar import GateLineError, parse
from evaluators.loading.scorers import SCORERS
from evaluators.scoring.scorer import Kind, Quantity, Scorer, Stat
from evaluators.suite import DataFile, ScorerEntry, Suite, SuiteKind
from fairtrial.domain.errors import UsageError
from fairtrial.domain.events import SuiteEvent
from fairtrial.domain.run import Answer, Case, Score

VERSION = 1


class UnusableText(UsageError):
    """A stored text that this version cannot use; the message is the reason."""


class _Scorer(msgspec.Struct, frozen=True):
    name: str
    kind: str
    version: str
    options: Mapping[str, Any]
    when: Mapping[str, str]
    stats: list[Quantity[Kind]]  # not each `Stat`, whose functions belong to the program


class _Text(msgspec.Struct, frozen=True, kw_only=True):
    """The stored form of a `Suite`, without rows and separate from its type, because its digest must never change."""

    version: int
    suite: str
    kind: SuiteKind
    digest: str
    data: tuple[DataFile, ...]
    cases: int
    params: Mapping[str, Any]
    repeat: int
    seed: int
    score: list[_Scorer]
    tags: Mapping[str, Sequence[str]]
    slices: tuple[str, ...]
    cluster: str | None
    gate: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoredScorer:
    """A scorer as its run declared it, which can judge stored scores but not compute new ones."""

    name: str
    version: str
    stats: tuple[Stat, ...]

    def score(self, case: Case, answer: Answer) -> Score:  # noqa: ARG002 - the protocol's signature
        """Always raises `UsageError`, because the store keeps no rows to score."""
        raise UsageError(f"scorer {self.name}: a suite from the store can be judged but not run")


def text_of(suite: Suite) -> str:
    """The suite's text, which is deterministic and has no rows, prompts or references."""
    text = _Text(
        version=VERSION,
        suite=suite.name,
        kind=suite.kind,
        digest=suite.digest,
        data=suite.data,
        cases=len(suite.cases),
        params=suite.params,
        repeat=suite.repeat,
        seed=suite.seed,
        score=[_scorer(suite, scorer) for scorer in suite.scorers],
        tags=dict(sorted(suite.values.items())),
        slices=suite.slices,
        cluster=suite.cluster,
        gate=suite.gate,
    )
    return msgspec.json.encode(text).decode()


def digest_of(text: str) -> str:
    """The SHA-256 of a text, which covers gate lines and slices as well, unlike a suite's own digest."""
    return hashlib.sha256(text.encode()).hexdigest()


def suite_event(suite: Suite, at_us: int) -> SuiteEvent:
    """The suite's text as an event, which precedes the events of its runs."""
    return SuiteEvent(at_us=at_us, suite=suite.name, suite_digest=suite.digest, text=text_of(suite))


def suite_of(text: str, path: Path) -> Suite:
    """The suite of a text, without cases, for judging its runs. Raises `UnusableText`.

    ``path`` is recorded as the place of its file; nothing is opened.
    """
    suite_text = _decoded(text)
    scorers = tuple(_stored(scorer) for scorer in suite_text.score)
    _check_lines(suite_text)
    return Suite(
        name=suite_text.suite,
        kind=suite_text.kind,
        path=path,
        digest=suite_text.digest,
        cases=(),
        params=suite_text.params,
        scorers=scorers,
        when={scorer.name: scorer.when for scorer in suite_text.score if scorer.when},
        slices=suite_text.slices,
        cluster=suite_text.cluster,
        repeat=suite_text.repeat,
        gate=suite_text.gate,
        gate_lines=tuple(range(1, len(suite_text.gate) + 1)),
        seed=suite_text.seed,
        values=suite_text.tags,
        entries={scorer.name: ScorerEntry(scorer.kind, scorer.options) for scorer in suite_text.score},
        data=suite_text.data,
    )


def _scorer(suite: Suite, scorer: Scorer) -> _Scorer:
    entry = suite.entries.get(scorer.name, ScorerEntry("", {}))
    stats = [Quantity(stat.name, stat.kind, stat.higher_is_better, stat.scale) for stat in scorer.stats]
    return _Scorer(scorer.name, entry.kind, scorer.version, entry.options, suite.when.get(scorer.name, {}), stats)


def _decoded(text: str) -> _Text:
    try:
        suite_text = msgspec.json.decode(text, type=_Text)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise UnusableText(f"the stored text cannot be read ({error})") from error
    if suite_text.version != VERSION:
        raise UnusableText(f"the stored text has version {suite_text.version} (known: {VERSION})")
    return suite_text


def _stored(scorer: _Scorer) -> StoredScorer:
    """The stored scorer; corpus stats are recomputed from scores, so the present scorer must have the same version."""
    known = _stats(scorer) if any(stat.kind == "corpus" for stat in scorer.stats) else {}
    stats = (replace(known.get(stat.name, Stat(stat.name, stat.kind)), **asdict(stat)) for stat in scorer.stats)
    return StoredScorer(scorer.name, scorer.version, tuple(stats))


def _stats(stored: _Scorer) -> dict[str, Stat]:
    if "file" in stored.options:
        raise UnusableText(f"scorer {stored.name}: its option 'file' names a file, which control does not open")
    try:
        scorer = SCORERS.get(stored.kind.replace("_", "-")).build(stored.options, stored.name)
    except (UsageError, ValueError) as error:
        raise UnusableText(f"scorer {stored.name}: this version cannot build it ({error})") from error
    if scorer.version != stored.version:
        raise UnusableText(f"scorer {stored.name} is {scorer.version!r} here, and was {stored.version!r} in the run")
    return {stat.name: stat for stat in scorer.stats}


def _check_lines(text: _Text) -> None:
    for line in text.gate:
        try:
            parse(line)
        except GateLineError as error:
            raise UnusableText(f"this version cannot parse the gate line {line!r}: {error.wrong}") from error
