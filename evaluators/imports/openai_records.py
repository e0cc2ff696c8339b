"""Sorts saved JSON of OpenAI's evals: definitions, runs, output items and rows, each with its eval."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evaluators.imports.documents import listed, mapping
from evaluators.imports.imported import ImportRefused

WRAPPERS = ("body", "output_items", "items", "run", "data")
"""Keys of objects that hold records, in saved answers and in files that tools export."""


@dataclass(slots=True)
class EvalParts:
    """What the files have of one eval. ``cut``: files whose list is one page of a longer one."""

    definition: Mapping[str, Any]
    runs: list[Mapping[str, Any]] = field(default_factory=list)
    outputs: list[Mapping[str, Any]] = field(default_factory=list)
    items: list[Mapping[str, Any]] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    left_out: int = 0
    """Output items of other runs than the imported one."""

    def choose_run(self) -> None:
        """Keep the output items of one run, that of the first run record if there is one, in the order of its rows."""
        run_ids = [str(run.get("id")) for run in self.runs] + [str(output.get("run_id")) for output in self.outputs]
        present = {str(output.get("run_id")) for output in self.outputs}
        chosen = next((run_id for run_id in run_ids if run_id in present), None)
        outputs = [output for output in self.outputs if str(output.get("run_id")) == chosen]
        self.left_out, self.outputs = len(self.outputs) - len(outputs), outputs
        if all(isinstance(output.get("datasource_item_id"), int) for output in outputs):
            self.outputs.sort(key=lambda output: int(output["datasource_item_id"]))

    def rows(self) -> list[Mapping[str, Any]]:
        """The rows: of a run's own content, else of the files of items, else of the output items."""
        for run in self.runs:
            source = mapping(mapping(run.get("data_source")).get("source"))
            content = [mapping(mapping(row).get("item")) for row in listed(source.get("content"))]
            if content:
                return content
        return self.items or [_row(mapping(output["datasource_item"])) for output in self.outputs]


def gathered(values: Sequence[tuple[Path, Any]], files: Sequence[Path]) -> list[EvalParts]:
    """Every eval of the files with its runs, output items and rows; raises `ImportRefused`."""
    evals: dict[str, EvalParts] = {}
    rest: list[tuple[Path, Mapping[str, Any]]] = []
    cut: list[str] = []
    for path, value in values:
        for record in _records(path, value, cut):
            if "testing_criteria" in record and "data_source_config" in record:
                evals[str(record.get("id") or record.get("name") or path.stem)] = EvalParts(record)
            else:
                rest.append((path, record))
    if not evals:
        raise ImportRefused(
            f"{', '.join(map(str, files))}: no file has an eval (an object with data_source_config and "
            "testing_criteria, as GET /v1/evals/ID gives it); name its file too"
        )
    for path, record in rest:
        _add(_owner(evals, path, record), path, record)
    for parts in evals.values():
        parts.cut = cut
        parts.choose_run()
    return list(evals.values())


def _owner(evals: Mapping[str, EvalParts], path: Path, record: Mapping[str, Any]) -> EvalParts:
    eval_id, only = record.get("eval_id"), next(iter(evals.values()))
    if str(eval_id) in evals:
        return evals[str(eval_id)]
    if len(evals) > 1:
        raise ImportRefused(f"{path}: which of the {len(evals)} evals it belongs to is unknown (no eval_id of them)")
    if eval_id is not None and "id" in only.definition:
        raise ImportRefused(f"{path}: it belongs to the eval {eval_id!s:.80}, and no file has that eval")
    return only


def _add(parts: EvalParts, path: Path, record: Mapping[str, Any]) -> None:
    if isinstance(record.get("data_source"), Mapping) or record.get("object") == "eval.run":
        parts.runs.append(record)
    elif "datasource_item" in record:
        parts.outputs.append(record)
    elif isinstance(record.get("item"), Mapping):
        parts.items.append(record["item"])
    else:
        raise ImportRefused(f"{path}: it has an object that is neither an eval, a run, an output item nor a row")


def _records(path: Path, value: Any, cut: list[str]) -> Iterator[Mapping[str, Any]]:
    """The objects of a file; pages of the API, lists and wrappers count as their members."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += reversed(part)
        elif not isinstance(part, Mapping):
            raise ImportRefused(f"{path}: it has {part!r:.40} where an object is expected")
        else:
            if part.get("has_more") is True and path.name not in cut:
                cut.append(path.name)
            inner = [part[name] for name in WRAPPERS if isinstance(part.get(name), Mapping | list)]
            is_record = bool({"testing_criteria", "data_source", "datasource_item", "item"} & part.keys())
            waiting += reversed(inner if not is_record else [part[name] for name in ("output_items",) if name in part])
            if is_record or not inner:
                yield part


def _row(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """The columns of a row, without what a server adds of the answer."""
    inner = item.get("item")
    item = inner if isinstance(inner, Mapping) else item
    return {name: value for name, value in item.items() if name != "sample" and not str(name).startswith("sample.")}
