"""Marks a function of a project as a scorer, which a suite names as ``- own: scorers/polite.py``.

    from fairtrial.scoring import scorer

    @scorer
    def polite(answer: str, expected: str) -> bool:
        return "please" in answer.lower()

The function takes ``answer``, and may take ``expected`` (as the row has it) and ``row`` (all columns). It returns a
`bool`, or a `float` from 0 to ``scale``; ``None`` means that the case can't be scored. It runs in a separate process.
"""

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def scorer(function: F | None = None, *, scale: float = 1.0, higher_is_better: bool = True) -> Any:  # noqa: ARG001 - read
    """Mark the one scorer of a file. The options are read from the file's text, so they must be literal values."""

    def mark(marked: F) -> F:
        marked.__dict__["fairtrial_scorer"] = True
        return marked

    return mark if function is None else mark(function)
