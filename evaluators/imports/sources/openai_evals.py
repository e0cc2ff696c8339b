"""Imports evals of OpenAI's platform (definitions, runs and output items), and maps their graders to scorers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluators.imports.files import is_share, listed, mapping, read_values
from evaluators.imports.imported import ImportedSuite, ImportSource, SuiteBuilder, column_named, named
from evaluators.imports.openai_files import EvalParts, gathered, is_registry, registry_suites
from evaluators.loading.template import MISSING, has_code, looked_up, places, rendered, text_or_json, translated
from fairtrial.domain.answers.chat import wrong_value
from fairtrial.domain.wording import counted

ANSWER = "sample.output_text"
FIELD = "sample.output_json."
UNDOCUMENTED = "OpenAI does not document exactly how this is computed"
STRINGS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "eq": ("exact", {"mode": "raw"}),
    "ne": ("exact", {"mode": "raw", "negate": True}),
    "neq": ("exact", {"mode": "raw", "negate": True}),
    "like": ("contains", {"words": False, "raw": True, "case": True}),
    "ilike": ("contains", {"words": False, "raw": True, "case": False}),
}
"""The operation of a string check → scorer and options."""
JUDGES = ("label_model", "score_model")
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


def add_grader(builder: SuiteBuilder, grader: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> None:
    """Add the scorer of a grader, and list the grader."""
    kind, name = str(grader.get("type")), str(grader.get("name") or grader.get("type"))
    if kind == "string_check":
        _string_check(builder, name, grader, items)
    elif kind == "text_similarity":
        _similarity(builder, name, grader, items)
    elif kind in JUDGES:
        builder.missing(name, grader, "a model grades it, and suites have no judges yet")
    elif kind == "python":
        stub = builder.stub(name, str(grader.get("source", "")))
        builder.missing(name, grader, f"its code is not run; write scorers/{stub}.py", scorer=stub)
    else:
        builder.missing(name, grader, f"graders of the type {kind!r} have no counterpart")


def _string_check(
    builder: SuiteBuilder, name: str, grader: Mapping[str, Any], items: Sequence[Mapping[str, Any]]
) -> None:
    operation = str(grader.get("operation"))
    measured, reference = str(grader.get("input", "")), str(grader.get("reference", ""))
    if operation in ("eq", "ne", "neq") and places(reference) == [ANSWER] and places(measured) != [ANSWER]:
        measured, reference = reference, measured  # equality has no direction
    field = _field(measured)
    if operation not in STRINGS or (field is None and not _is_answer(measured)):
        return builder.missing(name, grader, "it does not compare the answer with a text of the row")
    references = _references(reference, items)
    if references is None or (items and not references):
        return builder.missing(
            name, grader, "its reference has no counterpart" if references is None else "no row has its reference"
        )
    if field is not None:
        return _field_check(builder, name, grader, field, references)
    kind, options = STRINGS[operation]
    column = {"all_column": "{}"} if kind == "contains" else {"reference": "{}"}
    scorer = builder.scorer(name, kind, {**options, **column}, _columns(references))
    if operation == "ilike":
        note = "OpenAI does not document how case is ignored beyond ASCII: here, in lower case"
        return builder.near(name, grader, note, scorer=scorer)
    return builder.criterion(name, grader, "equal", scorer=scorer)


def _field_check(
    builder: SuiteBuilder, name: str, grader: Mapping[str, Any], field: str, references: Mapping[int, str]
) -> None:
    if "." in field or grader.get("operation") != "eq":
        return builder.missing(name, grader, "only one field at the top, compared by eq, is imported")
    columns = {row: {"{}": {field: text}} for row, text in references.items()}
    scorer = builder.scorer(name, "fields", {"of": [field], "reference": "{}"}, columns)
    return builder.near(name, grader, "the field must be a text: 5 does not equal '5'", scorer=scorer)


def _similarity(
    builder: SuiteBuilder, name: str, grader: Mapping[str, Any], items: Sequence[Mapping[str, Any]]
) -> None:
    metric, threshold = str(grader.get("evaluation_metric")), grader.get("pass_threshold")
    references = _references(str(grader.get("reference", "")), items)
    if not _is_answer(str(grader.get("input", ""))) or references is None:
        return builder.missing(name, grader, "it does not compare the answer with a text of the row")
    if items and not references:
        return builder.missing(name, grader, "no row has its reference")
    if threshold is not None and not is_share(threshold):
        return builder.missing(name, grader, f"its pass_threshold {threshold!r:.40} is not from 0 to 1")
    least = {} if threshold is None else {"pass": threshold}
    columns, reference = _columns(references), {"reference": "{}"}
    if metric == "fuzzy_match":
        scorer = builder.scorer(name, "fuzzy", {**least, **reference}, columns)
        return builder.near(name, grader, f"{UNDOCUMENTED}: here, rapidfuzz's ratio", scorer=scorer)
    if metric == "bleu":
        scorer = builder.scorer(name, "bleu", {"sentence": True, **reference}, columns)
        note = f"{UNDOCUMENTED}: here, sacrebleu's, with its threshold left to the gate ({threshold})"
        return builder.near(name, grader, note, scorer=scorer)
    rouge = metric.removeprefix("rouge_")
    if metric != rouge and rouge in ("1", "2", "3", "4", "5", "l"):
        kinds = ["L" if rouge == "l" else int(rouge)]
        scorer = builder.scorer(name, "rouge", {"kinds": kinds, **least, **reference}, columns)
        return builder.near(name, grader, f"{UNDOCUMENTED}: here, rouge-score's F1", scorer=scorer)
    return builder.missing(name, grader, f"the metric {metric!r} has no counterpart")


def _is_answer(template: str) -> bool:
    return places(template) == [ANSWER] and template.strip().startswith("{{") and template.strip().endswith("}}")


def _field(template: str) -> str | None:
    """The path of the answer's JSON field that the template is, or ``None``."""
    [*rest] = places(template)
    return rest[0].removeprefix(FIELD) if len(rest) == 1 and rest[0].startswith(FIELD) else None


