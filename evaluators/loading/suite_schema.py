"""Defines the schemas of one suite and of one family of probes, as their files are written."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from evaluators.probes.probe import Kind, Severity


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]
Texts = Annotated[list[str], BeforeValidator(_as_list)]


class SampleModel(BaseModel):
    """``n`` rows drawn by a seed, always the same ones, in file order."""

    model_config = ConfigDict(extra="forbid")

    n: int = Field(ge=1)
    seed: int = 0


class MessageModel(BaseModel):
    """One message of a prompt template."""

    model_config = ConfigDict(extra="forbid")

    role: Literal["system", "developer", "user", "assistant"]
    content: str


class SuiteModel(BaseModel):
    """One suite as written in the file, before its files are read. `Suite` has its cases and its built scorers."""

    model_config = ConfigDict(extra="forbid")

    suite: Name
    data: Annotated[Texts, Field(max_length=100)] = Field(default_factory=list)
    map: dict[str, Annotated[str, Field(min_length=1)]] = Field(default_factory=dict, max_length=100)
    score: list[Any] = Field(default_factory=list, max_length=50)
    probes: list[Any] = Field(default_factory=list, max_length=100)
    version: Literal[1] = 1
    kind: Literal["metric", "regression", "edges"] | None = None
    description: str = ""
    prompt: str | None = None
    messages: list[MessageModel] | None = None
    system: str | None = None
    vars: dict[str, Any] = Field(default_factory=dict)
    params: dict[str, Any] = Field(default_factory=dict)
    tags: dict[Name, str] = Field(default_factory=dict, max_length=20)
    groups: dict[Name, dict[str, Any]] = Field(default_factory=dict, max_length=20)
    slices: Annotated[Texts, Field(max_length=20)] = Field(default_factory=list)
    cluster: str | None = None
    against: Literal["base"] | None = None
    repeat: int = Field(default=1, ge=1, le=100)
    sample: SampleModel | None = None
    seed: int = 0
    gate: Annotated[Texts, Field(max_length=200)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_prompt(self) -> SuiteModel:
        if self.prompt is not None and self.messages is not None:
            raise ValueError("give either 'prompt' or 'messages', not both")
        if not self.probes:
            for name, value in (("data", self.data), ("score", self.score)):
                if not value:
                    raise ValueError(f"{name!r} is missing; only a suite with 'probes' needs none")
        for reserved in ("model", "messages", "stream", "n"):
            if reserved in self.params:
                raise ValueError(f"params: {reserved!r} cannot be set by a suite, because fairtrial sets it")
        return self


class TemplateModel(BaseModel):
    """One template; what it gives wins over what the file gives for all."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1)
    technique: str = ""
    severity: Severity | None = None
    expected: Any = None
    columns: dict[str, Any] = Field(default_factory=dict)


def _as_template(value: Any) -> Any:
    return {"text": value} if isinstance(value, str) else value


class ProbeFileModel(BaseModel):
    """One family as written in its file."""

    model_config = ConfigDict(extra="forbid")

    probe: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
    kind: Kind
    summary: str = ""
    severity: Severity = "medium"
    templates: Annotated[
        list[Annotated[TemplateModel, BeforeValidator(_as_template)]], Field(min_length=1, max_length=200)
    ]
    slots: dict[str, Annotated[list[Any], Field(min_length=1, max_length=1000)]] = Field(default_factory=dict)
    rows: str | None = None
    expected: Any = None
    columns: dict[str, Any] = Field(default_factory=dict)
    direction: dict[str, Any] = Field(default_factory=dict)
    score: list[Any] = Field(default_factory=list, max_length=10)
