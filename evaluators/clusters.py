"""Groups cases with the same prompt or declared cluster, and warns of prompts that differ only in their form."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import replace

from fairtrial.domain.run import Case
from fairtrial.domain.wording import counted

SHOWN = 5
"""How many groups of cases a warning names."""
MARKS = re.compile(r"""(?<!\d)[.,;:!?"'“”‘’«»…]|[.,;:!?"'“”‘’«»…](?!\d)""")
"""Punctuation between sentences; it excludes signs between two digits and signs that may be operators."""


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
        case if times[name] == 1 or name == f"c:{case.cluster}" else replace(case, cluster=cluster_text(name))
        for case, name in zip(cases, clusters, strict=True)
    )


def cluster_text(name: str) -> str:
    return name[2:] if name.startswith("c:") else f"the question of {name[2:]}"


def _root(parents: dict[str, str], name: str) -> str:
    """The root of the merged clusters (union-find with path halving)."""
    while (parent := parents.get(name)) is not None:
        above = parents.get(parent)
        if above is not None:
            parents[name] = above
        name = parent
    return name


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
