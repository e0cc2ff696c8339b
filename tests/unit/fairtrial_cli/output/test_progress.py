"""Long work says how far it is: in lines where there is no terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from evaluators.engine.engine import Progress
from fairtrial_cli.output import progress


def test_without_a_terminal_progress_comes_as_lines_with_time_between_them(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 4.0, 10.0, 11.0, 25.0])
    monkeypatch.setattr(progress, "monotonic", lambda: next(clock))
    out = io.StringIO()
    with progress.run_progress(Console(file=out, width=20)) as step:
        for done in (1, 20, 21, 1000):
            step(Progress("support", "base", done, 2000, 0, done // 20))
    assert out.getvalue().splitlines() == [
        "support on base: 20 of 2,000, 1 error",
        "support on base: 1,000 of 2,000, 50 errors",
    ]
