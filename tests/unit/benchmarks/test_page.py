"""What stays on a page of simulations when a part of them is drawn again, and which rows a summary shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.trials.page import write_page
from benchmarks.trials.stored_rows import write_rows, write_summary
from benchmarks.trials.trial import Target, Trial, row

HEAD = "# How often\n\n<!-- Made by `python a.py`. -->\n\nIt is simulated."
ADDED = "<!-- Made by `python b.py`. -->\n\n## Another\n\n| a |\n|---|"
SAY = {"measured": lambda row: f"{row.measured:g}", "wanted": lambda _: ""}


def trial(name: str) -> Trial:
    return Trial(name, name, f"drawn for {name}", lambda *_: {}, (Target("m", "wrong"),))


def test_other_sections_and_the_part_of_another_program_stay(tmp_path: Path) -> None:
    page, trials = tmp_path / "page.md", (trial("first"), trial("second"))

    def write(chosen: tuple[Trial, ...], figure: float) -> str:
        rows = [row(one, one.targets[0], np.array([figure])) for one in chosen]
        write_page(page, rows, HEAD, SAY, trials)
        return page.read_text()

    page.write_text(write(trials, 1.0) + f"\n{ADDED}\n")
    text = write(trials[:1], 2.0)

    assert [line for line in text.splitlines() if line.startswith("## ")] == ["## first", "## second", "## Another"]
    assert text.count("| wrong | 2 |") == text.count("| wrong | 1 |") == 1
    assert text.endswith(f"\n\n{ADDED}\n")


def test_a_summary_shows_the_missed_rows_of_a_kind_or_else_the_worst_one(tmp_path: Path) -> None:
    data, page = tmp_path / "page.csv", tmp_path / "page.md"
    targets = tuple(Target(name, name, at_most=0.06) for name in ("small", "near", "missed"))
    trials = [Trial(name, name, "drawn", lambda *_: {}, targets[:rules]) for name, rules in (("one", 2), ("two", 3))]
    rates = {"small": [0, 0], "near": [0.05, 0.05], "missed": [1, 1]}
    say = {"measured": lambda row: f"{100 * row.measured:g} %", "wanted": lambda _: "≤ 6 %"}
    page.write_text(f"{HEAD}\n\n{ADDED}\n")

    for chosen in trials:  # the rows of the other trial stay
        drawn = [row(chosen, target, np.array(rates[target.rule], dtype=float)) for target in chosen.targets]
        write_summary(page, write_rows(data, drawn, say, trials), HEAD)

    text = page.read_text()
    assert "It is simulated. 5 rows, 5 with targets, 1 missed." in text
    assert [line for line in text.splitlines() if line.startswith(("| one", "| two"))] == [
        "| one | 2 | drawn | near | 5 % | ≤ 6 % | met |",
        "| two | 3 | drawn | missed | 100 % | ≤ 6 % | **missed** |",
    ]
    assert text.endswith(f"\n\n{ADDED}\n")
