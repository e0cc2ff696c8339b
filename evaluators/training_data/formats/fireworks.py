"""Fireworks' format: `messages`, each with an optional `weight`, a `weight` of the row, and `tools`."""

from __future__ import annotations

from evaluators.training_data.chat_messages import provider_format

format = provider_format(  # noqa: A001 - the registry's name
    "{messages: […], weight: 1.0, tools: […]}",
    top=("weight", "tools"),
    message_fields=("weight", "tool_calls", "tool_call_id", "name"),
)
