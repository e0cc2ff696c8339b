"""Processes that begin meanwhile are sampled; where their CPU time went, in words."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SAMPLER = Path(__file__).parent / "sampler"
SHOWN = 35


@contextmanager
def sampled(folder: Path) -> Iterator[None]:
    """Samples go to ``folder``."""
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


def told(folder: Path) -> str:
    """Shares of all samples, of the process with the most of them."""
    found = [json.loads(path.read_text()) for path in folder.glob("*.json")]
    if not found:
        return "no samples: too little CPU time was used"
    most = max(found, key=lambda one: sum(one["own"].values()))
    whole = sum(most["own"].values())
    lines = [f"{whole} samples; own: in the function itself, with what it calls in C; total: with all below it"]
    for kind in ("own", "total"):
        ranked = sorted(most[kind].items(), key=lambda item: -item[1])[:SHOWN]
        lines += [f"{kind:6} {count / whole:6.1%}  {name}" for name, count in ranked]
    return "\n".join(lines)
