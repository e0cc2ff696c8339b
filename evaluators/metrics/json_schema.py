"""JSON Schema: the answer is JSON and the schema accepts it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluators import options as read
from evaluators.json_answer import NotJson, parse
from evaluators.scorer import OffFormat, ScorerType, Stat
from fairtrial.domain.run import Answer, Case, Score


@dataclass(frozen=True, slots=True)
class JsonSchema:
    """``valid``: 1 if the schema accepts the answer; the first complaint is in the details."""

    name: str
    digest: str
    validator: Any
    lenient: bool

    @property
    def version(self) -> str:
        return f"json-schema/1 schema:{self.digest} json:{'lenient' if self.lenient else 'strict'}"

    @property
    def stats(self) -> Sequence[Stat]:
        return (Stat("valid", "proportion"),)

    def score(self, case: Case, answer: Answer) -> Score:  # noqa: ARG002 - the schema is the same for every case
        try:
            said = parse(answer.text or "", lenient=self.lenient)
        except NotJson as error:
            raise OffFormat(str(error), Score(self.name, {"valid": 0.0})) from error
        complaint = next(iter(self.validator.iter_errors(said)), None)
        if complaint is None:
            return Score(self.name, {"valid": 1.0})
        return Score(self.name, {"valid": 0.0}, {"at": complaint.json_path, "wrong": complaint.message[:300]})


def build(options: Mapping[str, Any], name: str) -> JsonSchema:
    """One scorer from its options."""
    import jsonschema
    import referencing

    schema = _schema(options)
    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        kind.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise ValueError(f"the schema is not one: {error.json_path}: {error.message}") from error
    text = json.dumps(schema, sort_keys=True, ensure_ascii=False)
    validator = kind(schema, registry=referencing.Registry())
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return JsonSchema(name, digest, validator, read.flag(options, "lenient", default=False))


def _schema(options: Mapping[str, Any]) -> dict[str, Any]:
    if ("schema" in options) == ("file" in options):
        raise ValueError("give either 'schema' (the schema itself) or 'file' (its JSON file)")
    schema = options["schema"] if "schema" in options else _from_file(Path(str(options["file"])))
    if not isinstance(schema, dict):
        raise ValueError("the schema is not an object")
    return schema


def _from_file(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"file: can't read {path.name}: {error.strerror}") from error
    except ValueError as error:
        raise ValueError(f"file: {path.name} is not JSON: {error}") from error


scorer = ScorerType(
    summary="The answer is JSON that a JSON Schema accepts.",
    options={
        "schema": "The schema, written in the suite.",
        "file": "Or its JSON file, relative to the suite.",
        "lenient": "`yes` takes the first JSON object in the text; by default the whole answer must be JSON.",
    },
    build=build,
    short="file",
)
