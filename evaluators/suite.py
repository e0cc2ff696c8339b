"""Defines a loaded suite: its rendered cases, how they are sent, scored and sliced, and which have the same prompt."""

import json
import re
import shlex
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from evaluators.scoring.scorer import Scorer, Stat
from fairtrial.domain.errors import Diagnostic
from fairtrial.domain.limits.canonical_json import sha256_of_json
from fairtrial.domain.run import Case
from fairtrial.domain.wording import counted

SuiteKind = Literal["metric", "regression", "edges"]
DIGEST_CHARS = 32
FAMILY_TAG, KIND_TAG, OWN = "family", "probe", "own"
"""The tags of a probe's family and kind; the kind of a suite's own cases is `OWN`, in a suite with probes."""

MANY = "|"
"""Separates the values of a tag if a row has several."""

DOMINANT = 0.1
"""The share of the cases from which on a cluster is named."""
SHOWN = 5
"""How many groups of cases a warning names."""
MARKS = re.compile(r"""(?<!\d)[.,;:!?"'“”‘’«»…]|[.,;:!?"'“”‘’«»…](?!\d)""")
"""Punctuation between sentences; it excludes signs between two digits and signs that may be operators."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file of rows: its name in the suite, the SHA-256 of its text, and its number of rows."""

    file: str
    sha256: str
    rows: int


@dataclass(frozen=True, slots=True)
class ScorerEntry:
    """The configuration of a scorer: its kind, and its options as written in the suite."""

    kind: str
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Suite:
    """One suite of a file.

    ``digest`` covers what determines the numbers (cases, parameters, scorers and their versions, repeat, seed), but not
    the gate lines. ``params`` are sent with every request. ``when``: scorer name → tags that a case needs to be scored
    by it. ``gate``: the gate lines as written; ``gate_lines``: their line numbers in the file. ``slices``: the tags by
    which it is sliced. ``warnings``: why its numbers may mislead. ``notices``: keys and lines of its file that have no
    effect in this version. ``values``: each tag's slices that occur in the cases. ``entries``: how each scorer was
    configured, by its name. ``data``: the files of its cases.
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
    notices: tuple[Diagnostic, ...] = ()
    description: str = ""
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    entries: Mapping[str, ScorerEntry] = field(default_factory=dict)
    data: tuple[DataFile, ...] = ()

    @property
    def in_words(self) -> str:
        """Name, kind, size and description, if it has one."""
        families = ", ".join(f"{name} {count:,}" for name, count in self.families.items())
        return (
            f"{self.name} ({self.kind}): {counted(len(self.cases), 'case')}"
            + (f" ({families})" if families else "")
            + (f", {self.description}" if self.description else "")
        )

    @property
    def families(self) -> dict[str, int]:
        """The number of cases of each family of probes, after that of its own cases; empty without probes."""
        made = [case.tags for case in self.cases if KIND_TAG in case.tags]
        return dict(Counter(OWN if tags[KIND_TAG] == OWN else tags.get(FAMILY_TAG, OWN) for tags in made))

    def scorers_of(self, case: Case) -> tuple[Scorer, ...]:
        """The scorers that apply to this case."""
        return tuple(scorer for scorer in self.scorers if applies(self.when.get(scorer.name, {}), case))

    def stat(self, metric: str) -> Stat | None:
        """The stat of ``scorer.stat``, or the main stat of a scorer's name; ``None`` if there is none."""
        name, _, stat = metric.partition(".")
        owner = next((scorer for scorer in self.scorers if scorer.name == name), None)
        if owner is None:
            return None
        return next((candidate for candidate in owner.stats if not stat or candidate.name == stat), None)

    def command(self, *targets: str) -> str:
        """The command that runs this suite on these targets."""
        return self.command_of(self.path, *targets)

    @staticmethod
    def command_of(path: Path, *targets: str) -> str:
        """The command that runs a suite; the path may come from a caller, so it is quoted for the shell."""
        return f"fairtrial eval {shlex.quote(str(path))} --on {shlex.quote(','.join(targets))}"

    def with_limit(self, count: int) -> "Suite":
        """The suite with only the first ``count`` cases; its digest differs, so its runs never count as complete."""
        return with_digest(replace(self, cases=self.cases[:count])) if count < len(self.cases) else self

    def with_repeat(self, repeat: int) -> "Suite":
        """The suite with each case sent ``repeat`` times; its digest differs."""
        return with_digest(replace(self, repeat=repeat)) if repeat != self.repeat else self


def applies(when: Mapping[str, str], case: Case) -> bool:
    """Whether the case has all of these tags; ``a|b`` is either value."""
    return all(not set(value.split(MANY)).isdisjoint(tag_values(case, tag)) for tag, value in when.items())


def tag_values(case: Case, tag: str) -> Sequence[str]:
    """The slices of one tag that contain a case: usually one, several if its column is a list."""
    value = case.tags.get(tag)
    return () if value is None else value.split(MANY)


def suite_name(kind: str, candidate: str) -> str:
    """The name of a generated suite of a candidate, such as ``memorisation-support-v2``."""
    return f"{kind}-" + "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in candidate)


def with_digest(suite: Suite) -> Suite:
    """The suite with the digest and the slices of its content; raises `DigestRefused`."""
    content = {
        "cases": [
            [case.case_id, case.messages, case.expected, dict(case.tags), dict(case.fields), case.cluster]
            for case in suite.cases
        ],
        "params": suite.params,
        "scorers": [[scorer.name, scorer.version, dict(suite.when.get(scorer.name, {}))] for scorer in suite.scorers],
        "repeat": suite.repeat,
        "seed": suite.seed,
    }
    digest = sha256_of_json(content, ascii_only=False)[:DIGEST_CHARS]
    return replace(suite, digest=digest, values=_values(suite.cases))


