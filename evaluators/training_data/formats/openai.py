"""OpenAI's format for supervised fine-tuning: `messages` with `weight`, `name` and tool calls, and `tools`."""

from __future__ import annotations

from evaluators.training_data.chat_messages import provider_format

format = provider_format(  # noqa: A001 - the registry's name
    "{messages: […], tools: […]}, without other fields",
    top=("tools", "functions", "parallel_tool_calls"),
    message_fields=("weight", "name", "tool_calls", "tool_call_id", "function_call", "refusal"),
)
