"""Asks for the completion of token ids, in the forms of llama.cpp, vLLM and OpenAI, so that no template takes part."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from evaluators.model_equality.border_probes import ProbeAnswer, ProbeClient
from fairtrial.domain.run import Answer, Case


class CompletionClient(ProbeClient):
    """A completion has no messages: its prompt is among the parameters."""

    path = "/completions"

    async def complete(self, prompt: str | Sequence[int], size: int, top: int) -> ProbeAnswer | None:
        """The greedy answer of at most ``size`` tokens, ``None`` for an error."""
        params = {"prompt": prompt, "max_tokens": size, "temperature": 0, "logprobs": top}
        return await self.probe(Case("prompt", (), None), params)

    def _content(self, case: Case) -> Mapping[str, Any]:  # noqa: ARG002 - the prompt is a parameter
        return {}

    def _read(self, reply: bytes, headers: Mapping[str, str], latency_ms: float) -> Answer:
        return super()._read(_as_chat(reply), headers, latency_ms)


def _as_chat(reply: bytes) -> bytes:
    """The reply in the form of a chat's; any other reply as it is."""
    try:
        content = json.loads(reply)
        choice = content["choices"][0]
        choice["message"] = {"content": choice["text"]}
        if "top_logprobs" in (choice.get("logprobs") or {}):
            choice["logprobs"] = {"content": _positions(choice["logprobs"])}
        return json.dumps(content).encode()
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        return reply


def _positions(listed: Mapping[str, Any]) -> list[dict[str, Any]]:
    """OpenAI's first form, which vLLM has: a list of tokens, and for each an object of log probabilities."""
    return [
        {"token": token, "top_logprobs": [{"token": top, "logprob": value} for top, value in (tops or {}).items()]}
        for token, tops in zip(listed["tokens"], listed["top_logprobs"], strict=True)
    ]
