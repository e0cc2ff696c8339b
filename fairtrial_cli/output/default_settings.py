"""Lists the settings that a project and its official gates leave out, with their defaults and meanings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from shutil import get_terminal_size
from typing import Any

from evaluators.gate.file import GateModel
from fairtrial.config.file.schema import ProjectFile
from fairtrial.config.file.setting_docs import DefaultSetting, defaults_of
from fairtrial.config.file.yaml_file import load_one
from fairtrial.config.project import Project
from fairtrial_cli.output.terminal import columns, table_lines

COLUMNS = columns("setting", "default", "meaning", prose=("meaning",))


def describe_defaults(project: Project) -> tuple[dict[str, Any], str]:
    """The settings by file, as JSON and as text in the width of the terminal."""
    models = {project.path: ProjectFile, **dict.fromkeys(project.release_gates.files(), GateModel)}
    files = {
        str(path.relative_to(project.root)): list(defaults_of(model, {"": load_one(path).value}))
        for path, model in models.items()
    }
    return {name: [asdict(row) for row in rows] for name, rows in files.items()}, "".join(_lines(files))


def _lines(files: Mapping[str, Sequence[DefaultSetting]]) -> Iterator[str]:
    """A table for each section of each file."""
    for name, settings in files.items():
        yield f"\n\nWhat {name} leaves out:"
        for _, group in groupby(settings, lambda row: row.setting.rpartition(".")[0].partition(".")[0]):
            rows = [(row.setting, row.default or "-", _meaning(row)) for row in group]
            yield "".join(f"\n{line.plain}" for line in table_lines(COLUMNS, rows, get_terminal_size().columns)) + "\n"


def _meaning(row: DefaultSetting) -> str:
    return f"{row.meaning} Left out by {', '.join(row.entries)}." if row.entries else row.meaning
