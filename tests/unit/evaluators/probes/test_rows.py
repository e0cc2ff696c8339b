"""Draws from bundled seeds: as many as asked, each seed once before any is drawn again."""

from __future__ import annotations

from typing import Any

from evaluators.probes.probe import Source
from evaluators.probes.rows import alone, pairs, transcript, with_controls

SEEDS = [{"id": str(number), "technique": "t"} for number in range(10)]
CHAT = {"id": "a", "messages": [{"role": "system", "content": "Route tickets."}, {"role": "user", "content": "Hi"}]}
PLAIN = {"id": "a", "question": "Hi"}


def drawn(count: int, seed: int = 1) -> list[Any]:
    return [(seed_row["id"], variant) for seed_row, variant in pairs(Source(seed, count), "f", SEEDS, ("x", "y", "z"))]


def test_no_seed_is_drawn_again_before_all_others_were() -> None:
    ids = [seed_id for seed_id, _ in drawn(30)]
    assert [len(set(ids[at : at + 10])) for at in (0, 10, 20)] == [10, 10, 10]
    assert len(set(drawn(30))) == 30


def test_a_source_gets_no_more_than_there_is_and_other_seeds_draw_others() -> None:
    assert len(drawn(7)) == 7 and len(drawn(100)) == 30
    assert drawn(7) == drawn(7) != drawn(7, seed=2)


def test_a_conversation_is_one_text_where_the_suite_has_a_template() -> None:
    assert alone(Source(1, 1, (CHAT,)), "Q?", "A.", "Sure?")["messages"] == [
        {"role": "user", "content": "Q?"},
        {"role": "assistant", "content": "A."},
        {"role": "user", "content": "Sure?"},
    ]
    assert alone(Source(1, 1, (PLAIN,), column="question"), "Q?", "A.", "Sure?") == {
        "question": "User: Q?\nAssistant: A.\nUser: Sure?"
    }
    assert transcript("Q?") == "Q?"


def test_half_of_the_cases_are_controls_if_the_suite_has_enough_rows() -> None:
    bad = [{"id": f"f-{number:03d}", "answerable": False} for number in range(1, 9)]
    made = with_controls(Source(1, 8, (PLAIN,) * 6), "f", bad, [{**PLAIN, "id": str(at)} for at in range(6)])
    assert [row["answerable"] for row in made] == [False] * 4 + [True] * 4
    assert len({row["id"] for row in made}) == 8
    assert made[-1]["question"] == "Hi" and made[-1]["technique"] == "control"
    assert with_controls(Source(1, 8), "f", bad, []) == bad
