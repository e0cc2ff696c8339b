"""Scores whether an answer is JSON that a JSON Schema accepts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evaluators.scoring.answer_text import NotJson, canonical, parse
from evaluators.scoring.scorer import Compared, NamedText, OffFormat, ScorerType, Stat, read_flag
from fairtrial.domain.limits.canonical_json import sha256_of_json
from fairtrial.domain.limits.json_schema import BoundedSchema
from fairtrial.domain.run import Answer, Case, Score


@dataclass(frozen=True, slots=True)
class JsonSchema:
    """``valid``: 1 if the schema accepts the answer; otherwise the details have the first error."""

    name: str
    digest: str
    schema: BoundedSchema
    lenient: bool

    @property
    def version(self) -> str:
        engine = 2 if self.schema.patterns else 1  # version 1 used Python's regular expressions
        return f"json-schema/{engine} schema:{self.digest} json:{'lenient' if self.lenient else 'strict'}"

    stats = (Stat("valid", "proportion"),)

    def score(self, case: Case, answer: Answer) -> Score:  # noqa: ARG002 - the schema is the same for every case
        try:
            value = parse(answer.text or "", lenient=self.lenient)
        except NotJson as error:
            raise OffFormat(str(error), Score(self.name, {"valid": 0.0})) from error
        complaint = self.schema.complaint(value)
        if complaint is None:
            return Score(self.name, {"valid": 1.0})
        return Score(self.name, {"valid": 0.0}, {"at": complaint[0], "wrong": complaint[1][:300]})

    def normalised(self, case: Case, answer: Answer) -> Compared:
        details = self.score(case, answer).details
        why = f"at {details['at']}: {details['wrong']}" if details else "the schema accepts the answer"
        return Compared(canonical(parse(answer.text or "", lenient=self.lenient)), (), why)


def build(options: Mapping[str, Any], name: str) -> JsonSchema:
    schema = _schema(options)
    digest = sha256_of_json(schema, ascii_only=False)[:12]
    return JsonSchema(name, digest, BoundedSchema(schema), read_flag(options, "lenient", default=False))


def _schema(options: Mapping[str, Any]) -> dict[str, Any]:
    if ("schema" in options) == ("file" in options):
        raise ValueError("give either 'schema' (the schema itself) or 'file' (its JSON file)")
    schema = options["schema"] if "schema" in options else _from_file(options["file"])
    if not isinstance(schema, dict):
        raise ValueError("the schema is not an object")
    return schema


def _from_file(file: Any) -> Any:
    if not isinstance(file, NamedText):
        raise ValueError("file: this must be the name of a file")
    try:
        return json.loads(file.text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"file: {file.name} is not JSON: {error}") from error


scorer = ScorerType(
    summary="The answer is JSON that a JSON Schema accepts.",
    options={
        "schema": "The schema itself, written in the suite.",
        "file": "The schema's JSON file, relative to the suite.",
        "lenient": "`yes` takes the first JSON object in the text; by default the whole answer must be JSON.",
    },
    build=build,
    short="file",
)
