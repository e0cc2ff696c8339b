"""How well do border probes tell real models apart, and how often do they suspect a model that did not change?

    python benchmarks/fingerprint.py                      # the first time about an hour on two cores
    python benchmarks/fingerprint.py --only base,v2@0.25  # what the folder has not, is asked

Each model answers the same border probes many times, through llama.cpp's server with eight slots and continuous
batching, so that answers depend on what runs beside them. Answers are kept in a folder; all trials resample them. A row
of a model that was not recorded is left out, and said to be. The exit code is 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

sys.path[0] = str(Path(__file__).parents[1])  # a file beside this one has the name of a package of ours

from benchmarks.fingerprint_work.figures import first_alarm, told_apart  # noqa: E402 - found by that line
from benchmarks.fingerprint_work.recorded import ROOT, Recorded, probes, recorded  # noqa: E402
from benchmarks.fingerprint_work.requantised import write_q4_0  # noqa: E402
from gateway.models.catalogue import base_file  # noqa: E402

PROGRAM = "benchmarks.fingerprint_work.llama_program"
ADAPTERS = ROOT / "examples" / "support" / "adapters"
STRENGTHS = {"v2@1": ("support-v2", "1"), "v2@0.25": ("support-v2", "0.25"), "v2@0.9": ("support-v2", "0.9"),
             "v1": ("support-v1", "1")}  # fmt: skip
MODELS = ("base", *STRENGTHS, "q4_0")
CHANGES = (("v2@1", "v2@0.9"), ("base", "v1"), ("base", "q4_0"))
TRIALS, DAYS, LATER = 200, 1_000, 14


@dataclass(frozen=True, slots=True)
class Row:
    """One figure with its target, and whether it is met; ``None`` without a target."""

    name: str
    figure: str
    target: str = "–"
    met: bool | None = None

    def __str__(self) -> str:
        word = {None: "no target", True: "met", False: "**missed**"}[self.met]
        return f"| {self.name} | {self.figure} | {self.target} | {word} |"


def command_of(model: str, cache: Path) -> tuple[str, ...]:
    if model == "q4_0":
        file = cache / "base-q4_0.gguf"
        if not file.exists():
            write_q4_0(base_file(), file)
        return PROGRAM, str(file)
    name, strength = STRENGTHS.get(model, ("", ""))
    return (PROGRAM, str(base_file()), *((str(ADAPTERS / f"{name}.gguf"), strength) if name else ()))


def rows_of(models: Mapping[str, Recorded]) -> Iterator[Row]:
    asked = sum(len(answers) for each in models.values() for answers in each.answers.values())
    tokens = sum(each.tokens for each in models.values())
    yield Row("answers recorded, prompt tokens", f"{asked:,}, {tokens:,}")
    if {"base", "v2@0.25"} <= models.keys():
        for seen in (True, False):
            told = told_apart(models["v2@0.25"].answers, models["base"].answers, trials=TRIALS, seen=seen)
            name = f"strength 0.25 against its base, {TRIALS} trials{_by(seen)}: called the same"
            yield Row(name, f"{told.share('same'):.1%}", "0", told.share("same") == 0)
            yield Row(f"the same{_by(seen)}: called different", f"{told.share('different'):.1%}")
    for before, after in CHANGES:
        if {before, after} <= models.keys():
            yield from _changed(models, before, after)
    for name in ("base", "v2@1"):
        if name in models:
            yield from _unchanged(models[name], name)


def _changed(models: Mapping[str, Recorded], before: str, after: str) -> Iterator[Row]:
    one, two = models[before].answers, models[after].answers
    found = told_apart(two, one, trials=TRIALS, seen=True).share("different")
    yield Row(f"{before} → {after}{_by(True)}: found", f"{found:.1%}", "95 %", found >= 0.95)
    told = told_apart(two, one, trials=TRIALS, seen=False)
    gap = abs(told.share("different") - told.power)
    figure = f"{told.share('different'):.1%}, printed {told.power:.1%}"
    yield Row(f"the same{_by(False)}: found, and the printed power", figure, "within 10 points", gap <= 0.1)
    for seen in (True, False):
        days = [first_alarm(one, two, quiet=30, days=LATER, seen=seen, seed=seed) for seed in range(20)]
        alarms = sorted(day for day in days if day is not None)
        middle = f", median day {alarms[len(alarms) // 2]}" if alarms else ""
        yield Row(f"the same, daily{_by(seen)}: found within {LATER} days", f"{len(alarms)} of 20{middle}")


def _unchanged(model: Recorded, name: str) -> Iterator[Row]:
    for seen in (True, False):
        told = told_apart(model.answers, model.answers, trials=TRIALS, seen=seen)
        called = told.share("different")
        yield Row(f"{name} against itself{_by(seen)}: called different", f"{called:.1%}", "1 %", called <= 0.01)
        pauses = _false_pauses(model, seen=seen)
        yield Row(f"{name}, {DAYS:,} simulated days{_by(seen)}: false pauses", str(pauses), "at most 1", pauses <= 1)


def _false_pauses(model: Recorded, *, seen: bool) -> int:
    """How often an unchanged model is called changed; a new series begins after each time."""
    pauses, left = 0, DAYS
    while left > 0:
        day = first_alarm(model.answers, model.answers, quiet=0, days=left, seen=seen, seed=pauses + 1)
        if day is None:
            break
        pauses, left = pauses + 1, left - day - 1
    return pauses


def _by(seen: bool) -> str:
    return ", with log probabilities" if seen else ", without log probabilities"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=ROOT / ".fingerprints", help="where answers are kept")
    parser.add_argument("--only", default=",".join(MODELS), help="the models, separated by commas")
    parser.add_argument("--probes", type=int, default=16, help="border probes")
    parser.add_argument("--repeats", type=int, default=40, help="answers of each model to each probe")
    asked = parser.parse_args()
    chosen = asked.only.split(",")
    if unknown := set(chosen) - set(MODELS):
        raise SystemExit(f"no such model: {', '.join(sorted(unknown))} (known: {', '.join(MODELS)})")
    asked.cache.mkdir(parents=True, exist_ok=True)
    cases = probes(asked.cache, command_of("base", asked.cache), asked.probes)
    models = {name: recorded(asked.cache, name, command_of(name, asked.cache), cases, asked.repeats) for name in chosen}
    print("| measured | figure | target | |\n|---|--:|--:|---|")
    missed = False
    for row in rows_of(models):
        print(row, flush=True)
        missed |= row.met is False
    left_out = [name for name in MODELS if name not in models]
    if left_out:
        print(f"\nNot recorded: {', '.join(left_out)}.")
    raise SystemExit(int(missed))


if __name__ == "__main__":
    main()
