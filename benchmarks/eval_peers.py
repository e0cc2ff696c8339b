"""CPU seconds of `fairtrial eval` beside promptfoo, for the same 1,000 exact cases on the same instant upstream.

    python benchmarks/eval_peers.py [--pairs 10] [--json]

Each run is a process of its own, with all that it starts, and asks every question anew. promptfoo comes from npm and is
installed once into a folder of its own. The ratio is *ours over theirs*: less is better.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[0] = str(ROOT)  # a file beside this one has the name of a package of ours

from benchmarks.since_work.commands import children_seconds, cost_of_command, exact_cases  # noqa: E402
from benchmarks.wire.paired import Row, merged, table  # noqa: E402
from benchmarks.wire.programs import Program  # noqa: E402
from benchmarks.wire.servers import upstream  # noqa: E402

PROMPTFOO = "promptfoo@0.121.20"
ROOM = Path.home() / ".cache" / "fairtrial-bench" / "promptfoo"
CONCURRENCY = 8
"""That of `fairtrial eval` by default."""
QUIET = {
    "PROMPTFOO_DISABLE_TELEMETRY": "1",
    "PROMPTFOO_DISABLE_UPDATE": "1",
    "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1",
    "CI": "1",
}


def measure(pairs: int, room: Path) -> Iterator[Row]:
    """One row for each pair."""
    program, ours = _installed(room), Program("now", ROOT)
    with tempfile.TemporaryDirectory() as place, upstream() as plain:
        for number in range(pairs):
            folders = [Path(place) / f"{number}-{name}" for name in ("theirs", "ours")]
            for folder in folders:
                folder.mkdir()
            theirs = _cost_of_promptfoo(program, folders[0], plain.port)
            mine = cost_of_command(ours, folders[1], plain.port, ("eval", "suite.yaml", "--on", "base"))
            yield Row("eval of 1,000 exact cases", "CPU s", [(theirs, mine)])


def _cost_of_promptfoo(program: Path, folder: Path, port: int) -> float:
    """CPU seconds of its `eval`, of which every test must pass."""
    tests = [
        {"vars": {"input": case["input"]}, "assert": [{"type": "equals", "value": case["expected"]}]}
        for case in exact_cases()
    ]
    provider = {"id": "openai:chat:base", "config": {"apiBaseUrl": f"http://127.0.0.1:{port}/v1", "apiKey": "none"}}
    config = {"prompts": ["{{input}}"], "providers": [provider], "tests": tests}
    (folder / "promptfooconfig.json").write_text(json.dumps(config))
    command = [str(program), "eval", "-c", "promptfooconfig.json", "-j", str(CONCURRENCY)]
    command += ["--no-cache", "--no-table", "--no-progress-bar"]
    environment = {**os.environ, **QUIET, "HOME": str(folder), "PROMPTFOO_CONFIG_DIR": str(folder / "state")}
    before = children_seconds()
    subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True)
    return children_seconds() - before


def _installed(room: Path) -> Path:
    program = room / "node_modules" / ".bin" / "promptfoo"
    if not program.exists():
        print(f"installing {PROMPTFOO} into {room} (once; some minutes)", file=sys.stderr, flush=True)
        room.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--silent", "--prefix", str(room), PROMPTFOO]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return program


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--room", type=Path, default=ROOM, help="promptfoo's folder, made if it isn't there")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = merged(measure(arguments.pairs, arguments.room))
    print(json.dumps([asdict(row) for row in rows], indent=2) if arguments.json else table(rows, "promptfoo", "ours"))


if __name__ == "__main__":
    main()
