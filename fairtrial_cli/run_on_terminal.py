"""Runs suites through the project's gateway with a progress bar, for `eval` and `gate --run`."""

import sys
from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console

from evaluators.suite import Suite
from fairtrial.config.project import Project
from fairtrial.domain.errors import INTERRUPTED
from fairtrial.domain.run import Run
from fairtrial_cli.output.terminal import run_progress
from fairtrial_cli.processes.private_gateway import project_gateway
from fairtrial_cli.run_suites import RunOptions, run_suites


def run_on_terminal(
    project: Project, suites: Sequence[Suite], names: Sequence[str], options: RunOptions
) -> list[tuple[Suite, Run]]:
    """The finished runs, ordered by suite, then by target. Ctrl-C prints how many are saved, and exits."""
    stderr, finished = Console(stderr=True), list[tuple[Suite, Run]]()
    saving = replace(options, on_run=lambda suite, run: finished.append((suite, run)))
    try:
        with (
            project_gateway(project, say=lambda text: stderr.print(text)) as base_url,
            run_progress(stderr) as on_progress,
        ):
            with_progress = replace(saving, on_progress=on_progress)
            run_suites(project, suites, names, base_url=base_url, options=with_progress)
    except KeyboardInterrupt:
        saved = f"{len(finished)} of {len(suites) * len(names)} runs are finished and saved"
        again = "Other answers are cached. Run the same command to continue."
        stderr.print(f"Interrupted: {saved}. {again}", soft_wrap=True)
        sys.exit(INTERRUPTED)
    return finished
