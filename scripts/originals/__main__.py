"""Scores `cases.json` with promptfoo and OpenAI's evals, and writes the golden files of the tests.

python -m scripts.originals FOLDER    # where `make originals` installed both
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from scripts.originals.registry import graders

HERE = Path(__file__).parent
GOLDEN = HERE.parent.parent / "tests/fixtures/imports/originals"
QUIET = {
    "PROMPTFOO_DISABLE_TELEMETRY": "1",
    "PROMPTFOO_DISABLE_UPDATE": "1",
    "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1",
}


def promptfoo(installed: Path, cases: dict[str, Any]) -> list[dict[str, Any]]:
    request = json.dumps({"answers": cases["answers"], "tests": cases["promptfoo"]})
    environment = {**os.environ, **QUIET, "PROMPTFOO_CONFIG_DIR": str(installed / "home")}
    command = ["node", str(HERE / "promptfoo.mjs"), str(installed)]
    done = subprocess.run(command, input=request, capture_output=True, text=True, check=True, env=environment)
    return [
        {**test, "scores": scores} for test, scores in zip(cases["promptfoo"], json.loads(done.stdout), strict=True)
    ]


def registry(installed: Path, cases: dict[str, Any]) -> list[dict[str, Any]]:
    classes = graders(installed / "python/evals")
    return [
        {
            **entry,
            "scores": [
                classes[entry["class"]](answer, entry["ideal"], entry.get("args", {})) for answer in cases["answers"]
            ],
        }
        for entry in cases["registry"]
    ]


def main() -> None:
    installed = Path(sys.argv[1]).absolute()
    cases = json.loads((HERE / "cases.json").read_text(encoding="utf-8"))
    for name, results in (("promptfoo", promptfoo(installed, cases)), ("registry", registry(installed, cases))):
        lines = ",\n".join(json.dumps(result, ensure_ascii=False) for result in results)
        answers = json.dumps(cases["answers"], ensure_ascii=True)
        text = f'{{"answers": {answers},\n"results": [\n{lines}\n]}}\n'
        (GOLDEN / f"{name}.json").write_text(text, encoding="utf-8")
        print(f"{name}: {len(results)} criteria, {len(cases['answers'])} answers")


if __name__ == "__main__":
    main()
