"""Samples the processes that start meanwhile, and reports where their CPU time went."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SAMPLER = Path(__file__).parent / "sampler"
SHOWN = 30


@contextmanager
def sampled(folder: Path) -> Iterator[None]:
    """Write the samples to ``folder``."""
    folder.mkdir()
    before = {name: os.environ.get(name) for name in ("PYTHONPATH", "FAIRTRIAL_SAMPLES")}
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(SAMPLER), before["PYTHONPATH"]]))
    os.environ["FAIRTRIAL_SAMPLES"] = str(folder)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def profile_report(folder: Path) -> str:
    """Shares of all samples of the process with the most of them, by file and by function."""
    found = [json.loads(path.read_text())["own"] for path in folder.glob("*.json")]
    if not found:
        return "no samples: too little CPU time was used"
    most = max(found, key=lambda one: sum(one.values()))
    files: Counter[str] = Counter()
    for name, count in most.items():
        files[name.partition(":")[0]] += count
    whole = sum(most.values())
    lines = [f"{whole} samples of the worker's CPU time, each where it was, with what that calls in C"]
    for words, counts in (("file", files), ("function", Counter(most))):
        lines += [f"{words:9}{count / whole:6.1%}  {name}" for name, count in counts.most_common(SHOWN)]
    return "\n".join(lines)
