"""The lines of a gate before anything is run, with an assumed share of 0/1 cases that differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.random import Generator

from evaluators.criteria.grammar import VersusBaseline
from evaluators.criteria.metric_catalogue import measure_of
from evaluators.criteria.validation import scopes_of
from evaluators.gate.rules import Rule
from evaluators.gate.simulation.lines import KINDS, Group, Line
from evaluators.results.run_table import Floats
from evaluators.results.scope import Scope
from evaluators.suite import Suite, applies, tag_values


def assumed_groups(rules: Sequence[Rule], share: float, levels: Sequence[float], rng: Generator) -> Iterator[Group]:
    """One group for each metric of a suite; its slices share the cases. ``levels``: that of each rule's failures."""
    groups: dict[tuple[str, str], tuple[Group, Floats]] = {}
    for number, rule in enumerate(rules):
        test, cases = rule.line.test, rule.suite.cases
        measure = measure_of(rule.suite, rule.line.metric)
        if not isinstance(test, VersusBaseline) or measure is None or measure.kind not in KINDS:
            continue
        if not measure.in_points:
            continue
        name = rule.suite.name, measure.name
        if name not in groups:
            differs = rng.permutation(len(cases)) < round(share * len(cases))
            groups[name] = Group(len(cases)), differs.astype(np.float64)
        group, differing = groups[name]
        limit = (1 if test.question == "better" else -1) * (test.margin or 0.0) / 100
        for scope in scopes_of(rule.suite, rule.line.scope):
            inside = cases_inside(rule.suite, scope, measure.scorer)
            gains = differing * inside
            line = Line(
                number, gains, -gains, inside, limit, "tango", tested=test.margin is None, enumerated=limit != 0
            )
            group.lines.append(replace(line, fails_by="tango", fail_upper=1 - levels[number]))
    yield from (group for group, _ in groups.values())


def cases_inside(suite: Suite, scope: Scope | None, scorer: str | None) -> Floats:
    """For each case, 1 if the scorer measures it and it lies in the slice."""
    when = suite.when.get(scorer or "", {})
    return np.array(
        [
            float(applies(when, case) and (scope is None or scope.value in tag_values(case, scope.tag)))
            for case in suite.cases
        ]
    )
