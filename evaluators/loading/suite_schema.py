"""Defines the schema of one document of a suite file: its keys and their types."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


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
    """One suite as written in the file."""

    model_config = ConfigDict(extra="forbid")

    suite: Name
    data: Annotated[list[str], BeforeValidator(_as_list), Field(min_length=1, max_length=100)]
    score: list[Any] = Field(min_length=1, max_length=50)
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
        for reserved in ("model", "messages", "stream", "n"):
            if reserved in self.params:
                raise ValueError(f"params: {reserved!r} cannot be set by a suite, because fairtrial sets it")
        return self
