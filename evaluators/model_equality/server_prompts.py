"""Asks a server how it renders and splits prompts, in the forms of llama.cpp and vLLM; other servers don't tell."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar

from evaluators.model_equality.parity_file import ParityRow

SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class ServerPrompt:
    """What a server tells of a row; ``None`` is what it does not tell.

    ``recorded``: the token ids of the recorded prompt. ``ids`` and ``text``: its own prompt for the messages.
    """

    recorded: tuple[int, ...] | None = None
    ids: tuple[int, ...] | None = None
    text: str | None = None


async def ask_prompts(
    base_url: str, key: str | None, model: str, rows: Sequence[ParityRow]
) -> tuple[ServerPrompt, ...]:
    """For each row; a server without these paths is asked about the first one only."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    told: list[ServerPrompt] = []
    timeout = ClientTimeout(total=SECONDS)
    async with ClientSession(headers=headers, timeout=timeout, cookie_jar=DummyCookieJar()) as session:
        server = _Server(session, base_url.rstrip("/").removesuffix("/v1"), model)
        for row in rows:
            told.append(await server.prompt(row))
            if told == [ServerPrompt()]:
                break
    return tuple(told + [ServerPrompt()] * (len(rows) - len(told)))


@dataclass(frozen=True, slots=True)
class _Server:
    session: ClientSession
    root: str
    model: str

    async def prompt(self, row: ParityRow) -> ServerPrompt:
        recorded = await self._tokens(row.prompt, special=False)
        if recorded is None:
            return ServerPrompt()
        text = (await self._post("/apply-template", {"messages": row.messages})).get("prompt")
        if isinstance(text, str):
            return ServerPrompt(recorded, await self._tokens(text, special=True), text)
        listed = await self._post("/tokenize", {"messages": row.messages, "add_generation_prompt": True})
        return ServerPrompt(recorded, _ids(listed))

    async def _tokens(self, text: str, *, special: bool) -> tuple[int, ...] | None:
        """llama.cpp names the text ``content``, vLLM ``prompt``."""
        body = {"content": text, "prompt": text, "add_special": special, "add_special_tokens": special}
        return _ids(await self._post("/tokenize", body))

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The object that the server answers; empty for anything else."""
        try:
            async with self.session.post(
                self.root + path, json={"model": self.model, **body}, allow_redirects=False
            ) as answer:
                content = await answer.json() if answer.status == 200 else {}
        except (ClientError, TimeoutError, ValueError, RecursionError):
            return {}
        return content if isinstance(content, dict) else {}


def _ids(answer: dict[str, Any]) -> tuple[int, ...] | None:
    listed = answer.get("tokens")
    if not isinstance(listed, list) or not listed or not all(type(at) is int for at in listed):
        return None
    return tuple(listed)
