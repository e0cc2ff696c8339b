"""Refusals and placeholders are found in wordings that the patterns were not written with."""

from __future__ import annotations

import json

from evaluators.training_data.damage.placeholders import has_placeholder, is_missing, stands_for_text
from evaluators.training_data.requests_and_refusals import refusing_sentence
from tests.fixtures.paths import ROOT

ANSWER = "You can change the date in the settings, under General."


def wordings(name: str) -> dict[str, dict[str, list[str]]]:
    path = ROOT / "benchmarks/audit_trials/planted" / name
    content: dict[str, dict[str, list[str]]] = json.loads(path.read_text(encoding="utf-8"))
    return content


def has(form: str) -> bool:
    text = form.format(ANSWER)
    return has_placeholder(text) or stands_for_text(text) or is_missing(text)


def test_at_least_four_in_five_of_the_held_out_wordings_are_found() -> None:
    held_out = wordings("held_out.json")
    for kind, finds in (("refusals", refusing_sentence), ("placeholders", has)):
        forms = [form for forms in held_out[kind].values() for form in forms]
        assert len([form for form in forms if finds(form)]) >= 0.8 * len(forms)


def test_sound_answers_that_resemble_refusals_are_not_named() -> None:
    sound = [text for texts in wordings("tuned_on.json")["sound"].values() for text in texts]
    assert [text for text in sound if refusing_sentence(text) or has(text)] == []
