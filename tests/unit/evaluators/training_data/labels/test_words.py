"""The vocabulary of training prompts is the same in every process."""

from __future__ import annotations

import subprocess
import sys

from tests.fixtures.paths import ROOT

CODE = """
from evaluators.training_data.labels.words import vocabulary
print(vocabulary(["my card was used in oslo while i was at home"] * 6).words)
"""


def test_equally_frequent_words_have_the_same_order_for_each_hash_seed() -> None:
    found = {
        subprocess.run(
            [sys.executable, "-c", CODE],
            env={"PYTHONHASHSEED": seed},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(found) == 1 and "oslo" in found.pop()
