"""Measures both answers of a pair in control: its form, its language, its price and by the route's own scorers."""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluators.loading.scorers import ModifiedScorer, WrongEntry, build_entry
from evaluators.scoring.metrics.own import Own
from evaluators.scoring.metrics.well_formed import WellFormed
from evaluators.scoring.scorer import OffFormat, Scorer
from fairtrial.config.file.project_files import MOST_YAML_BYTES, read_text
from fairtrial.domain.answers.chat import answered_text, asked_text
from fairtrial.domain.answers.refusals import refuses_by_text
from fairtrial.domain.answers.signals import switches_language
from fairtrial.domain.decision.shadow import MEASURES
from fairtrial.domain.errors import UsageError
from fairtrial.domain.limits.canonical_json import json_object
from fairtrial.domain.run import Answer, Case
from fairtrial.store.traffic.shadows import PairToScore, SideToScore

LOCK = "scorers.lock"
"""The project's list of programs that may score, by their SHA-256."""

LANGUAGE = "language"
"""The measure that a route's scorers must name, because it takes as long as all others together."""

FORM = WellFormed("format", "no")
Scores = dict[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two answers. ``text``: ``None`` if it is not stored."""

    recorded: SideToScore
    asked: str
    text: str | None

    @property
    def answered(self) -> bool:
        return self.recorded.answered

    def text_or_failure(self, measure: Callable[[str], float | None]) -> float | None:
        """The measure of the text; 0 for an answer that failed, ``None`` for one without a stored text."""
        if not self.answered:
            return 0.0
        return None if self.text is None else measure(self.text)


def built_scorers(entries: Sequence[Any], root: Path | None) -> tuple[Scorer, ...]:
    """The scorers that a route declares; raises `UsageError`."""

    def read(name: str) -> str:
        assert root is not None
        return read_text(root / name, root, most=MOST_YAML_BYTES)

    built = []
    for entry in entries:
        if entry == LANGUAGE:
            continue
        try:
            scorer = build_entry(entry, variables={}, read=read).scorer
        except WrongEntry as error:
            raise UsageError(f"scorers: {error.wrong} ({error.known})") from error
        main = scorer.stats[0]
        _admit(scorer.inner if isinstance(scorer, ModifiedScorer) else scorer, root)
        if not main.higher_is_better or main.kind == "corpus" or scorer.name in MEASURES:
            raise UsageError(f"scorers: {scorer.name} can't measure one answer of a shadow, with 1 for the best")
        built.append(scorer)
    return tuple(built)


def _admit(scorer: Scorer, root: Path | None) -> None:
    """Let an own scorer run if the project's `scorers.lock` lists its text; raises `UsageError`."""
    if not isinstance(scorer, Own):
        return
    lock = None if root is None else root / LOCK
    lines = lock.read_text(encoding="utf-8").splitlines() if lock is not None and lock.is_file() else []
    if scorer.sha256 not in {line.partition(" ")[0] for line in lines}:
        raise UsageError(f"scorers: {scorer.file.name} is not in {LOCK}: fairtrial check SUITE --trust-scorers adds it")
    scorer.process.refused = None


def measures_of(entries: Sequence[Any]) -> frozenset[str]:
    """The measures of every answer of a route that declares these scorers, besides the scorers themselves."""
    return frozenset(_BUILT_IN) if LANGUAGE in entries else frozenset(_BUILT_IN) - {LANGUAGE}


def scores_of(pair: PairToScore, scorers: Sequence[Scorer], measured: Set[str]) -> Scores:
    """The value of each measure for the baseline and for the candidate, without those that one of them lacks."""
    asked = asked_text(pair.request_body or "") or ""
    sides = [_Side(side, asked, answered_text(side.body or "") if side.answered else None) for side in pair.sides]
    built_in = {name: measure for name, measure in _BUILT_IN.items() if name in measured}
    measures = {**built_in, **{scorer.name: _own(scorer, pair) for scorer in scorers}}
    scores: Scores = {}
    for name, measure in measures.items():
        baseline, candidate = (measure(side) for side in sides)
        if baseline is not None and candidate is not None:
            scores[name] = (baseline, candidate)
    return scores


def _own(scorer: Scorer, pair: PairToScore) -> Callable[[_Side], float | None]:
    request = json_object(pair.request_body or "") or {}
    sent = request.get("messages")
    messages = tuple(one for one in sent if isinstance(one, dict)) if isinstance(sent, list) else ()
    case, main = Case(pair.copy_id, messages, None), scorer.stats[0]

    def value(text: str) -> float | None:
        try:
            score = scorer.score(case, Answer(text))
        except OffFormat as error:
            score = error.score
        except Exception:  # noqa: BLE001 - a scorer of a person that fails has no value
            return None
        found = score.values.get(main.name)
        return None if found is None else found / main.scale

    return lambda side: side.text_or_failure(value)


def _form(text: str) -> float | None:
    return FORM.score(Case("", (), None), Answer(text)).values["accuracy"]


def _language(side: _Side) -> float | None:
    def same(text: str) -> float | None:
        switches = switches_language(side.asked, text)
        return None if switches is None else float(not switches)

    return side.text_or_failure(same)


def _schema(side: _Side) -> float | None:
    if not side.recorded.schema_requested:
        return None
    valid = side.recorded.schema_valid
    return (None if valid is None else float(valid)) if side.answered else 0.0


def _refusal(side: _Side) -> float | None:
    if not side.answered or side.text is None:
        return None
    return float(bool(side.recorded.refused) or refuses_by_text(side.text))


def _length(side: _Side) -> float | None:
    return float(len(side.text)) if side.answered and side.text else None


def _positive(value: float | None, side: _Side) -> float | None:
    return value if side.answered and value is not None and value > 0 else None


_BUILT_IN: Mapping[str, Callable[[_Side], float | None]] = {
    "failed": lambda side: float(not side.answered),
    "format": lambda side: side.text_or_failure(_form),
    "schema": _schema,
    LANGUAGE: _language,
    "refusal": _refusal,
    "length": _length,
    "latency": lambda side: _positive(side.recorded.latency_ms, side),
    "cost": lambda side: _positive(side.recorded.cost_usd, side),
}
