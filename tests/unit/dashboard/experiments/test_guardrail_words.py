"""The page says of each guardrail what is proven, what is missing, and what pauses and stops."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from dashboard.experiments.decision import guardrail_caption, guardrail_words
from tests.fixtures.experiments.shown_decision import shown_guardrail

OPEN = shown_guardrail(
    evidence_words="about 110 more users are needed to prove it safe; hardly any evidence of a decline",
    levels="0.7 % of the requests of 1,400 users of tuned",
    weighed_words="with each request weighing the same, tuned is between 1 point worse and 1 point better",
    stops="any proven decline pauses, more than 1 point stops for good",
)


@pytest.mark.parametrize(
    ("answer", "evidence", "words"),
    [
        ("open", OPEN.evidence_words, "no harm is proven; not proven safe yet**. About 110 more users are needed"),
        ("declined", "", "a decline is proven**."),
        ("safe", "hardly any evidence", "proven safe**. Hardly any evidence."),
        ("harmed", "", "harm is proven**"),
    ],
)
def test_each_answer_has_its_words(answer: str, evidence: str, words: str) -> None:
    shown = guardrail_words(replace(OPEN, answer=answer, evidence_words=evidence))
    assert words in shown.replace("\\", "")


def test_the_caption_has_levels_the_weighed_line_and_both_stops() -> None:
    assert guardrail_caption(OPEN).replace("\\", "") == (
        "0.7 % of the requests of 1,400 users of tuned. With each request weighing the same, tuned is between 1 point "
        "worse and 1 point better. Any proven decline pauses, more than 1 point stops for good."
    )


def test_plans_with_one_stop_and_no_weighed_line_show_levels_alone() -> None:
    shown = guardrail_caption(replace(OPEN, weighed_words="", stops=""))
    assert shown.replace("\\", "").endswith("users of tuned.")
