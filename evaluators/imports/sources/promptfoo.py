"""Imports configurations of promptfoo: prompts, variables, tests and assertions."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from evaluators.imports.files import listed, mapping, read_values
from evaluators.imports.imported import ImportedSuite, ImportRefused, ImportSource, SuiteBuilder, column_named, named
from evaluators.imports.promptfoo_assertions import add_assertions
from evaluators.imports.promptfoo_files import FILE, ConfigFiles, Prompt, dereferenced
from evaluators.loading.rows import MOST_ROWS
from evaluators.loading.template import MISSING, has_code, in_nunjucks, looked_up, places, translated
from fairtrial.config.file.yaml_file import parse
from fairtrial.domain.answers.chat import wrong_value
from fairtrial.domain.errors import ConfigError

ROLES = ("system", "developer", "user", "assistant")
PARAMS = ("temperature", "max_tokens", "max_completion_tokens", "top_p", "seed", "stop")
"""Settings of a provider that belong to a suite."""
SETTINGS = ("options", "provider", "providers", "prompts", "assertScoringFunction", "providerOutput")
"""What a test may set, which has no counterpart."""
SECTIONS = ("transform", "derivedMetrics", "extensions", "redteam", "nunjucksFilters")


@dataclass(frozen=True, slots=True)
class _Test:
    """One test after defaults and lists of values are worked out; ``settings`` is the test as it is written."""

    variables: Mapping[str, Any]
    assertions: Sequence[Any]
    settings: Mapping[str, Any]


def read(files: Sequence[Path], columns: Mapping[str, str]) -> list[ImportedSuite]:
    del columns  # its variables have names of their own
    return [suite for path in files for value in read_values(path) or [None] for suite in _suites(path, value)]


def _suites(path: Path, config: Any) -> Iterator[ImportedSuite]:
    if not isinstance(config, Mapping) or not {"prompts", "tests", "scenarios"} & config.keys():
        raise ImportRefused(f"{path}: it is not a configuration of promptfoo (it has neither prompts nor tests)")
    files, providers = ConfigFiles(path), config.get("providers") or config.get("targets")
    config = dereferenced({name: part for name, part in config.items() if name not in ("providers", "targets")}, path)
    tests = list(_tests(path, config, files))
    variables = {name for test in tests for name in test.variables}
    otherwise = next((name for name in ("prompt", "input") if name in variables), "prompt")
    prompts = list(files.prompts(config.get("prompts"))) or [Prompt(f"{{{{{otherwise}}}}}", "none")]
    title = str(config.get("description") or path.stem)
    for number, prompt in enumerate(prompts, 1):
        folder = files.folder.resolve().name
        name = named(folder if path.stem == "promptfooconfig" else path.stem, otherwise="suite")
        builder = SuiteBuilder(f"{name}_{number}" if len(prompts) > 1 else name, f"{title}, imported from promptfoo")
        for test in tests:
            builder.row({column_named(variable): value for variable, value in test.variables.items()})
        _add_prompt(builder, prompt, tests)
        _add_settings(builder, config, providers)
        _add_tests(builder, tests)
        for unread, reason in files.unread:
            builder.missing("tests", unread, reason)
        if not tests and not files.unread:
            builder.missing("tests", config.get("tests", "none"), "there are no rows to ask")
        yield builder.build()


def _add_tests(builder: SuiteBuilder, tests: Sequence[_Test]) -> None:
    for at, test in enumerate(tests):
        add_assertions(builder, at, test.variables, test.assertions, test.settings.get("threshold"))
        for setting in SETTINGS:
            if test.settings.get(setting):
                builder.missing(f"test {setting}", test.settings[setting], "it has no counterpart")
        for name, value in test.variables.items():
            if isinstance(value, str) and value.startswith(FILE):
                builder.missing(f"variable {name}", value, "its file is a program, not text, or absent")


def _add_settings(builder: SuiteBuilder, config: Mapping[str, Any], providers: Any) -> None:
    for provider in listed(providers):
        settings = mapping(mapping(provider).get("config"))
        for name, value in settings.items():
            if name in PARAMS and (wrong := wrong_value(name, value)) is not None:
                builder.missing(f"provider setting {name}", value, f"it is not sent, because it is not {wrong}")
            elif name in PARAMS and builder.params.setdefault(name, value) != value:
                builder.near(
                    f"provider setting {name}", provider, "another provider has another value, and the first one counts"
                )
        for name in ("tools", "functions", "response_format"):
            if settings.get(name):
                builder.missing(
                    f"provider setting {name}", settings[name], "it is not sent; add it to 'params' of the suite"
                )
    for section in SECTIONS:
        if config.get(section):
            builder.missing(section, config[section], "it has no counterpart")


def _add_prompt(builder: SuiteBuilder, prompt: Prompt, tests: Sequence[_Test]) -> None:
    """The messages of a prompt: a list of messages in JSON or YAML, or one user message."""
    messages = [] if prompt.template is None else _messages(prompt.template)
    texts = [message.get("content") for message in messages]
    reason = prompt.note or "it has code, filters, or a part that is not text"
    if mapping(prompt.original).get("config"):
        builder.missing(
            "prompt configuration", prompt.original, "its configuration is not sent; add it to 'params' of the suite"
        )
    if not messages or not all(isinstance(text, str) and not has_code(text) for text in texts):
        return builder.variables_as_prompt(prompt.original, reason)
    builder.criterion("prompt", prompt.original, "equal")
    for message, text in zip(messages, texts, strict=True):
        builder.messages.append({"role": str(message["role"]), "content": translated(str(text), column_named)})
    for place in sorted({place for text in texts for place in places(str(text))}):
        _fill_in(builder, place, tests)
    return None


def _fill_in(builder: SuiteBuilder, place: str, tests: Sequence[_Test]) -> None:
    """Give each row the value of a place; an unknown name is an empty text, as in promptfoo."""
    known = False
    for row, test in zip(builder.rows, tests, strict=True):
        value = looked_up(place, test.variables)
        known = known or value is not MISSING
        if column_named(place) not in row:
            row[column_named(place)] = "" if value is MISSING or value is None else value
    if not known and tests and column_named(place) == place:
        builder.missing("variable", place, "no test gives it a value, so that it is empty")


def _messages(template: str) -> list[Mapping[str, Any]]:
    """The messages of a chat in JSON or YAML, or one message of the user."""
    parsed: Any = None
    try:
        if template.lstrip().startswith(("[", "{")):
            parsed = json.loads(template)
        elif template.lstrip().startswith("- role:"):
            [parsed] = [document.value for document in parse(template, "prompt")]
    except (ValueError, RecursionError, ConfigError):
        parsed = None
    parsed = mapping(parsed).get("messages", parsed)
    if isinstance(parsed, list) and parsed and all(mapping(message).get("role") in ROLES for message in parsed):
        return parsed
    return [{"role": "user", "content": template}]


def _tests(path: Path, config: Mapping[str, Any], files: ConfigFiles) -> Iterator[_Test]:
    defaults = config.get("defaultTest")
    if isinstance(defaults, str):
        defaults = next(files.tests(defaults), {})
    defaults, count = mapping(defaults), 0
    for written in _written(config, files):
        settings = {**defaults, **written}
        variables = {**mapping(defaults.get("vars")), **_variables(written.get("vars"), files)}
        options = mapping(settings.get("options"))
        first = [] if options.get("disableDefaultAsserts") else listed(defaults.get("assert"))
        assertions = [files.assertion(assertion) for assertion in (*first, *listed(written.get("assert")))]
        for values in _combinations(path, variables, files, whole=bool(options.get("disableVarExpansion"))):
            count += 1
            if count > MOST_ROWS:
                raise ImportRefused(f"{path}: its variables give more than {MOST_ROWS:,} tests")
            yield _Test(_without_places(values), assertions, settings)


def _written(config: Mapping[str, Any], files: ConfigFiles) -> Iterator[Mapping[str, Any]]:
    """The tests, and those of scenarios: each test with each part of a scenario's configuration."""
    yield from files.tests(config.get("tests"))
    for scenario in files.tests(config.get("scenarios")):
        tests = list(files.tests(scenario.get("tests"))) or [{}]
        for part, test in product(files.tests(scenario.get("config")), tests):
            variables = {**mapping(part.get("vars")), **mapping(test.get("vars"))}
            assertions = [*listed(part.get("assert")), *listed(test.get("assert"))]
            yield {**part, **test, "vars": variables, "assert": assertions}


