"""What a suite is once it is read: its cases, rendered, and how they are asked, scored and sliced."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from evaluators.scoring.scorer import Scorer, Stat
from fairtrial.domain.errors import Mistake
from fairtrial.domain.run import Case

SuiteKind = Literal["metric", "regression", "edges"]
DIGEST_CHARS = 32


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file of rows: as the suite names it, the SHA-256 of its text, and how many rows it has."""

    file: str
    sha256: str
    rows: int


@dataclass(frozen=True, slots=True)
class ScorerEntry:
    """How a scorer was made: its kind, and its options as the suite gives them."""

    kind: str
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Suite:
    """One suite of a file.

    ``digest`` covers what decides the numbers (cases, parameters, scorers and their versions, repeat, seed) and not
    the gate lines. ``params`` are sent with every request. ``when``: scorer name → tags that a case must have to be
    scored by it. ``gate``: its lines as written, and ``gate_lines`` where each stands in the file. ``slices``: the
    tags by which it is sliced. ``warnings``: what to know before its numbers are read. ``notices``: keys and lines of
    its file that nothing in this version acts on. ``values``: each tag's slices, as the cases have them. ``entries``:
    how each of its scorers was made, by the scorer's name. ``data``: the files that its cases come from.
    """

    name: str
    kind: SuiteKind
    path: Path
    digest: str
    cases: tuple[Case, ...]
    params: Mapping[str, Any]
    scorers: tuple[Scorer, ...]
    when: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    slices: tuple[str, ...] = ()
    cluster: str | None = None
    repeat: int = 1
    gate: tuple[str, ...] = ()
    gate_lines: tuple[int, ...] = ()
    seed: int = 0
    warnings: tuple[str, ...] = ()
    notices: tuple[Mistake, ...] = ()
    description: str = ""
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    entries: Mapping[str, ScorerEntry] = field(default_factory=dict)
    data: tuple[DataFile, ...] = ()

    @property
    def in_words(self) -> str:
        """Name, kind and size, and its description if it has one."""
        cases = f"{len(self.cases):,} case{'' if len(self.cases) == 1 else 's'}"
        return f"{self.name} ({self.kind}): {cases}" + (f", {self.description}" if self.description else "")

    def scorers_of(self, case: Case) -> tuple[Scorer, ...]:
        """The scorers that measure this case."""
        return tuple(scorer for scorer in self.scorers if applies(self.when.get(scorer.name, {}), case))

    def stat(self, metric: str) -> Stat | None:
        """The stat that ``scorer.stat``, or a scorer's name alone, means; ``None`` if there is none."""
        name, _, stat = metric.partition(".")
        found = next((scorer for scorer in self.scorers if scorer.name == name), None)
        if found is None:
            return None
        return next((one for one in found.stats if not stat or one.name == stat), None)

    def command(self, *targets: str) -> str:
        """What to type to run this suite on these targets."""
        return self.command_of(self.path, *targets)

    @staticmethod
    def command_of(path: Path, *targets: str) -> str:
        """What to type to run a suite; the path may come from a caller, and is quoted for a shell."""
        return f"fairtrial eval {shlex.quote(str(path))} --on {shlex.quote(','.join(targets))}"

    def limited(self, count: int) -> Suite:
        """The suite of the first ``count`` cases only: another digest, so that its runs are never taken for whole."""
        return sealed(replace(self, cases=self.cases[:count])) if count < len(self.cases) else self

    def repeated(self, repeat: int) -> Suite:
        """The suite with each case asked ``repeat`` times: another digest."""
        return sealed(replace(self, repeat=repeat)) if repeat != self.repeat else self


def applies(when: Mapping[str, str], case: Case) -> bool:
    """Whether the case has all of these tags."""
    return all(value in tag_values(case, tag) for tag, value in when.items())


MANY = "|"
"""Joins the values of a tag that a row has several of."""


def tag_values(case: Case, tag: str) -> Sequence[str]:
    """The slices of one tag that a case lies in: mostly one, several if its column is a list, none if it has none."""
    value = case.tags.get(tag)
    return () if value is None else value.split(MANY)


def sealed(suite: Suite) -> Suite:
    """The suite with the digest and the slices of its present content."""
    content = {
        "cases": [_content(case) for case in suite.cases],
        "params": suite.params,
        "scorers": [[one.name, one.version, dict(suite.when.get(one.name, {}))] for one in suite.scorers],
        "repeat": suite.repeat,
        "seed": suite.seed,
    }
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, default=str)
    return replace(suite, digest=hashlib.sha256(text.encode()).hexdigest()[:DIGEST_CHARS], values=_values(suite.cases))


def _values(cases: Sequence[Case]) -> dict[str, list[str]]:
    found: dict[str, set[str]] = {}
    for case in cases:
        for tag in case.tags:
            found.setdefault(tag, set()).update(tag_values(case, tag))
    return {tag: sorted(values) for tag, values in found.items()}


def _content(case: Case) -> list[Any]:
    return [case.case_id, case.messages, case.expected, dict(case.tags), dict(case.fields), case.cluster]
