"""Lines on live traffic, which the frozen plan of an experiment decides."""

from __future__ import annotations

from evaluators.criteria.external_validation import validate_live_line
from evaluators.gate.external_line import ExternalLine, JudgedFamily
from evaluators.gate.live.metric_rule import LiveLine
from evaluators.gate.live.rule import judge_live
from evaluators.gate.multiplicity import RuleResult


def _judge(asked: ExternalLine) -> RuleResult:
    line = LiveLine(asked.text, asked.gate.name, asked.line, asked.now_us)
    return RuleResult(judge_live(line, asked.gate.experiment, asked.live.experiments))


family = JudgedFamily("live traffic", validate_live_line, judge=_judge)
