"""A line on a shadow passes or fails by the interval of its pairs, and otherwise says what is missing."""

from __future__ import annotations

from dataclasses import replace
from math import log

import pytest

from evaluators.criteria.grammar import parse
from evaluators.gate.families.shadow import family, judge_pairs
from evaluators.trial import Trial
from fairtrial.domain.decision.shadow import ShadowAnswer, ShadowDecision, ShadowMetric

NOW = 1_795_000_000_000_000


def metric(name: str, low: float | None, high: float | None, *, ratio: bool = False) -> ShadowMetric:
    said: ShadowAnswer = "cannot tell"
    needed = "9 more users" if low is None else ""
    return ShadowMetric(name, said, 80, 60, 0.5, 0.6, ratio, ((low or 0) + (high or 0)) / 2, low, high, needed)


SHOWN = ShadowDecision(
    (
        metric("polite", 0.02, 0.2),
        metric("exact", -0.2, -0.06),
        metric("format", -0.04, 0.01),
        metric("failed", -0.01, 0.03),
        metric("latency", log(1.02), log(1.08), ratio=True),
        metric("language", None, None),
    ),
    newest_us=NOW,
)
TRIAL = Trial("tuned", "base", run_of=lambda *_: None, now_us=NOW, max_age_seconds=86_400, shadow=SHOWN)


@pytest.mark.parametrize(
    ("line", "result"),
    [
        ("shadow.polite better than base", "pass"),
        ("shadow.exact better than base", "fail"),
        ("shadow.exact not worse than base by 5pp", "fail"),
        ("shadow.exact not worse than base by 10pp", "cannot tell"),
        ("shadow.format better than base", "cannot tell"),
        ("shadow.format not worse than base by 5pp", "pass"),
        ("shadow.failed not worse than base by 5pp", "pass"),
        ("shadow.failed not worse than base by 2pp", "cannot tell"),
        ("shadow.latency not worse than base by 10%", "pass"),
        ("shadow.latency not worse than base by 5%", "cannot tell"),
        ("shadow.latency better than base", "fail"),
    ],
)
def test_a_line_is_judged_by_the_side_of_its_interval(line: str, result: str) -> None:
    parsed = parse(line)
    assert family.validate(parsed) is None
    found, says, needed = judge_pairs(parsed, TRIAL)
    assert (found, bool(needed)) == (result, result == "cannot tell")
    assert says.startswith(parsed.metric) and "80 pairs of 60 users" in says


@pytest.mark.parametrize(
    ("trial", "words"),
    [
        (replace(TRIAL, shadow=None), "no shadow compares the present tuned with base"),
        (replace(TRIAL, shadow=replace(SHOWN, held="drops depend on the length")), "drops depend on the length"),
        (replace(TRIAL, now_us=NOW + 3 * 86_400_000_000), "the newest pair is 3 days old"),
        (replace(TRIAL, shadow=ShadowDecision(newest_us=NOW)), "no pair has shadow.polite"),
    ],
)
def test_without_pairs_that_count_nothing_is_known(trial: Trial, words: str) -> None:
    result, says, needed = judge_pairs(parse("shadow.polite better than base"), trial)
    assert (result, bool(needed)) == ("cannot tell", True) and words in says


def test_too_few_users_are_counted() -> None:
    result, _, needed = judge_pairs(parse("shadow.language better than base"), TRIAL)
    assert (result, needed) == ("cannot tell", "9 more users")


@pytest.mark.parametrize(
    "line",
    [
        "shadow.polite >= 90%",
        "shadow.polite better than base by 2pp",
        "shadow.polite not worse than base by 5%",
        "shadow.latency not worse than base by 5pp",
        "shadow.length better than base",
        "shadow.polite better than base in language:en",
    ],
)
def test_a_line_that_pairs_cannot_answer_is_refused(line: str) -> None:
    refused = family.validate(parse(line))
    assert refused is not None and "shadow.NAME better than base" in refused[1]
