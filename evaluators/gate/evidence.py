"""Defines everything that a verdict rests on, from which it can be judged again, and writes it as one document."""

import json
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import msgspec

from evaluators.criteria.metric_catalogue import measure_of
from evaluators.gate import file as gate_file
from evaluators.gate.file import Gate
from evaluators.gate.live_evidence import NO_LIVE_EVIDENCE, LiveEvidence, read_live, written_live
from evaluators.loading.suite_text import suite_of
from evaluators.results.evidence_table import UnreadableEvidence, read_table, text_of, written_table
from evaluators.results.run_table import RunTable
from evaluators.suite import KIND_TAG, Suite
from evaluators.trial import RULES, Trial, TrialInputs
from fairtrial.domain.answers.signals import SIGNALS
from fairtrial.domain.decision.shadow import ShadowDecision
from fairtrial.domain.errors import Conflict
from fairtrial.domain.review import ReviewedQueue, ReviewEvidence
from fairtrial.domain.training_data import TrainingEvidence
from fairtrial.domain.verdicts.model_equality import ModelEquality
from fairtrial.domain.verdicts.model_parity import ModelParity
from fairtrial.domain.verdicts.verdict import Finding

EARLIER, COMPUTES_EARLIER = (1, 2, 3, 4), "fairtrial 0.3.0"
"""Rules that this version does not compute, and the release that still does."""
BUILT_IN_COLUMNS = ("latency", "tokens", "cost")
Runs = Mapping[tuple[str, str], RunTable]
RunOf = Callable[[str, str], RunTable | None]


@dataclass(frozen=True, slots=True)
class GivenSuite:
    """A suite as the gate lists it; ``text`` is ``None`` if the store does not have a usable one."""

    listed: str
    name: str
    file: str
    text: str | None

    def suite(self) -> Suite | None:
        """The suite for judging; raises `UsageError` if this version can't use its text."""
        return None if self.text is None else suite_of(self.text, Path(self.file))


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence(TrialInputs):
    """The gate, the trial and everything that was read for it.

    ``runs``: the newest runs that a rule read, by suite and target; ``before``: the runs before those. ``first``:
    findings that belong to no line.
    """

    gate_text: str
    at_us: int
    suites: Sequence[GivenSuite] = ()
    runs: Runs = field(default_factory=dict)
    before: Runs = field(default_factory=dict)
    live: LiveEvidence = NO_LIVE_EVIDENCE
    candidates_judged: int | None = None
    first: Sequence[Finding] = ()

    def gate(self) -> Gate:
        """The gate on these suites; raises `ConfigError`."""
        given: dict[str, list[Suite | None]] = {}
        for suite in self.suites:
            given.setdefault(suite.listed, []).append(suite.suite())
        return gate_file.of_text(self.gate_text, given)

    def trial(self, gate: Gate, run_of: RunOf, before: RunOf) -> Trial:
        """The trial with these runs; ``before`` gives the run before the newest one."""
        inputs: dict[str, Any] = {item.name: getattr(self, item.name) for item in fields(TrialInputs)}
        inputs |= {"reviews": anonymous(self.reviews)}
        return Trial(run_of=run_of, before=before, now_us=self.at_us, max_age_seconds=gate.max_age_seconds, **inputs)


def encode(evidence: Evidence, gate: Gate, *, details: Collection[str]) -> bytes:
    """The document, compressed. ``details``: the names of the details of scores that figures are computed from.

    It holds texts of gates and suites, digests, scores without the texts of cases, anonymous votes, and sums of live
    traffic. It holds no unit, no prompt and no answer, so the erasure of a person does not change it.
    """
    answers = _numbered_answers([*evidence.runs.values(), *evidence.before.values()])
    runs = [_written_run(key, run, gate, details, answers) for key, run in evidence.runs.items()]
    before = [_written_run(key, run, gate, details, answers) for key, run in evidence.before.items()]
    content = {
        "version": RULES,
        "gate_text": evidence.gate_text,
        "candidate": evidence.candidate,
        "baseline": evidence.baseline,
        "at_us": evidence.at_us,
        "suites": [asdict(suite) for suite in evidence.suites],
        "digests": dict(evidence.digests),
        "served": {target: list(fingerprints) for target, fingerprints in evidence.served.items()},
        "runs": runs,
        "before": before,
        "reviews": msgspec.to_builtins(anonymous(evidence.reviews)),
        "live": written_live(evidence.live),
        "later": sorted(evidence.later),
        "candidates_judged": evidence.candidates_judged,
        "first": [asdict(replace(finding, evidence=None)) for finding in evidence.first],
        "training": msgspec.to_builtins(evidence.training),
        "alpha": evidence.alpha,
        "kept": sorted(evidence.kept),
        "candidates": evidence.candidates,
        "equality": msgspec.to_builtins(evidence.equality),
        "parity": msgspec.to_builtins(evidence.parity),
        "shadow": msgspec.to_builtins(evidence.shadow),
    }
    return zlib.compress(json.dumps(content, separators=(",", ":")).encode(), level=6)


