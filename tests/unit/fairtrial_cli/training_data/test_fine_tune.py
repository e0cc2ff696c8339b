"""Tests what is printed about a fine-tune's memory."""

from __future__ import annotations

from typing import Literal

import pytest

from evaluators.overfitting.memorisation import Gap, Membership, Regurgitation
from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial_cli.training_data.fine_tune import MemorisationReport, print_memorisation

NOT_ENOUGH = NotEnough("too few", "more texts")
MEMBERS = Membership("cannot tell", 20, 40, NotEnough("40 controls are too few", "100 or more"))


def report(answer: Literal["memorised", "not memorised"], membership: Membership) -> MemorisationReport:
    excess = Estimate(0.5, 0.4, 0.6, 0.95, 60, "paired")
    gaps = (Gap("gap", (0.75, 0.25), (0.0, None), excess), Gap("verbatim_gap", (0.7, 0.1), (0.0, 0.0), NOT_ENOUGH))
    runs = (("memorisation-tuned", "run-2", "run-1"),)
    return MemorisationReport("tuned", "base", Regurgitation(answer, 0.02, 30, 1, gaps), membership, runs, ("one",))


@pytest.mark.parametrize("answer", ["memorised", "not memorised"])
def test_each_sentence_stands_on_one_line_of_a_narrow_terminal(
    answer: Literal["memorised", "not memorised"], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    shown = report(answer, MEMBERS)
    print_memorisation(shown)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["tuned against base", shown.regurgitation.in_words, MEMBERS.in_words]
    assert len(lines[1]) > 50 and len(lines[2]) > 50
    assert lines[-3:] == [
        "30 training texts and 1 held-out text, each continued from its beginning.",
        "note: one",
        "fairtrial runs show run-2 --against run-1   (memorisation-tuned)",
    ]
