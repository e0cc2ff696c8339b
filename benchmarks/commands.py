"""CPU seconds of ten commands beside the newest release with a fixture, with control running and without, in pairs.

    python benchmarks/commands.py [--rounds 5]

Each program has its own copy of the release's project, which the present program migrates once.
"""

from __future__ import annotations

import argparse
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.request import urlopen

ROOT = Path(__file__).parents[1]
sys.path[0] = str(ROOT)  # a file beside this one has the name of a package of ours

from benchmarks.wire.paired import Row, merged, table  # noqa: E402
from benchmarks.wire.programs import Program, of_release  # noqa: E402
from benchmarks.wire.servers import ended  # noqa: E402
from tests.fixtures.releases.unpacked import releases, unpack  # noqa: E402

COMMANDS = (
    "verdict list", "experiment list", "experiment status tuned-vs-base", "runs list", "keys list", "accounts list",
    "review status", "store info", "data audits", "config log",
)  # fmt: skip
CONTROL = re.compile(r'control: \{bind: "([\d.:]+)')


def measure(programs: tuple[Program, Program], folder: Path, version: str, rounds: int) -> Iterator[Row]:
    """One row for each round and command, first without control and then with it."""
    configs = [unpack(folder / str(number), version) for number in range(len(programs))]
    for place in ("alone", "with control"):
        with ExitStack() as stack:
            for program, config in zip(programs, configs, strict=True):
                if place != "alone":
                    starting = [*program.command, "control", "-c", str(config)]
                    server = subprocess.Popen(starting, env=program.environment, stderr=subprocess.DEVNULL)
                    stack.enter_context(ended(server))
                    _await_ready(server, config)
                _seconds(program, config, COMMANDS[0])  # migrates the store, compiles modules
            for _ in range(rounds):
                for command in COMMANDS:
                    before, now = (
                        _seconds(program, config, command) for program, config in zip(programs, configs, strict=True)
                    )
                    yield Row(f"{command}, {place}", "CPU s", [(before, now)])


def _await_ready(server: subprocess.Popen[bytes], config: Path) -> None:
    found = CONTROL.search(config.read_text())
    assert found, "the project binds control to an address"
    while server.poll() is None:
        with suppress(OSError), urlopen(f"http://{found[1]}/readyz"):
            return
        time.sleep(0.1)
    raise RuntimeError(f"control ended with exit code {server.returncode}")


def _seconds(program: Program, config: Path, command: str) -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [*program.command, *command.split(), "-c", config],
        env=program.environment, stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="pairs of each command")
    arguments = parser.parse_args()
    version = releases()[-1]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        programs = (of_release(version, folder / "program"), Program("now", ROOT))
        print(table(merged(measure(programs, folder, version, arguments.rounds))))


if __name__ == "__main__":
    main()
