"""Imports evals of OpenAI's platform: definitions, runs and output items, as JSON of the API or of the dashboard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evaluators.imports.builder import SuiteBuilder
from evaluators.imports.documents import listed, mapping, read_values
from evaluators.imports.imported import ImportedSuite, ImportRefused, column_named, named
from evaluators.imports.openai_graders import add_grader
from evaluators.imports.placeholders import MISSING, has_code, looked_up, places, translated
from evaluators.imports.registry_evals import is_registry, registry_suites
from evaluators.imports.source import Source

ROLES = ("system", "developer", "user", "assistant")
PARAMS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "seed": "seed",
    "max_completion_tokens": "max_completion_tokens",
    "max_completions_tokens": "max_completion_tokens",
    "max_tokens": "max_completion_tokens",
}
"""Sampling parameters of a run, and their names in a request."""


@dataclass(slots=True)
class _Parts:
    """What the files have of one eval."""

    definition: Mapping[str, Any]
    runs: list[Mapping[str, Any]] = field(default_factory=list)
    outputs: list[Mapping[str, Any]] = field(default_factory=list)
    items: list[Mapping[str, Any]] = field(default_factory=list)


def read(files: Sequence[Path], columns: Mapping[str, str]) -> list[ImportedSuite]:
    del columns  # an eval's own templates name its columns
    values = [(path, value) for path in files for value in read_values(path)]
    registry = [(path, value) for path, value in values if is_registry(value)]
    if registry:
        return registry_suites(registry, files)
    return [_suite(parts) for parts in _gathered(values)]


def _gathered(values: Sequence[tuple[Path, Any]]) -> list[_Parts]:
    evals: dict[str, _Parts] = {}
    rest: list[tuple[Path, Mapping[str, Any]]] = []
    for path, record in ((path, record) for path, value in values for record in _records(value)):
        if "testing_criteria" in record and "data_source_config" in record:
            evals[str(record.get("id") or record.get("name") or path.stem)] = _Parts(record)
        else:
            rest.append((path, record))
    if not evals:
        raise ImportRefused(
            f"{values[0][0] if values else 'no file'}: it has no eval (an object with data_source_config and "
            "testing_criteria, as GET /v1/evals/ID gives it)"
        )
    for path, record in rest:
        parts = evals.get(str(record.get("eval_id"))) or (next(iter(evals.values())) if len(evals) == 1 else None)
        if parts is None:
            raise ImportRefused(f"{path}: which of the {len(evals)} evals it belongs to is unknown (no eval_id)")
        if isinstance(record.get("data_source"), Mapping):
            parts.runs.append(record)
        elif "datasource_item" in record:
            parts.outputs.append(record)
        elif isinstance(record.get("item"), Mapping):
            parts.items.append(record["item"])
        else:
            raise ImportRefused(f"{path}: it is neither an eval, a run, an output item nor a row {{item: …}}")
    return list(evals.values())


def _records(value: Any) -> Iterator[Mapping[str, Any]]:
    """The objects of a file; a page of the API and a list count as their members."""
    if isinstance(value, list):
        for item in value:
            yield from _records(item)
    elif isinstance(value, Mapping) and value.get("object") == "list" and isinstance(value.get("data"), list):
        yield from _records(value["data"])
    elif isinstance(value, Mapping):
        yield value
    else:
        raise ImportRefused(f"a file has {value!r:.40} where an object is expected")


def _suite(parts: _Parts) -> ImportedSuite:
    definition = parts.definition
    title = str(definition.get("name") or definition.get("id") or "eval")
    builder = SuiteBuilder(named(title, otherwise="eval"), f"{title}, imported from OpenAI's evals")
    source = next((mapping(run["data_source"]) for run in parts.runs), {})
    items = _items(parts)
    for item in items:
        builder.row({column_named(name): value for name, value in item.items()})
    _prompt(builder, source, items, parts.outputs)
    _sampling(builder, mapping(source.get("sampling_params")))
    for criterion in listed(definition.get("testing_criteria")):
        add_grader(builder, mapping(criterion), items)
    if not items:
        builder.criterion("rows", "data_source", "missing", note=_no_rows(definition))
    return builder.build()


def _no_rows(definition: Mapping[str, Any]) -> str:
    schema = mapping(mapping(definition.get("data_source_config")).get("schema"))
    item = mapping(mapping(schema.get("properties")).get("item"))
    names = ", ".join(map(str, mapping(item.get("properties")))) or "unknown"
    return (
        f"an eval has no rows; its columns: {names}. Import it together with its run, its output items, or a JSON "
        "Lines file of {item: …}"
    )


def _items(parts: _Parts) -> list[Mapping[str, Any]]:
    """The rows: of the run's own content, else of the files of items, else of the output items."""
    for run in parts.runs:
        source = mapping(mapping(run["data_source"]).get("source"))
        content = [mapping(mapping(row).get("item")) for row in listed(source.get("content"))]
        if content:
            return content
    return parts.items or [mapping(output["datasource_item"]) for output in parts.outputs]


