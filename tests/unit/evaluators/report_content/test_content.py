"""Texts of a report: masked, in full or left out, and ids that stay apart when they are masked."""

from __future__ import annotations

from evaluators.report_content.content import LEFT_OUT, Text, Texts
from fairtrial.domain.verdicts.verdict import Finding, Verdict
from fairtrial.domain.wording import TEXT_DELETED, TEXT_NOT_STORED

SECRET = "write to rosa@example.org"


def test_each_policy_shows_a_text_in_its_way() -> None:
    shown = [Texts(policy).shown(SECRET) for policy in ("masked", "full", "none")]
    assert shown == [Text("write to [email]"), Text(SECRET), Text(LEFT_OUT, absent=True)]


def test_a_text_that_is_not_there_says_why_in_every_policy() -> None:
    for texts in (Texts("masked"), Texts("full"), Texts("none")):
        assert texts.shown("gone", deleted=True) == Text(TEXT_DELETED, absent=True)
        assert texts.shown(None) == Text(TEXT_NOT_STORED, absent=True)


def test_case_ids_that_masking_makes_equal_stay_apart_and_are_counted_once() -> None:
    texts = Texts("none")
    ids = [texts.case_id(name) for name in ("rosa@example.org", "ben@example.org", "rosa@example.org", "c1")]
    assert ids == ["[email]", "[email] (2)", "[email]", "c1"]
    assert texts.masked == {"email": 2}


def test_the_sentences_of_a_verdict_are_masked() -> None:
    finding = Finding("qa >= 1", "small", "fail", f"lost: {SECRET}", SECRET, scope="user:rosa@example.org")
    verdict = Verdict("v", 1, "g", "tuned", "base", "BLOCK", SECRET, (finding,), conflicts=(SECRET,))
    assert "rosa" not in repr(Texts("masked").verdict(verdict))
