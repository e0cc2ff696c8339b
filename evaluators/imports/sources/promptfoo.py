"""Imports configurations of promptfoo: prompts, variables, tests and assertions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from evaluators.imports.builder import SuiteBuilder
from evaluators.imports.documents import listed, mapping, read_table, read_text, read_values
from evaluators.imports.imported import ImportedSuite, ImportRefused, column_named, named
from evaluators.imports.placeholders import has_code, places, translated
from evaluators.imports.promptfoo_assertions import add_assertions, as_assertion
from evaluators.imports.source import Source
from evaluators.loading.rows import MOST_ROWS
from fairtrial.regular_files import MIB

ROLES = ("system", "developer", "user", "assistant")
FILE = "file://"
TABLES = (".csv", ".jsonl", ".json", ".parquet")
PARAMS = ("temperature", "max_tokens", "max_completion_tokens", "top_p", "seed", "stop")
"""Settings of a provider that belong to a suite."""
MOST_VAR_BYTES = MIB


@dataclass(frozen=True, slots=True)
class _Test:
    """One test after defaults and lists of values are worked out; ``settings`` is the test as it is written."""

    variables: Mapping[str, Any]
    assertions: Sequence[Mapping[str, Any]]
    settings: Mapping[str, Any]


def read(files: Sequence[Path], columns: Mapping[str, str]) -> list[ImportedSuite]:
    del columns  # its variables have names of their own
    return [suite for path in files for value in read_values(path) for suite in _suites(path, value)]


def _suites(path: Path, config: Any) -> Iterator[ImportedSuite]:
    if not isinstance(config, Mapping) or not {"prompts", "tests", "scenarios"} & config.keys():
        raise ImportRefused(f"{path}: it is not a configuration of promptfoo (it has neither prompts nor tests)")
    folder = path.absolute().parent
    tests = list(_tests(path, config, folder))
    prompts = list(_prompts(config.get("prompts"), folder)) or ["{{input}}"]
    title = str(config.get("description") or path.stem)
    for number, prompt in enumerate(prompts, 1):
        name = named(folder.name if path.stem == "promptfooconfig" else path.stem, otherwise="suite")
        builder = SuiteBuilder(f"{name}_{number}" if len(prompts) > 1 else name, f"{title}, imported from promptfoo")
        _add_prompt(builder, prompt, tests)
        _add_settings(builder, config)
        for at, test in enumerate(tests):
            builder.row({column_named(name): value for name, value in test.variables.items()})
            add_assertions(builder, at, test.variables, test.assertions, mapping(test.settings).get("threshold"))
            for setting in ("options", "provider", "assertScoringFunction"):
                if test.settings.get(setting):
                    note = "it has no counterpart"
                    builder.criterion(f"test {setting}", test.settings[setting], "missing", note=note)
        if not tests:
            builder.criterion("tests", config.get("tests", "none"), "missing", note="there are no rows to ask")
        yield builder.build()


def _add_settings(builder: SuiteBuilder, config: Mapping[str, Any]) -> None:
    for provider in listed(config.get("providers")):
        found = mapping(mapping(provider).get("config"))
        for name, value in found.items():
            if name in PARAMS and builder.params.setdefault(name, value) != value:
                builder.criterion(
                    f"provider setting {name}", provider, "near", note="another provider has another value"
                )
    for section in ("scenarios", "transform", "derivedMetrics", "extensions", "redteam"):
        if config.get(section):
            builder.criterion(section, config[section], "missing", note="it has no counterpart")


def _prompts(value: Any, folder: Path) -> Iterator[str]:
    for prompt in listed(value):
        text = mapping(prompt).get("raw") or mapping(prompt).get("id") or prompt
        if isinstance(text, Mapping):
            text = json.dumps(text, ensure_ascii=False)
        text = str(text)
        path = folder / text.removeprefix(FILE)
        is_path = len(text) < 200 and "\n" not in text and Path(text).suffix in (".txt", ".json")
        if not text.startswith(FILE) and not is_path:
            yield text
        elif path.suffix in (".txt", ".json", ".md", ".yaml", ".yml") and path.is_file():
            yield from (part.strip() for part in read_text(path, folder=folder).split("\n---\n") if part.strip())
        else:
            yield f"{{% {text} %}}"


def _add_prompt(builder: SuiteBuilder, prompt: str, tests: Sequence[_Test]) -> None:
    """The messages of a prompt: a list of messages in JSON, or what the user says."""
    try:
        messages = json.loads(prompt)
    except ValueError:
        messages = None
    if not isinstance(messages, list) or not all(mapping(one).get("role") in ROLES for one in messages):
        messages = [{"role": "user", "content": prompt}]
    used = {place for message in messages for place in places(str(message.get("content")))}
    known = {name for test in tests for name in test.variables}
    if any(has_code(str(message.get("content"))) for message in messages):
        builder.criterion("prompt", prompt, "missing", note="it has code, a file or filters; write the prompt yourself")
        messages = [{"role": "user", "content": "{{input}}"}] if "input" in known else messages
    else:
        builder.criterion("prompt", prompt, "equal")
    for name in sorted(used - known):
        builder.criterion("variable", name, "missing", note="no test gives it a value")
    builder.messages += [
        {"role": str(message["role"]), "content": translated(str(message.get("content")), column_named)}
        for message in messages
    ]


def _tests(path: Path, config: Mapping[str, Any], folder: Path) -> Iterator[_Test]:
    defaults = mapping(config.get("defaultTest"))
    count = 0
    for written in _written(config.get("tests"), folder):
        settings = {**defaults, **written}
        variables = {**mapping(defaults.get("vars")), **mapping(written.get("vars"))}
        assertions = [*listed(defaults.get("assert")), *listed(written.get("assert"))]
        for values in _combinations({str(name): value for name, value in variables.items()}, folder):
            count += 1
            if count > MOST_ROWS:
                raise ImportRefused(f"{path}: its variables give more than {MOST_ROWS:,} tests")
            yield _Test(values, [mapping(one) for one in assertions], settings)


def _written(tests: Any, folder: Path) -> Iterator[Mapping[str, Any]]:
    for test in listed(tests):
        if isinstance(test, str):
            yield from _from_file(folder / test.removeprefix(FILE), folder)
        else:
            yield mapping(test)


def _from_file(path: Path, folder: Path) -> Iterator[Mapping[str, Any]]:
    """The tests of a table, whose columns are variables and ``__expected``, or of a file of tests."""
    if path.suffix not in (*TABLES, ".yaml", ".yml"):
        raise ImportRefused(f"{path}: tests from such a file can't be imported (only CSV, JSON, JSON Lines and YAML)")
    if path.suffix == ".csv":
        for row in read_table(path, folder=folder):
            expected = [value for name, value in row.items() if name.startswith("__expected") and value]
            variables = {name: value for name, value in row.items() if not name.startswith("__")}
            yield {"vars": variables, "assert": [as_assertion(str(value)) for value in expected]}
        return
    for value in read_values(path):
        yield from (mapping(test) for test in listed(value))


def _combinations(variables: Mapping[str, Any], folder: Path) -> Iterator[dict[str, Any]]:
    """Every combination of the variables that are lists, as promptfoo makes them."""
    choices = [[_value(item, folder) for item in listed(value)] for value in variables.values()]
    for values in product(*choices):
        yield dict(zip(variables, values, strict=True))


def _value(value: Any, folder: Path) -> Any:
    if not isinstance(value, str) or not value.startswith(FILE):
        return value
    path = folder / value.removeprefix(FILE)
    return read_text(path, folder=folder) if path.suffix in (".txt", ".md", ".json") and path.is_file() else value


sources = (Source("promptfoo", "configurations of promptfoo (YAML or JSON)", read),)
