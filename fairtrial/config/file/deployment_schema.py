"""Defines the section of a deployment in `fairtrial.yaml`: its model, its price, and how it is called."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from fairtrial.config.file.section import Date, Level, Money, Name, Seconds, Section
from fairtrial.config.file.training_schema import TrainingSection
from fairtrial.domain.plan import OnDisconnect
from fairtrial.domain.plan_parts.call_rules import RETRIED, RetryCause


class PriceSection(Section):
    """US dollars per million tokens of input and output, or per hour of the machine."""

    input: Money | None = None
    """US dollars per million input tokens."""
    output: Money | None = None
    """US dollars per million output tokens."""
    gpu_hour: Money | None = None
    """US dollars per hour of the machine."""


class TimeoutsSection(Section):
    """Timeouts, in seconds."""

    connect: Seconds = 5.0
    """Seconds to establish a connection."""
    first_byte: Seconds = 600.0
    """Seconds from the request to the first byte of the answer."""
    idle: Seconds = 600.0
    """Seconds between two bytes of an answer."""
    total: Seconds = 3600.0
    """Seconds for the whole answer."""
    failover: Seconds = 90.0
    """Seconds to the first byte after which the next fallback is asked instead, where there is one."""


class BreakerSection(Section):
    """When each worker stops calling a deployment that fails."""

    failures: int = Field(default=5, ge=0)
    """Failures in a row to connect or to answer in time, after which it is not called; with 0 it is always called."""
    share: Level = Field(default=0.5, gt=0, le=1)
    """The share of the tries of the last ten seconds that must have failed, such as `50%`, so that it is not called."""
    tries: int = Field(default=20, ge=1)
    """The least number of tries in these ten seconds for `share` to count."""
    open_seconds: Seconds = 1.0
    """Seconds until one request tries it again. They double with each failed try, up to 10."""


class RetrySection(Section):
    """When a request is sent to the same deployment again, before any of its answer was sent on."""

    attempts: int = Field(default=2, ge=1, le=3)
    """Tries in all; with 1 nothing is sent again."""
    budget: Level = Field(default=0.1, ge=0, le=1)
    """The most retries, as a share of the requests of the last minute; ten a minute are always allowed."""
    on: list[Annotated[RetryCause, BeforeValidator(str)]] = Field(default_factory=lambda: list(RETRIED))
    """What is tried again: a failed connection, a connection lost before the answer began, and these statuses."""


class DeploymentSection(Section):
    """A concrete endpoint."""

    model: Name
    """`provider/model`; `openai/…` is any server that speaks OpenAI's protocol."""
    base_url: str | None = None
    """The server's address, including `/v1`."""
    api_key: Name | None = None
    """The provider's key, written as `${NAME}`, which each worker reads from its environment.

    A key that is written in the file is an error; for a server on this machine it is only a warning.
    """
    external: bool = False
    """Whether the server is outside your organisation: routes with `data: internal` never reach it."""
    parent: Name | None = None
    """The deployment that this one was fine-tuned from."""
    training: TrainingSection | None = None
    """How it was fine-tuned: its [lineage](../glossary.md#lineage)."""
    price: PriceSection | None = None
    """By default from litellm's bundled price map. An unknown price makes the cost unknown, never 0."""
    timeouts: TimeoutsSection = TimeoutsSection()
    """How long to wait."""
    breaker: BreakerSection = BreakerSection()
    """When not to call it; see [a server that fails](providers.md#a-server-that-fails)."""
    retry: RetrySection = RetrySection()
    """When to send a request to it again; see [a server that fails](providers.md#a-server-that-fails)."""
    on_disconnect: OnDisconnect = "cancel"
    """What happens when the caller disconnects: `cancel` closes the connection; `drain` reads the rest for the record.
    """
    drain_seconds: Seconds = 60.0
    """The most seconds for which such an answer is read."""
    forward_headers: list[str] = Field(default_factory=list)
    """Caller headers to forward although they control other gateways or hold keys, such as `x-portkey-config`."""
    shutdown_date: Date | None = None
    """The day on which the provider shuts the model down; `/v1/models` shows it to callers."""
