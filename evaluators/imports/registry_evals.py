"""Reads evals of OpenAI's open-source registry: YAML that names a class and a file of samples."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluators.imports.builder import SuiteBuilder
from evaluators.imports.documents import exists, listed, mapping, read_json
from evaluators.imports.imported import ImportedSuite, named

NOT_RUN = {"samples_jsonl", "max_tokens", "few_shot_jsonl", "num_few_shot", "ignore_case"}
"""Arguments that are imported, or listed as criteria."""
PARAMS: Mapping[str, Mapping[str, Any]] = {
    "Match": {"temperature": 0},
    "FuzzyMatch": {"temperature": 0, "max_tokens": 100},
    "JsonMatch": {"temperature": 0, "max_tokens": 512},
}
"""What each class sends; only the last two read the argument ``max_tokens``."""


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
        builder.criterion("rows", entry, "missing", note=samples)
        samples = ()
    for sample in samples:
        prompt = sample.get("input")
        builder.row({"messages" if isinstance(prompt, list) else "input": _messages(prompt)})
    builder.params.update(PARAMS.get(kind, {}))
    if "max_tokens" in builder.params and isinstance(arguments.get("max_tokens"), int):
        builder.params["max_tokens"] = arguments["max_tokens"]
    if arguments.get("num_few_shot"):
        builder.criterion(
            "few-shot examples", arguments, "missing", note="the examples are not put before the question"
        )
    for argument in sorted(arguments.keys() - NOT_RUN):
        builder.criterion(f"argument {argument}", arguments[argument], "missing", note="it has no counterpart")
    _criterion(builder, kind, entry, arguments, samples)
    return builder.build()


def _messages(prompt: Any) -> Any:
    """The prompt; names of speakers in examples are left out, because only OpenAI's own models know them."""
    if not isinstance(prompt, list):
        return prompt
    return [{"role": str(one.get("role")), "content": str(one.get("content"))} for one in map(mapping, prompt)]


def _samples(path: Path, name: Any, files: Sequence[Path]) -> Sequence[Mapping[str, Any]] | str:
    """The rows of the samples' file, or why there are none.

    The file is among the files of the import, beside the YAML, or in the registry's folder `data`.
    """
    if not isinstance(name, str) or not name:
        return "the class finds its samples by itself; no argument names their file"
    beside = (path.parent / name, path.parent.parent / "data" / name, path.parent / Path(name).name)
    chosen = next((other for other in files if other.name == Path(name).name and other != path), None)
    near = next((other for other in beside if exists(other)), None)
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
        case = not arguments.get("ignore_case", False)
        options = {"any_column": "{}", "words": False, "raw": True, "case": case}
        scorer = builder.scorer("includes", "contains", options, reference)
    elif kind == "FuzzyMatch":
        options = {"mode": "squad", "match": "within", "reference": "{}"}
        scorer = builder.scorer("fuzzy_match", "exact", options, reference)
    elif kind == "JsonMatch":
        return _json_match(builder, entry, ideals)
    else:
        judged = kind == "ModelBasedClassify"
        note = "a model grades it, and suites have no judges yet" if judged else f"the class {kind} has no counterpart"
        return builder.criterion(kind, entry, "missing", note=note)
    return builder.criterion(kind, entry, "equal", scorer=scorer)


def _json_match(builder: SuiteBuilder, entry: Mapping[str, Any], ideals: Mapping[int, Sequence[str]]) -> None:
    values: dict[int, Any] = {}
    for at, texts in ideals.items():
        try:
            [values[at]] = [json.loads(text) for text in texts]
        except ValueError:
            continue
    if len(values) < len(ideals):
        note = "a sample has several ideals, or one that is not JSON"
        return builder.criterion("JsonMatch", entry, "missing", note=note)
    columns = {at: {"{}": value} for at, value in values.items()}
    scorer = builder.scorer("json_match", "json_equal", {"reference": "{}"}, columns)
    note = "there, null never matches, and true equals 1"
    return builder.criterion("JsonMatch", entry, "near", scorer=scorer, note=note)
