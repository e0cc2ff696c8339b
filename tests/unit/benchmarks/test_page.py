"""What stays on a page of simulations when a part of them is drawn again."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.trials.page import write_page
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
