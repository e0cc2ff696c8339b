"""Writes training rows of a closed review to files, and prints why pairs were left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluators.training_data.example import Example
from fairtrial.domain.errors import UsageError
from fairtrial.domain.wording import counted
from fairtrial_cli.training_data.data_files import beside, refuse_existing, write_files

if TYPE_CHECKING:
    from evaluators.review.training_rows import TrainingRows

HOLDOUT = "holdout.jsonl"


@dataclass(frozen=True, slots=True)
class ExportFiles:
    """``rows``: the file of the rows, ``None`` for standard output. ``left_out``: that of the pairs left out."""

    rows: Path | None
    left_out: Path | None = None
    split_by: str | None = None
    share: float = 0.15

    @property
    def holdout(self) -> Path | None:
        return None if self.rows is None or self.split_by is None else beside(self.rows, HOLDOUT)

    def refuse_wrong(self) -> None:
        """Raise `UsageError` before anything is read."""
        if self.split_by is not None and self.rows is None:
            raise UsageError("--split-by: name the file of the rows with --out; the held-out ones go beside it")
        paths = (self.rows, self.holdout, self.left_out)
        refuse_existing([path for path in paths if path is not None], sources=(), force=True)


def write_rows(files: ExportFiles, found: TrainingRows) -> list[dict[str, Any]]:
    """Write all files or none; returns the name of each and its number of rows. No rows make no file of rows."""
    contents: dict[Path, Sequence[Mapping[str, Any]]] = {}
    if files.rows is not None and found.rows:
        held_out = files.holdout
        parts = [found.rows] if held_out is None else _split(found, files)
        contents |= dict(zip((files.rows, held_out or files.rows), parts, strict=False))
    if files.left_out is not None:
        contents[files.left_out] = [asdict(one) for one in found.left_out]
    write_files({path: lines_of(rows) for path, rows in contents.items()})
    return [{"file": str(path), "rows": len(rows)} for path, rows in contents.items()]


def _split(found: TrainingRows, files: ExportFiles) -> list[list[dict[str, Any]]]:
    """The training rows and the held-out ones, by the split of `fairtrial data split`."""
    from evaluators.training_data.example_file import ExampleFile
    from evaluators.training_data.rewriting.split import Options, split_examples

    column = str(files.split_by)
    if not any(pair[column] for pair in found.pairs):
        raise UsageError(
            f"--split-by {column}: no pair has one, because the suite is not from recorded traffic (use cluster)"
        )
    examples = tuple(
        Example(line, _messages(row), {column: pair[column] or pair["cluster"]})
        for line, (row, pair) in enumerate(zip(found.rows, found.pairs, strict=True), 1)
    )
    source = ExampleFile(Path(str(files.rows)), "", "chat", examples)
    split = split_examples(source, Options(files.share, 0, group=column))
    return [[found.rows[at] for at in part] for part in (split.train, split.holdout)]


def _messages(row: Mapping[str, Any]) -> tuple[Mapping[str, str], ...]:
    if "messages" in row:
        return tuple(row["messages"])
    return (*row["prompt"], *(row["chosen"] if "chosen" in row else row["completion"]))


def lines_of(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """JSON Lines."""
    from evaluators.training_data.example_file import joined_rows, row_text

    return joined_rows(map(row_text, rows))


def print_left_out(found: TrainingRows, *, pairs: int) -> None:
    """Print the reasons with the number of pairs, and what was masked, on standard error."""
    from rich.console import Console
    from rich.text import Text

    from fairtrial_cli.output.terminal import columns, print_table

    console = Console(stderr=True)
    console.print(Text(f"{pairs - len(found.left_out)} of {counted(pairs, 'pair')} are used."), soft_wrap=True)
    cells = [(reason, str(count)) for reason, count in found.reasons.items()]
    print_table(console, columns("left out because", "pairs", numbers=("pairs",)), cells)
    if found.masked:
        kinds = ", ".join(f"{count} × {kind}" for kind, count in sorted(found.masked.items()))
        console.print(Text(f"masked: {kinds}"), soft_wrap=True)
