"""A completion is cut off if its row or its end shows it, compared with how the other texts of the file end."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluators.training_data.corpus import Corpus
from evaluators.training_data.endings import CutRows, LastWords, find_cut
from evaluators.training_data.example_file import read_examples
from tests.fixtures.for_each import for_each
from tests.fixtures.training_data.reports import as_lines, sound_rows

REPORTS = [row["messages"][1]["content"].splitlines() for row in sound_rows(700, seed=5)]
WHOLE = [text[0].upper() + text[1:] for lines in REPORTS for text in [max(lines, key=len).strip()]]
ENDED = [text if text.endswith((".", "!", "?")) else f"{text}." for text in WHOLE]


def cut(completions: Sequence[str], folder: Path, **fields: Any) -> CutRows:
    path = folder / "rows.jsonl"
    rows = [{"prompt": f"Question {at}", "completion": text, **fields} for at, text in enumerate(completions)]
    path.write_text(as_lines(rows), encoding="utf-8")
    return find_cut(Corpus((read_examples(path),), ("train",)))


def test_most_texts_that_are_cut_anywhere_are_found_and_whole_ones_are_not(tmp_path: Path) -> None:
    draw = random.Random(3)
    planted = set(draw.sample(range(len(ENDED)), 20))
    texts = [
        text[: int(len(text) * draw.uniform(0.3, 0.9))] if at in planted else text for at, text in enumerate(ENDED)
    ]
    found = cut(texts, tmp_path)
    assert set(found.sure) | set(found.likely) <= planted
    assert len(found.sure) + len(found.likely) >= 0.8 * len(planted) and len(found.sure) >= 0.5 * len(planted)


@for_each(
    ("text", "reason"),
    [
        ("Here is code:\n```python\nprint(1)", "its code block is not closed"),
        ('{"category": "heating", "priority": "lo', "its JSON ends early"),
        ("The lamp (in the corridor on the left", "it stops within brackets or quotation marks"),
        ("The lamp is in the corr", "it has no end mark and stops at the beginning of a word"),
        ("Water drips from the", "it has no end mark and stops at a word that rarely ends a sentence of the file"),
        ("The lamp is red,", "it ends with a mark after which a text goes on"),
    ],
)
def test_signs_of_a_cut_are_named(tmp_path: Path, text: str, reason: str) -> None:
    assert cut([*ENDED, text], tmp_path).sure == {len(ENDED): reason}


@for_each("fields", [{"finish_reason": "length"}, {"metadata": {"stop_reason": "max_tokens"}}])
def test_a_finish_reason_is_enough(tmp_path: Path, fields: dict[str, Any]) -> None:
    assert cut(["It is over."], tmp_path, **fields).sure == {0: "its finish reason is a limit of tokens"}
    assert cut(["It is over."], tmp_path, finish_reason="stop").sure == {}


def test_a_length_that_many_texts_reach_is_a_limit(tmp_path: Path) -> None:
    long = [f"{ENDED[at]} {ENDED[at + 1]} {ENDED[at + 2]}" for at in range(0, 600, 3)]
    limit = sorted(map(len, long))[-12]
    found = cut([text[:limit] for text in long], tmp_path)
    assert {row for row, why in found.sure.items() if "a limit that several texts reach" in why} >= {
        row for row, text in enumerate(long) if len(text) > limit and text[limit - 1].isalpha()
    }


def test_short_texts_without_end_marks_hide_no_limit_of_longer_ones(tmp_path: Path) -> None:
    long = [f"{ENDED[at]} {ENDED[at + 1]} {ENDED[at + 2]}" for at in range(0, 300, 3)]
    short = [f"{word} {at}" for at in range(100) for word in ("about", "nearly")]
    limit = sorted(map(len, long))[-30]
    found = cut([*(text[:limit] for text in long), *short], tmp_path)
    assert {row for row, why in found.sure.items() if "a limit that several texts reach" in why} >= {
        row for row, text in enumerate(long) if len(text) > limit and text[limit - 1].isalpha()
    }


def test_where_many_texts_have_no_end_mark_the_last_word_alone_is_a_suggestion(tmp_path: Path) -> None:
    open_ = [text.rstrip(".!?") for text in ENDED[:300]]
    found = cut([*ENDED[300:], *open_, "Water drips from the"], tmp_path)
    assert found.sure == {} and len(ENDED) in found.likely


@for_each(
    "texts",
    [
        [*ENDED, 'חוות דעת חייבת לכלול שם וכתובת דוא"ל', 'The doc"s'],
        ["delivery", "billing", "Contact"] * 40,
        [text.rstrip(".!?") for text in ENDED],
        [*ENDED, "I am sorry :(", "The parcel", "- salt\n- pepper", "https://example.org/help", "About 12"],
        [f"```\nprint({at})\n```" for at in range(40)],
    ],
)
def test_labels_lists_code_and_files_without_end_marks_are_whole(tmp_path: Path, texts: list[str]) -> None:
    assert cut(texts, tmp_path).sure == {}


def test_a_text_of_one_long_word_takes_linear_time() -> None:
    words = LastWords(["x" * 1_000_000, f"y{'!' * 1_000_000}z", "So it ends here.", "And here."])
    assert words.is_known("here") and words.p("here") == 1.0
