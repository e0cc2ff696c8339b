"""Lists the providers that litellm translates for, its prices, and the request fields that reach them.

The lists are here and not beside litellm, because a project file is checked against them without importing it.
"""

import importlib.metadata
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

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
PRICE_MAP = "litellm/model_prices_and_context_window_backup.json"
FINE_TUNED = "ft:"

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


HOSTS: Mapping[str, str] = {
    "api.openai.com": "openai",
    "openai.azure.com": "azure",
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "gemini",
    "api.x.ai": "xai",
    "api.deepseek.com": "deepseek",
    "api.mistral.ai": "mistral",
    "api.groq.com": "groq",
    "api.together.xyz": "together_ai",
    "api.together.ai": "together_ai",
    "api.fireworks.ai": "fireworks_ai",
    "openrouter.ai": "openrouter",
    "api.moonshot.ai": "moonshot",
    "api.moonshot.cn": "moonshot",
    "api.perplexity.ai": "perplexity",
    "api.cerebras.ai": "cerebras",
    "api.deepinfra.com": "deepinfra",
    "api.sambanova.ai": "sambanova",
    "api.hyperbolic.xyz": "hyperbolic",
    "dashscope-intl.aliyuncs.com": "dashscope",
}
"""The provider, as the list names it, of each host that speaks OpenAI's protocol."""

LISTED_AS: Mapping[str, str] = {"bedrock": "bedrock|bedrock_converse", "vertex_ai": "vertex_ai.*"}
"""The names of a provider in the list, as a regular expression, where it has several."""

WAYS = ("converse/", "invoke/")
"""What may stand before the id of a model at Bedrock."""


def provider_of(provider: str, base_url: str) -> str | None:
    """The provider whose prices count: that of the address, for a server that speaks OpenAI's protocol."""
    if provider != RAW:
        return provider
    host = urlsplit(base_url).hostname or ""
    return next((listed for known, listed in HOSTS.items() if host == known or host.endswith(f".{known}")), None)


def price_map_entry(provider: str, model: str, base_url: str | None = None) -> Mapping[str, Any]:
    """What the map has of a model; empty if it does not have the model for this provider.

    ``base_url``: the address, which tells the provider; ``None`` to take the provider's name as it is.
    """
    named = provider if base_url is None else provider_of(provider, base_url)
    if named is None:
        return {}
    if model.startswith(FINE_TUNED):
        model = ":".join(model.split(":")[:2])
    price_map, names = distribution_file("litellm", PRICE_MAP), re.compile(LISTED_AS.get(named, re.escape(named)))
    for way in ("", *WAYS):
        plain = model.removeprefix(way)
        for key in (f"{named}/{plain}", plain):
            entry = price_map.get(key)
            if isinstance(entry, dict) and names.fullmatch(str(entry.get("litellm_provider"))):
                return entry
    return {}
