"""Lists the providers that litellm translates for, and the request fields that reach them.

The lists are here and not beside litellm, because a project file is checked against them without importing it.
"""

import importlib.metadata
import json
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

RAW = "openai"
"""The provider that needs no translation: any server that speaks OpenAI's protocol."""

PASSED = frozenset(
    {
        "messages", "stream", "stream_options", "temperature", "top_p", "max_tokens", "max_completion_tokens", "stop",
        "n", "seed", "presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "top_logprobs",
        "response_format", "tools", "tool_choice", "parallel_tool_calls", "reasoning_effort",
    }
)  # fmt: skip
"""Fields of a chat completion that are translated, if the provider's model supports them."""

NOT_PASSED_ON = frozenset(
    {
        "model", "user", "safety_identifier", "conversation", "metadata", "store", "prompt_cache_key",
        "prompt_cache_options", "prompt_cache_retention", "service_tier",
    }
)  # fmt: skip
"""Fields that the gateway reads itself, or that do not change the answer. They are accepted and not passed on."""

DEFAULT_VALUES: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "logprobs": (False,),
    "logit_bias": ({},),
    "modalities": (["text"],),
}
"""Default values: a field with one of them is left out, whether or not the provider knows the field."""

PROVIDERS_FILE = "litellm/provider_endpoints_support_backup.json"
NOT_SERVED = frozenset(
    {"openai", "custom", "custom_openai", "auto_router", "vllm", "petals", "github_copilot", "chatgpt", "litellm_proxy"}
)
"""Providers in litellm's list that run the model in this process, need an interactive sign-in, or are not providers."""

SELF_HOSTED = frozenset(
    {"ollama", "ollama_chat", "hosted_vllm", "lm_studio", "llamafile", "xinference", "triton", "docker_model_runner"}
)
"""Providers that are self-hosted programs: they are not external, and they need an address."""


OWN_CREDENTIALS = frozenset(
    {
        "azure",
        "azure_ai",
        "bedrock",
        "bedrock_mantle",
        "databricks",
        "gigachat",
        "oci",
        "sagemaker",
        "sagemaker_chat",
        "sap",
    }
    | {"snowflake", "vertex_ai", "watsonx", "watsonx_text"}
)
"""Providers whose credentials are more than a key: litellm finds them where the provider's own tools do."""


def translated(model: str) -> bool:
    """Whether a deployment's ``model``, such as ``anthropic/claude-sonnet-4-5``, needs translation."""
    return model.partition("/")[0] != RAW


def providers() -> frozenset[str]:
    """The providers that litellm handles, as named before the slash in ``model``; empty if it isn't installed.

    Its list does not say for each what it serves. One without information is assumed to chat.
    """
    table = distribution_file("litellm", PROVIDERS_FILE).get("providers", {})
    serves = {
        name: {key for key, can in provider.get("endpoints", {}).items() if can} for name, provider in table.items()
    }
    chat = {name for name, what in serves.items() if not what or "chat_completions" in what}
    return frozenset(name for name in (chat | SELF_HOSTED) & serves.keys() if "/" not in name) - NOT_SERVED


@cache
def distribution_file(distribution: str, name: str) -> dict[str, Any]:
    """A JSON object in a distribution, with numbers as exact decimals; empty if there is none."""
    try:
        path = Path(str(importlib.metadata.distribution(distribution).locate_file(name)))
        content = json.loads(path.read_bytes(), parse_float=Decimal)
    except (importlib.metadata.PackageNotFoundError, OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
