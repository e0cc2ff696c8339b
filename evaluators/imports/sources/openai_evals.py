"""Imports evals of OpenAI's platform: definitions, runs and output items, as JSON of the API or of the dashboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluators.imports.builder import SuiteBuilder
from evaluators.imports.documents import listed, mapping, read_values
from evaluators.imports.imported import ImportedSuite, column_named, named
from evaluators.imports.openai_graders import add_grader
from evaluators.imports.openai_records import EvalParts, gathered
from evaluators.imports.placeholders import MISSING, has_code, looked_up, places, translated
from evaluators.imports.registry_evals import is_registry, registry_suites
from evaluators.imports.source import Source
from fairtrial.domain.answers.chat import wrong_value
from fairtrial.domain.wording import counted

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


def read(files: Sequence[Path], columns: Mapping[str, str]) -> list[ImportedSuite]:
    del columns  # an eval's own templates name its columns
    values = [(path, value) for path in files for value in read_values(path)]
    registry = [(path, value) for path, value in values if is_registry(value)]
    if registry:
        return registry_suites(registry, files)
    suites: list[ImportedSuite] = []
    for parts in gathered(values, files):
        suites.append(_suite(parts, [suite.name for suite in suites]))
    return suites


def _suite(parts: EvalParts, used: Sequence[str]) -> ImportedSuite:
    definition = parts.definition
    title = str(definition.get("name") or definition.get("id") or "eval")
    name = named(title, otherwise="eval")
    if name in used:
        name = named(f"{title}_{definition.get('id') or len(used) + 1}", otherwise="eval")
    builder = SuiteBuilder(name, f"{title}, imported from OpenAI's evals")
    run = next((run for run in parts.runs if mapping(run.get("data_source"))), {})
    source = mapping(run.get("data_source"))
    items = parts.rows()
    for item in items:
        builder.row({column_named(str(name)): value for name, value in item.items()})
    _prompt(builder, source, items, parts.outputs)
    _sampling(builder, mapping(source.get("sampling_params")))
    for criterion in listed(definition.get("testing_criteria")):
        add_grader(builder, mapping(criterion), items)
    _left_out(builder, parts, run)
    if not items:
        builder.criterion("rows", source or "data_source", "missing", note=_no_rows(definition, source))
    return builder.build()


def _left_out(builder: SuiteBuilder, parts: EvalParts, run: Mapping[str, Any]) -> None:
    """List what the files have and the suite has not."""
    if len(parts.runs) > 1:
        note = f"the prompt and the rows are those of one of {len(parts.runs)} runs"
        builder.criterion("runs", str(run.get("id")), "near", note=note)
    if parts.left_out:
        note = f"{counted(parts.left_out, 'output item')} of other runs left out"
        builder.criterion("output items", "output_items", "near", note=note)
    for name in parts.cut:
        note = "it is one page of a longer list (has_more); save the other pages and name them too"
        builder.criterion("rows", name, "missing", note=note)


def _no_rows(definition: Mapping[str, Any], source: Mapping[str, Any]) -> str:
    file_id = mapping(source.get("source")).get("id")
    if file_id:
        return f"they are in the file {file_id} at OpenAI; save it (GET /v1/files/{file_id}/content) and name it too"
    config = mapping(definition.get("data_source_config"))
    schema = mapping(config.get("schema"))
    item = mapping(mapping(schema.get("properties")).get("item")) or mapping(config.get("item_schema")) or schema
    names = ", ".join(map(str, mapping(item.get("properties")))) or "unknown"
    return (
        f"an eval has no rows; its columns: {names}. Import it together with its run, its output items, or a JSON "
        "Lines file of {item: …}"
    )


def _prompt(
    builder: SuiteBuilder,
    source: Mapping[str, Any],
    items: Sequence[Mapping[str, Any]],
    outputs: Sequence[Mapping[str, Any]],
) -> None:
    """The run's template, its reference to a column, or the messages that its output items were asked with."""
    messages = mapping(source.get("input_messages"))
    asked = [listed(mapping(output.get("sample")).get("input")) for output in outputs]
    if messages.get("type") == "item_reference" and items:
        _by_reference(builder, messages, items)
    elif isinstance(messages.get("template"), list):
        _template(builder, messages["template"], items)
    elif items and len(outputs) == len(items) and all(asked):
        for row, prompt in zip(builder.rows, asked, strict=True):
            row["messages"] = _chat(prompt)
        complete = all(_is_text(message) for prompt in asked for message in prompt)
        note = "" if complete else "a part that is not text, such as an image, is left out"
        builder.criterion("prompt", "sample.input of the output items", "equal" if complete else "missing", note=note)
    else:
        builder.variables_as_prompt("input_messages", "no file has the run's prompt")


def _by_reference(builder: SuiteBuilder, messages: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> None:
    """The prompt of each row is a column of it: messages, or a text."""
    path = str(messages.get("item_reference", "")).removeprefix("item.")
    found = [looked_up(path, item) for item in items]
    if any(value is MISSING or not value for value in found):
        builder.variables_as_prompt(messages, "a row does not have the column that the run names")
        return
    complete = True
    for row, value in zip(builder.rows, found, strict=True):
        row["messages" if isinstance(value, list) else "input"] = _chat(value) if isinstance(value, list) else value
        complete = complete and all(map(_is_text, listed(value)))
    note = "" if complete else "a part that is not text, such as an image, is left out"
    builder.criterion("prompt", messages, "equal" if complete else "missing", note=note)


def _template(builder: SuiteBuilder, template: Sequence[Any], items: Sequence[Mapping[str, Any]]) -> None:
    for message in map(mapping, template):
        text, role = _text(message), str(message.get("role"))
        used = places(text)
        known = role in ROLES and _is_text(message) and not has_code(text)
        if not known or not all(place.startswith("item.") for place in used):
            note = "a role, a placeholder, or a part that is not text has no counterpart; it is left out"
            builder.criterion("prompt", message, "missing", note=note)
            continue
        for path in (place.removeprefix("item.") for place in used):
            for row, item in zip(builder.rows, items, strict=True):
                found = looked_up(path, item)
                row[column_named(path)] = "" if found is MISSING or found is None else found
        builder.messages.append({"role": role, "content": translated(text, lambda place: column_named(place[5:]))})
        builder.criterion("prompt", message, "equal")
    if not builder.messages:
        builder.variables_as_prompt(template, "no message of the run's prompt has a counterpart")


def _chat(messages: Sequence[Any]) -> list[dict[str, str]]:
    return [{"role": str(one.get("role") or "user"), "content": _text(one)} for one in map(_as_message, messages)]


def _as_message(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {"content": value}


def _text(message: Mapping[str, Any]) -> str:
    """The text of a message: its content, or the texts of its parts."""
    parts = [mapping(part).get("text", part) for part in listed(message.get("content"))]
    return "".join(part for part in parts if isinstance(part, str))


def _is_text(message: Any) -> bool:
    """Whether a message has nothing but text."""
    parts = listed(_as_message(message).get("content"))
    return all(isinstance(part, str) or isinstance(mapping(part).get("text"), str) for part in parts)


def _sampling(builder: SuiteBuilder, params: Mapping[str, Any]) -> None:
    for name, value in params.items():
        if name in PARAMS and value is not None and wrong_value(PARAMS[name], value) is None:
            builder.params[PARAMS[name]] = value
        elif value is not None:
            builder.criterion(f"sampling parameter {name}", value, "missing", note="it is not sent; add it to 'params'")


sources = (Source("openai-evals", "evals of OpenAI's platform (JSON), or of its open-source registry (YAML)", read),)
