"""Refuses lines on judges, because this version has none."""

from evaluators.criteria.grammar import GateLine
from evaluators.criteria.validation import LineFamily


def _no_judge(line: GateLine) -> tuple[str, str]:
    return f"there is no judge {line.metric.partition('.')[2]!r}", "this version has no judges"


family = LineFamily("the judges", _no_judge)
