"""Questions that a suite has more than once: they are one cluster, since a model that fails one fails all of them."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import replace

from fairtrial.domain.run import Case

SHOWN = 5
"""Groups of cases that a warning names."""
MARKS = re.compile(r"""(?<!\d)[.,;:!?"'“”‘’«»…]|[.,;:!?"'“”‘’«»…](?!\d)""")
"""Punctuation that only parts sentences: not what stands between two digits, and no sign that may be an operator."""


def asked(case: Case) -> Hashable | None:
    """The rendered prompt, equal for two cases just where all messages are; ``None`` where it is not known."""
    if not case.messages:
        return None
    if all(len(one) == 2 and isinstance(one.get("content"), str) for one in case.messages):
        return tuple((one.get("role"), one["content"]) for one in case.messages)
    return json.dumps(case.messages, sort_keys=True, ensure_ascii=False, default=str)


def clusters_of(cases: Sequence[Case]) -> list[str] | None:
    """Each case's cluster: the declared one, joined with those of the same question; ``None`` if all stand alone."""
    names = [f"c:{case.cluster}" if case.cluster is not None else f"i:{case.case_id}" for case in cases]
    parents: dict[str, str] = {}
    first: dict[Hashable, str] = {}
    for case, name in zip(cases, names, strict=True):
        prompt = asked(case)
        other = name if prompt is None else first.setdefault(prompt, name)
        if other != name and (root := _root(parents, name)) != (top := _root(parents, other)):
            parents[root] = top
    found = [_root(parents, name) for name in names] if parents else names
    return found if len(set(found)) < len(found) else None


def joined(cases: Sequence[Case]) -> tuple[Case, ...]:
    """The cases with these clusters written on them: a run keeps them when the texts of its questions are gone."""
    found = clusters_of(cases)
    if found is None:
        return tuple(cases)
    times = Counter(found)
    return tuple(
        case if times[name] == 1 or name == f"c:{case.cluster}" else replace(case, cluster=_written(name))
        for case, name in zip(cases, found, strict=True)
    )


def _written(name: str) -> str:
    return name[2:] if name.startswith("c:") else f"the question of {name[2:]}"


def _root(parents: dict[str, str], name: str) -> str:
    """The cluster that stands for all that were joined with this one; the way there gets shorter."""
    while (parent := parents.get(name)) is not None:
        above = parents.get(parent)
        if above is not None:
            parents[name] = above
        name = parent
    return name


def cautions(cases: Sequence[Case]) -> list[str]:
    """What to know before the numbers of a suite are read that has questions twice, or nearly so."""
    same, alike = _groups(cases)
    found = []
    if same:
        more = sum(len(group) - 1 for group in same)
        found.append(
            f"{_counted(more, 'case asks', 'cases ask')} what another one asks ({_named(same)}): cases with the same "
            f"question are one cluster, so there is evidence of {len(cases) - more:,} questions, not of {len(cases):,}"
        )
    if alike:
        found.append(
            f"{_counted(len(alike), 'group', 'groups')} of questions differ in capitals, spaces or punctuation only "
            f"({_named(alike)}): each counts as a case of its own; give them one 'cluster', or leave all but one out"
        )
    return found


def _groups(cases: Sequence[Case]) -> tuple[list[list[str]], list[list[str]]]:
    """The ids of cases with the same prompt, and of those whose prompts have the same words in no declared cluster."""
    same: dict[Hashable, list[Case]] = defaultdict(list)
    for case in cases:
        prompt = asked(case)
        if prompt is not None:
            same[prompt].append(case)
    alike: dict[Hashable, list[Case]] = defaultdict(list)
    for group in same.values():
        if words := _words(group[0]):
            alike[words].append(group[0])
    near = [group for group in alike.values() if len({one.cluster or one.case_id for one in group}) > 1]
    return (
        [[one.case_id for one in group] for group in same.values() if len(group) > 1],
        [[one.case_id for one in group] for group in near],
    )


def _words(case: Case) -> str:
    """The words of all messages, case-folded, parted by single spaces and without the marks between sentences."""
    texts = (str(one.get("content") or "") for one in case.messages)
    return " ".join(MARKS.sub(" ", " ".join(texts).casefold()).split())


def _named(groups: Sequence[Sequence[str]]) -> str:
    shown = "; ".join(" = ".join(group[:SHOWN]) + (" = …" if len(group) > SHOWN else "") for group in groups[:SHOWN])
    return shown + (f"; and {len(groups) - SHOWN:,} more" if len(groups) > SHOWN else "")


def _counted(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"
