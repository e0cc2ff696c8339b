"""Lists the names under which each family of providers reports its usage."""

from typing import Any, NamedTuple

Path = tuple[str, ...]
"""Names from the usage inwards: a field, or a field in one of its objects."""


class Family(NamedTuple):
    """The names under which a family of providers reports each count. Each kind has a count by one of its paths.

    ``marks``: the fields by which a usage of the family is recognised. ``total``: the field with the sum of all.
    """

    marks: tuple[str, ...]
    total: str
    kinds: tuple[tuple[str, tuple[Path, ...]], ...]
    cache_apart: bool = False
    """Whether the count of the input lacks what was read from a cache and written to it."""
    reasoning_apart: bool = False
    """Whether the count of the output lacks the tokens of reasoning."""


_PROMPT, _ANSWER = "prompt_tokens_details", "completion_tokens_details"
_INPUT, _OUTPUT = "input_tokens_details", "output_tokens_details"
_READ, _WRITTEN = ("cache_read_input_tokens",), ("cache_creation_input_tokens",)
_HOUR = "ephemeral_1h_input_tokens"
FAMILIES = (
    Family(  # OpenAI's chat, and its names at xAI, Gemini, DeepSeek, Mistral, Groq, Moonshot, Together, OpenRouter
        marks=("prompt_tokens", "completion_tokens", "prompt_cache_hit_tokens"),
        total="total_tokens",
        kinds=(
            ("input", (("prompt_tokens",),)),
            ("output", (("completion_tokens",),)),
            ("cached", ((_PROMPT, "cached_tokens"), ("cached_tokens",), ("prompt_cache_hit_tokens",), _READ)),
            ("cache_write", ((_PROMPT, "cache_write_tokens"), (_PROMPT, "cache_creation_tokens"), _WRITTEN)),
            ("cache_write_1h", ((_PROMPT, "cache_creation_token_details", _HOUR), ("cache_creation", _HOUR))),
            ("reasoning", ((_ANSWER, "reasoning_tokens"), ("reasoning_tokens",))),
            ("audio_in", ((_PROMPT, "audio_tokens"),)),
            ("audio_out", ((_ANSWER, "audio_tokens"),)),
        ),
    ),
    Family(  # Anthropic
        marks=("cache_read_input_tokens", "cache_creation_input_tokens"),
        total="total_tokens",
        kinds=(
            ("input", (("input_tokens",),)),
            ("output", (("output_tokens",),)),
            ("cached", (_READ,)),
            ("cache_write", (_WRITTEN,)),
            ("cache_write_1h", (("cache_creation", _HOUR),)),
        ),
        cache_apart=True,
    ),
    Family(  # OpenAI's Responses API
        marks=("input_tokens", "output_tokens"),
        total="total_tokens",
        kinds=(
            ("input", (("input_tokens",),)),
            ("output", (("output_tokens",),)),
            ("cached", ((_INPUT, "cached_tokens"),)),
            ("cache_write", ((_INPUT, "cache_write_tokens"),)),
            ("reasoning", ((_OUTPUT, "reasoning_tokens"),)),
            ("audio_in", ((_INPUT, "audio_tokens"),)),
            ("audio_out", ((_OUTPUT, "audio_tokens"),)),
        ),
    ),
    Family(  # Gemini's own protocol
        marks=("promptTokenCount", "candidatesTokenCount"),
        total="totalTokenCount",
        kinds=(
            ("input", (("promptTokenCount",),)),
            ("output", (("candidatesTokenCount",),)),
            ("cached", (("cachedContentTokenCount",),)),
            ("reasoning", (("thoughtsTokenCount",),)),
        ),
        reasoning_apart=True,
    ),
)


def _tree(family: Family) -> dict[str, Any]:
    """The kind of each name, or the names in the object of that name."""
    tree: dict[str, Any] = {}
    for kind, paths in family.kinds:
        for *above, name in paths:
            inside = tree
            for step in above:
                inside = inside.setdefault(step, {})
            inside[name] = kind
    return tree


TREES = {family.marks: _tree(family) for family in FAMILIES}
"""The names of each family by its marks, so that a usage is read in one pass. What stands deeper goes first."""