def _values(cases: Sequence[Case]) -> dict[str, list[str]]:
    by_tag: dict[str, set[str]] = {}
    for case in cases:
        for tag in case.tags:
            by_tag.setdefault(tag, set()).update(tag_values(case, tag))
    return {tag: sorted(values) for tag, values in by_tag.items()}


def prompt_key(case: Case) -> Hashable | None:
    """A key that is equal for two cases exactly if all their messages are; ``None`` if the messages are unknown."""
    if not case.messages:
        return None
    if all(len(message) == 2 and isinstance(message.get("content"), str) for message in case.messages):
        return tuple((message.get("role"), message["content"]) for message in case.messages)
    return json.dumps(case.messages, sort_keys=True, ensure_ascii=False, default=str)


def cluster_names(cases: Sequence[Case]) -> list[str] | None:
    """Each case's cluster: the declared one, merged with those of the same prompt; ``None`` if none has two cases."""
    names = [f"c:{case.cluster}" if case.cluster is not None else f"i:{case.case_id}" for case in cases]
    parents: dict[str, str] = {}
    first: dict[Hashable, str] = {}
    for case, name in zip(cases, names, strict=True):
        prompt = prompt_key(case)
        earlier = name if prompt is None else first.setdefault(prompt, name)
        if earlier != name and (root := _root(parents, name)) != (top := _root(parents, earlier)):
            parents[root] = top
    roots = [_root(parents, name) for name in names] if parents else names
    return roots if len(set(roots)) < len(roots) else None


def with_clusters(cases: Sequence[Case]) -> tuple[Case, ...]:
    """The cases with these clusters, so that a run keeps them after its prompts are erased."""
    clusters = cluster_names(cases)
    if clusters is None:
        return tuple(cases)
    times = Counter(clusters)
    return tuple(
        case if times[name] == 1 or name == f"c:{case.cluster}" else replace(case, cluster=_written(name))
        for case, name in zip(cases, clusters, strict=True)
    )


def _written(name: str) -> str:
    return name[2:] if name.startswith("c:") else f"the question of {name[2:]}"


def _root(parents: dict[str, str], name: str) -> str:
    """The root of the merged clusters (union-find with path halving)."""
    while (parent := parents.get(name)) is not None:
        above = parents.get(parent)
        if above is not None:
            parents[name] = above
        name = parent
    return name


def dominant_cluster(cases: Sequence[Case]) -> list[str]:
    """A warning on the largest cluster, if it holds a tenth of the cases and the clusters' sizes are too unequal."""
    names = cluster_names(cases)
    if names is None:
        return []
    import numpy as np  # slow to load, and a suite without clusters needs no statistics

    from fairtrial.stats.effects import EVEN, freedom_of

    (name, size), *_ = times = Counter(names).most_common()
    sizes = np.array([count for _, count in times], dtype=np.float64)
    if size < DOMINANT * len(cases) or size < 2 * sizes.mean() or freedom_of(sizes) >= EVEN:
        return []
    return [
        f"cluster {_written(name)!r} holds {size:,} of {len(cases):,} cases ({100 * size / len(cases):.0f} %), so that "
        f"its outcome decides much of every mean. {len(times):,} clusters of such sizes show about as much as "
        f"{len(cases) ** 2 / float(sizes @ sizes):.0f} equal ones. Split it, or take fewer cases of it."
    ]


def duplicate_warnings(cases: Sequence[Case]) -> list[str]:
    """Warnings on duplicate and near-duplicate prompts of a suite."""
    same, alike = _groups(cases)
    warnings = []
    if same:
        more = sum(len(group) - 1 for group in same)
        warnings.append(
            f"{counted(more, 'case has', 'cases have')} the same prompt as another case ({_named(same)}): cases with "
            f"the same prompt are one cluster, so there are {len(cases) - more:,} independent cases, not {len(cases):,}"
        )
    if alike:
        warnings.append(
            f"{counted(len(alike), 'group')} of prompts that differ only in capitals, spaces or punctuation "
            f"({_named(alike)}): each counts as an independent case; give them one 'cluster', or keep only one of each"
        )
    return warnings


def _groups(cases: Sequence[Case]) -> tuple[list[list[str]], list[list[str]]]:
    """The ids of cases with the same prompt, and of those with the same words but no common cluster."""
    same: dict[Hashable, list[Case]] = defaultdict(list)
    for case in cases:
        prompt = prompt_key(case)
        if prompt is not None:
            same[prompt].append(case)
    alike: dict[Hashable, list[Case]] = defaultdict(list)
    for group in same.values():
        if words := _words(group[0]):
            alike[words].append(group[0])
    near = [group for group in alike.values() if len({each.cluster or each.case_id for each in group}) > 1]
    return (
        [[each.case_id for each in group] for group in same.values() if len(group) > 1],
        [[each.case_id for each in group] for group in near],
    )


def _words(case: Case) -> str:
    """The words of all messages, case-folded and separated by single spaces, without punctuation between sentences."""
    texts = (str(message.get("content") or "") for message in case.messages)
    return " ".join(MARKS.sub(" ", " ".join(texts).casefold()).split())


def _named(groups: Sequence[Sequence[str]]) -> str:
    shown = "; ".join(" = ".join(group[:SHOWN]) + (" = …" if len(group) > SHOWN else "") for group in groups[:SHOWN])
    return shown + (f"; and {len(groups) - SHOWN:,} more" if len(groups) > SHOWN else "")
