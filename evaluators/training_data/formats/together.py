"""Together's conversational format: `messages`, each with an optional `weight`, and `tools`."""

from __future__ import annotations

from evaluators.training_data.chat_messages import provider_format

format = provider_format(  # noqa: A001 - the registry's name
    "{messages: [{role, content, weight}, …], tools: […]}",
    top=("tools",),
    message_fields=("weight", "tool_calls", "tool_call_id", "name"),
)
