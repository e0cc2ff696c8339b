"""Measures how many refusals and placeholders are named in wordings by language and style.

`planted/tuned_on.json` is what the patterns were written with. `planted/held_out.json` was written before them by the
same author, who read it once; its refusals come in five styles: curt, polite, bureaucratic, chatty, and in two
languages. Each is planted into sound rows of two packages once, and three times under unlike prompts.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

from benchmarks.audit_trials.development import SOURCES
from benchmarks.audit_trials.found import run
from benchmarks.audit_trials.planted.planting import Trial
from benchmarks.audit_trials.planted.rows import Row
from benchmarks.audit_trials.planted.wordings import DEVELOPMENT

FOLDER = Path(__file__).parent / "planted"
FITTING = {"refusals": ("answers:(refusal|repeated)",), "placeholders": ("text-damage:placeholder",)}
MOST_FORMS = 40
"""Wordings in one file, so that they stay rare in it."""


def measure_wordings(times: int) -> Iterator[str]:
    """A line for each file of wordings, kind and source: those of which a row is named, and all."""
    for name in ("tuned_on", "held_out"):
        wordings = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
        for kind, fitting in FITTING.items():
            forms = [form for forms in wordings[kind].values() for form in forms]
            for source in SOURCES[1:3]:
                rows = source.draw()
                parts = [forms[start : start + MOST_FORMS] for start in range(0, len(forms), MOST_FORMS)]
                named = sum(_named(source.name, rows, part, times, fitting) for part in parts)
                yield f"  {name:<10} {kind:<14} {times} each in {source.name:<12} {named}/{len(forms)}"


def _named(name: str, rows: list[Row], forms: list[str], times: int, fitting: tuple[str, ...]) -> int:
    trial = Trial(list(rows), random.Random(name), DEVELOPMENT)
    source = next(source for source in SOURCES if source.name == name)
    places = iter(trial.free(lambda row: len(row.answer) >= 15))
    places_of = {form: [next(places) for _ in range(times)] for form in forms}
    for form, at in places_of.items():
        for place in at:
            trial.rows[place] = trial.rows[place].with_answer(form.format(trial.rows[place].answer))
    certain, suggested = run(source, "", trial).best(fitting, {place for at in places_of.values() for place in at})
    return sum(bool((certain | suggested) & set(at)) for at in places_of.values())
