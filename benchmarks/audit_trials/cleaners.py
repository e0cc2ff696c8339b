"""Measures other cleaners on the rows of a file. Runs in an environment that has them, and prints JSON.

Run: ``python cleaners.py presidio|datatrove FILE ROWS``. It imports nothing of fairtrial.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path


def presidio() -> Callable[[str], int]:
    """Presidio's recognisers that need no language model, each on the whole text."""
    from presidio_analyzer import predefined_recognizers as known

    kinds = (
        known.CreditCardRecognizer,
        known.EmailRecognizer,
        known.IbanRecognizer,
        known.IpRecognizer,
        known.PhoneRecognizer,
    )
    recognizers = [kind() for kind in kinds]

    def find(text: str) -> int:
        return sum(len(one.analyze(text, one.supported_entities, None) or ()) for one in recognizers)

    return find


def datatrove() -> Callable[[str], int]:
    """Datatrove's formatter of e-mail and IP addresses."""
    from datatrove.pipeline.formatters import PIIFormatter

    formatter = PIIFormatter()

    def find(text: str) -> int:
        return int(formatter.format(text) != text)

    return find


def main() -> None:
    """Search the prompts and completions of the first rows."""
    name, path, rows = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    find = {"presidio": presidio, "datatrove": datatrove}[name]()
    lines = path.read_text(encoding="utf-8").splitlines()[:rows]
    texts = ["\n".join(said["content"] for said in json.loads(line)["messages"][1:]) for line in lines]
    find(texts[0])
    began, cpu = time.perf_counter(), time.process_time()
    finds = sum(find(text) for text in texts)
    figures = {
        "rows": len(texts),
        "finds": finds,
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - cpu,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