def _variables(written: Any, files: ConfigFiles) -> Mapping[str, Any]:
    """The variables of a test, which may be those of a file."""
    if not isinstance(written, str):
        return mapping(written)
    return {name: value for path in files.paths(written) for name, value in mapping(files.values(path)[0]).items()}


def _combinations(
    path: Path, variables: Mapping[str, Any], files: ConfigFiles, *, whole: bool
) -> Iterator[dict[str, Any]]:
    """Every combination of the variables that are lists of texts, as promptfoo makes them."""
    choices = [[value] if whole and isinstance(value, list) else files.variable(value) for value in variables.values()]
    if math.prod(map(len, choices)) > MOST_ROWS:
        raise ImportRefused(f"{path}: its variables give more than {MOST_ROWS:,} tests")
    for values in product(*choices):
        yield dict(zip(map(str, variables), values, strict=True))


def _without_places(variables: dict[str, Any]) -> dict[str, Any]:
    """The variables, whose texts may name other ones."""
    values = {
        name: in_nunjucks(value, variables) if isinstance(value, str) and "{{" in value else value
        for name, value in variables.items()
    }
    return {name: variables[name] if value is MISSING else value for name, value in values.items()}


sources = (ImportSource("promptfoo", "configurations of promptfoo (YAML or JSON)", read),)