def _prompt(
    builder: SuiteBuilder,
    source: Mapping[str, Any],
    items: Sequence[Mapping[str, Any]],
    outputs: Sequence[Mapping[str, Any]],
) -> None:
    """The run's template, its reference to a column, or the messages that its output items were asked with."""
    messages = mapping(source.get("input_messages"))
    if messages.get("type") == "item_reference" and items:
        path = str(messages.get("item_reference", "")).removeprefix("item.")
        for row, item in zip(builder.rows, items, strict=True):
            found = looked_up(path, item)
            row["messages" if isinstance(found, list) else "input"] = found
        builder.criterion("prompt", messages, "equal")
    elif isinstance(messages.get("template"), list):
        _template(builder, messages["template"], items)
    elif outputs and len(outputs) == len(items):
        for row, output in zip(builder.rows, outputs, strict=True):
            asked = listed(mapping(output.get("sample")).get("input"))
            row["messages"] = [{"role": str(one.get("role")), "content": _text(one)} for one in map(mapping, asked)]
        builder.criterion("prompt", "sample.input of the output items", "equal")
    else:
        note = "no file has the run's prompt; write it as 'prompt' or 'messages' of the suite"
        builder.criterion("prompt", "input_messages", "missing", note=note)


def _template(builder: SuiteBuilder, template: Sequence[Any], items: Sequence[Mapping[str, Any]]) -> None:
    for message in map(mapping, template):
        text, role = _text(message), str(message.get("role"))
        used = places(text)
        if role not in ROLES or has_code(text) or not all(place.startswith("item.") for place in used):
            builder.criterion("prompt", message, "missing", note="a role, a part or a placeholder has no counterpart")
            continue
        for path in (place.removeprefix("item.") for place in used):
            for row, item in zip(builder.rows, items, strict=True):
                found = looked_up(path, item)
                row[column_named(path)] = "" if found is MISSING else found
        builder.messages.append({"role": role, "content": translated(text, lambda place: column_named(place[5:]))})
        builder.criterion("prompt", message, "equal")


def _text(message: Mapping[str, Any]) -> str:
    """The text of a message: its content, or the texts of its parts."""
    content = message.get("content")
    parts = [mapping(part).get("text", part) for part in listed(content)]
    return "".join(part for part in parts if isinstance(part, str))


def _sampling(builder: SuiteBuilder, params: Mapping[str, Any]) -> None:
    for name, value in params.items():
        if name in PARAMS and value is not None:
            builder.params[PARAMS[name]] = value
        elif value is not None:
            builder.criterion(f"sampling parameter {name}", value, "missing", note="it is not sent; add it to 'params'")


sources = (Source("openai-evals", "evals of OpenAI's platform (JSON), or of its open-source registry (YAML)", read),)
