"""Counts how long a token is at each deployment, to estimate what a stream without a count has cost."""


class BytesPerToken:
    """Sums over the counted calls of a deployment in one worker. They begin with a few tokens of usual text."""

    __slots__ = ("answer_bytes", "answer_tokens", "prompt_bytes", "prompt_tokens")

    def __init__(self) -> None:
        self.prompt_bytes = self.answer_bytes = 36.0
        self.prompt_tokens = self.answer_tokens = 10.0