def decode(document: bytes) -> Evidence:
    """The inverse of `encode`; raises `UnreadableEvidence`, and `Conflict` for evidence of earlier rules."""
    text = text_of(document)
    try:
        return _read(json.loads(text))
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableEvidence(f"the stored evidence can't be read ({error})") from error


def anonymous(reviews: ReviewEvidence) -> ReviewEvidence:
    """The votes without names of people and pairs. The new names have the order of the old ones."""
    votes = [vote for queue in reviews for vote in queue.votes]
    people = _numbered("reviewer", {vote.reviewer for vote in votes})
    pairs = _numbered("pair", {vote.item_id for vote in votes})
    equal = [cluster for queue in reviews for cluster in queue.equal]
    clusters = _numbered("cluster", {vote.cluster for vote in votes} | set(equal))

    def hidden(queue: ReviewedQueue) -> ReviewedQueue:
        votes = tuple(
            replace(
                vote,
                item_id=pairs[vote.item_id],
                cluster=clusters[vote.cluster],
                reviewer=people[vote.reviewer],
                name="",
            )
            for vote in queue.votes
        )
        return replace(queue, votes=votes, equal=tuple(clusters[cluster] for cluster in queue.equal))

    return tuple(map(hidden, reviews))


def _numbered(noun: str, names: Collection[str]) -> dict[str, str]:
    digits = len(str(len(names)))
    return {name: f"{noun} {number:0{digits}}" for number, name in enumerate(sorted(names), 1)}


def _numbered_answers(runs: Iterable[RunTable]) -> dict[int, int]:
    """A number for each digest of an answer, 0 for 0, by which runs show the same equal answers."""
    answers = {0: 0}
    for run in runs:
        for digest in run.answers.tolist():
            answers.setdefault(digest, len(answers))
    return answers


def _written_run(
    key: tuple[str, str], run: RunTable, gate: Gate, details: Collection[str], answers: Mapping[int, int]
) -> list[Any]:
    rules = [rule for rule in gate.rules if rule.suite.name == key[0]]
    scopes = {rule.line.scope.tag for rule in rules if rule.line.scope is not None}
    slices = {tag for rule in rules for tag in rule.suite.slices}
    needed = {tag for rule in rules for when in rule.suite.when.values() for tag in when} | {KIND_TAG}
    measures = [measure_of(rule.suite, rule.line.metric) for rule in rules]
    corpus = {
        measure.scorer
        for measure in measures
        if measure is not None and measure.kind == "corpus" and measure.scorer is not None
    }
    measured = any(rule.line.metric.split(".")[0] in BUILT_IN_COLUMNS for rule in rules)
    measured = measured or SIGNALS in run.states  # the signals compare lengths in tokens
    tags = scopes | slices | needed
    table = written_table(run, tags=tags, scorers=corpus, measured=measured, details=details, answers=answers)
    return [*key, table]


def _read(content: Mapping[str, Any]) -> Evidence:
    number = content["version"]
    if number in EARLIER:
        raise Conflict(f"its rules (number {number}) are no longer computed; {COMPUTES_EARLIER} computes them")
    if number != RULES:
        raise UnreadableEvidence(f"the stored evidence has version {number} (known: {RULES})")
    return Evidence(
        gate_text=content["gate_text"],
        candidate=content["candidate"],
        baseline=content["baseline"],
        at_us=content["at_us"],
        suites=tuple(GivenSuite(**suite) for suite in content["suites"]),
        digests=content["digests"],
        served={target: tuple(fingerprints) for target, fingerprints in content["served"].items()},
        runs={(suite, target): read_table(table) for suite, target, table in content["runs"]},
        before={(suite, target): read_table(table) for suite, target, table in content["before"]},
        reviews=msgspec.convert(content["reviews"], ReviewEvidence),
        live=read_live(content["live"]),
        later=frozenset(content["later"]),
        candidates_judged=content["candidates_judged"],
        first=tuple(Finding(**finding) for finding in content["first"]),
        training=msgspec.convert(content["training"], TrainingEvidence | None, strict=False),
        alpha=content["alpha"],
        kept=frozenset(content["kept"]),
        candidates=content["candidates"],
        equality=msgspec.convert(content.get("equality"), ModelEquality | None),
        parity=msgspec.convert(content.get("parity"), ModelParity | None),
        shadow=msgspec.convert(content.get("shadow"), ShadowDecision | None),
    )