def _references(template: str, items: Sequence[Mapping[str, Any]]) -> dict[int, str] | None:
    """Row → its reference, without rows that lack it; ``None`` if the template is not of the row's columns."""
    if has_code(template) or not all(place.startswith("item.") for place in places(template)):
        return None
    values = {at: rendered(template, {"item": item}) for at, item in enumerate(items)}
    return {at: text_or_json(value) for at, value in values.items() if value is not MISSING and value is not None}


def _columns(references: Mapping[int, str]) -> dict[int, dict[str, str]]:
    return {row: {"{}": text} for row, text in references.items()}


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
        builder.missing("rows", source or "data_source", _no_rows(definition, source))
    return builder.build()


def _left_out(builder: SuiteBuilder, parts: EvalParts, run: Mapping[str, Any]) -> None:
    """List what the files have and the suite has not."""
    if len(parts.runs) > 1:
        builder.near("runs", str(run.get("id")), f"the prompt and the rows are those of one of {len(parts.runs)} runs")
    if parts.left_out:
        builder.near("output items", "output_items", f"{counted(parts.left_out, 'output item')} of other runs left out")
    for name in parts.cut:
        builder.missing(
            "rows", name, "it is one page of a longer list (has_more); save the other pages and name them too"
        )


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
    """The run's template, its reference to a column, or the input messages of its output items."""
    messages = mapping(source.get("input_messages"))
    inputs = [listed(mapping(output.get("sample")).get("input")) for output in outputs]
    if messages.get("type") == "item_reference" and items:
        _by_reference(builder, messages, items)
    elif isinstance(messages.get("template"), list):
        _template(builder, messages["template"], items)
    elif items and len(outputs) == len(items) and all(inputs):
        for row, prompt in zip(builder.rows, inputs, strict=True):
            row["messages"] = _chat(prompt)
        complete = all(_is_text(message) for prompt in inputs for message in prompt)
        _list_prompt(builder, "sample.input of the output items", complete=complete)
    else:
        builder.variables_as_prompt("input_messages", "no file has the run's prompt")


def _by_reference(builder: SuiteBuilder, messages: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> None:
    """The prompt of each row is a column of it: messages, or a text."""
    path = str(messages.get("item_reference", "")).removeprefix("item.")
    values = [looked_up(path, item) for item in items]
    if any(value is MISSING or not value for value in values):
        builder.variables_as_prompt(messages, "a row does not have the column that the run names")
        return
    complete = True
    for row, value in zip(builder.rows, values, strict=True):
        row["messages" if isinstance(value, list) else "input"] = _chat(value) if isinstance(value, list) else value
        complete = complete and all(map(_is_text, listed(value)))
    _list_prompt(builder, messages, complete=complete)


def _list_prompt(builder: SuiteBuilder, original: Any, *, complete: bool) -> None:
    note = "" if complete else "a part that is not text, such as an image, is left out"
    builder.criterion("prompt", original, "equal" if complete else "missing", note=note)


def _template(builder: SuiteBuilder, template: Sequence[Any], items: Sequence[Mapping[str, Any]]) -> None:
    for message in map(mapping, template):
        text, role = _text(message), str(message.get("role"))
        used = places(text)
        known = role in ROLES and _is_text(message) and not has_code(text)
        if not known or not all(place.startswith("item.") for place in used):
            note = "a role, a placeholder, or a part that is not text has no counterpart; it is left out"
            builder.missing("prompt", message, note)
            continue
        for path in (place.removeprefix("item.") for place in used):
            for row, item in zip(builder.rows, items, strict=True):
                value = looked_up(path, item)
                row[column_named(path)] = "" if value is MISSING or value is None else value
        builder.messages.append({"role": role, "content": translated(text, lambda place: column_named(place[5:]))})
        builder.criterion("prompt", message, "equal")
    if not builder.messages:
        builder.variables_as_prompt(template, "no message of the run's prompt has a counterpart")


def _chat(messages: Sequence[Any]) -> list[dict[str, str]]:
    return [
        {"role": str(message.get("role") or "user"), "content": _text(message)}
        for message in map(_as_message, messages)
    ]


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
            builder.missing(f"sampling parameter {name}", value, "it is not sent; add it to 'params'")


sources = (
    ImportSource("openai-evals", "evals of OpenAI's platform (JSON), or of its open-source registry (YAML)", read),
)
