"""Says how servers report the usage of streams, and what a token is worth where they do not."""

REPORTS_UNASKED = frozenset({"api.mistral.ai"})
"""Servers whose streams report their usage unasked, and which refuse the field that asks for it."""


class BytesPerToken:
    """Sums over the counted calls of a deployment in one worker. They begin with a few tokens of usual text."""

    __slots__ = ("answer_bytes", "answer_tokens", "prompt_bytes", "prompt_tokens")

    def __init__(self) -> None:
        self.prompt_bytes = self.answer_bytes = 36.0
        self.prompt_tokens = self.answer_tokens = 10.0
