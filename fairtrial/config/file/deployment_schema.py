"""Defines the section of a deployment in `fairtrial.yaml`: its model, its price, and how it is called."""

from __future__ import annotations

from pydantic import Field

from fairtrial.config.file.section import Section
from fairtrial.domain.plan import OnDisconnect, Price
from fairtrial.domain.plan_parts.call_rules import BreakerRule, RetryRule, Timeouts
from fairtrial.domain.plan_parts.setting_types import Date, Name, Seconds
from fairtrial.domain.training.lineage import Lineage


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
    training: Lineage | None = None
    """How it was fine-tuned: its [lineage](../glossary.md#lineage)."""
    price: Price | None = None
    """By default from litellm's bundled price map. An unknown price makes the cost unknown, never 0."""
    timeouts: Timeouts = Timeouts()
    """How long to wait."""
    breaker: BreakerRule = BreakerRule()
    """When not to call it; see [a server that fails](providers.md#a-server-that-fails)."""
    retry: RetryRule = RetryRule()
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
