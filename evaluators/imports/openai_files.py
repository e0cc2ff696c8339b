"""Reads files of OpenAI evals: saved JSON of the platform, and YAML of the open-source registry."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evaluators.imports.files import exists, listed, mapping, read_json
from evaluators.imports.imported import ImportedSuite, ImportRefused, SuiteBuilder, named

WRAPPERS = ("body", "output_items", "items", "run", "data")
"""Keys of objects that hold records, in saved answers and in files that tools export."""

NOT_RUN = {"samples_jsonl", "max_tokens", "few_shot_jsonl", "num_few_shot", "ignore_case"}
"""Arguments that are imported, or listed as criteria."""
PARAMS: Mapping[str, Mapping[str, Any]] = {
    "Match": {"temperature": 0},
    "FuzzyMatch": {"temperature": 0, "max_tokens": 100},
    "JsonMatch": {"temperature": 0, "max_tokens": 512},
}
"""What each class sends; only the last two read the argument ``max_tokens``."""


@dataclass(slots=True)
class EvalParts:
    """The parts of one eval in the files. ``cut``: files whose list is one page of a longer one."""

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


def is_registry(value: Any) -> bool:
    """Whether a file's value names evals by class, as `evals/registry/evals/NAME.yaml` does."""
    return isinstance(value, Mapping) and any("class" in mapping(entry) for entry in value.values())


def registry_suites(values: Sequence[tuple[Path, Any]], files: Sequence[Path]) -> list[ImportedSuite]:
    """A suite for each entry with a class; ``files`` may hold its samples."""
    return [
        _suite(path, str(name), entry, files)
        for path, value in values
        for name, entry in value.items()
        if "class" in mapping(entry)
    ]


def _suite(path: Path, name: str, entry: Mapping[str, Any], files: Sequence[Path]) -> ImportedSuite:
    builder = SuiteBuilder(named(name, otherwise="eval"), f"{name}, imported from OpenAI's registry of evals")
    arguments = mapping(entry.get("args"))
    kind = str(entry["class"]).rpartition(":")[2]
    samples = _samples(path, arguments.get("samples_jsonl"), files)
    if isinstance(samples, str):
        builder.missing("rows", entry, samples)
        samples = ()
    for sample in samples:
        prompt = sample.get("input")
        builder.row({"messages" if isinstance(prompt, list) else "input": _messages(prompt)})
    builder.params.update(PARAMS.get(kind, {}))
    if "max_tokens" in builder.params and isinstance(arguments.get("max_tokens"), int):
        builder.params["max_tokens"] = arguments["max_tokens"]
    if arguments.get("num_few_shot"):
        builder.missing("few-shot examples", arguments, "the examples are not put before the question")
    for argument in sorted(arguments.keys() - NOT_RUN):
        builder.missing(f"argument {argument}", arguments[argument], "it has no counterpart")
    _criterion(builder, kind, entry, arguments, samples)
    return builder.build()


def _messages(prompt: Any) -> Any:
    """The prompt; names of speakers in examples are left out, because only OpenAI's own models know them."""
    if not isinstance(prompt, list):
        return prompt
    return [
        {"role": str(message.get("role")), "content": str(message.get("content"))} for message in map(mapping, prompt)
    ]


def _samples(path: Path, name: Any, files: Sequence[Path]) -> Sequence[Mapping[str, Any]] | str:
    """The rows of the samples' file, or why there are none.

    The file is among the files of the import, beside the YAML, or in the registry's folder `data`.
    """
    if not isinstance(name, str) or not name:
        return "the class finds its samples by itself; no argument names their file"
    beside = (path.parent / name, path.parent.parent / "data" / name, path.parent / Path(name).name)
    chosen = next((file for file in files if file.name == Path(name).name and file != path), None)
    near = next((file for file in beside if exists(file)), None)
    if chosen is None and near is None:
        return f"the samples {name} are not beside it; name their file too"
    rows = read_json(chosen) if chosen else read_json(near or path, folder=path.absolute().parent.parent)
    strange = next((at for at, row in enumerate(rows, 1) if not isinstance(row, Mapping) or "input" not in row), None)
    return rows if strange is None else f"row {strange} of {name} has no 'input', so that the class makes the prompt"


def _criterion(
    builder: SuiteBuilder,
    kind: str,
    entry: Mapping[str, Any],
    arguments: Mapping[str, Any],
    samples: Sequence[Mapping[str, Any]],
) -> None:
    ideals = {at: [str(ideal) for ideal in listed(sample.get("ideal"))] for at, sample in enumerate(samples)}
    ideals = {at: texts for at, texts in ideals.items() if texts}
    reference = {at: {"{}": texts} for at, texts in ideals.items()}
    if kind == "Match":
        scorer = builder.scorer("match", "exact", {"mode": "raw", "match": "prefix", "reference": "{}"}, reference)
    elif kind == "Includes":
        options = {"any_column": "{}", "words": False, "raw": True, "case": not arguments.get("ignore_case", False)}
        scorer = builder.scorer("includes", "contains", options, reference)
    elif kind == "FuzzyMatch":
        options = {"mode": "squad", "match": "within", "reference": "{}"}
        scorer = builder.scorer("fuzzy_match", "exact", options, reference)
    elif kind == "JsonMatch":
        return _json_match(builder, entry, ideals)
    else:
        judged = kind == "ModelBasedClassify"
        note = "a model grades it, and suites have no judges yet" if judged else f"the class {kind} has no counterpart"
        return builder.missing(kind, entry, note)
    return builder.criterion(kind, entry, "equal", scorer=scorer)


def _json_match(builder: SuiteBuilder, entry: Mapping[str, Any], ideals: Mapping[int, Sequence[str]]) -> None:
    values: dict[int, Any] = {}
    for at, texts in ideals.items():
        try:
            [values[at]] = [json.loads(text) for text in texts]
        except ValueError:
            continue
    if len(values) < len(ideals):
        return builder.missing("JsonMatch", entry, "a sample has several ideals, or one that is not JSON")
    columns = {at: {"{}": value} for at, value in values.items()}
    scorer = builder.scorer("json_match", "json_equal", {"reference": "{}"}, columns)
    return builder.near("JsonMatch", entry, "there, null never matches, and true equals 1", scorer=scorer)
