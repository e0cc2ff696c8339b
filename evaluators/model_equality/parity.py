"""Asks a served model and its base what was recorded at the end of the training."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Literal

from msgspec.structs import asdict

from evaluators.engine.client import TargetRefused
from evaluators.engine.target import Target
from evaluators.model_equality.border_probes import PARAMS, TOP, ProbeAnswer, ProbeClient
from evaluators.model_equality.completion_client import CompletionClient
from evaluators.model_equality.parity_causes import ServedRow, find_cause
from evaluators.model_equality.parity_file import LEAST_ROWS, ParityFile, ParityRow, Recorded
from evaluators.model_equality.server_prompts import ServerPrompt
from fairtrial.domain.errors import UsageError
from fairtrial.domain.run import Case
from fairtrial.domain.verdicts.model_parity import ModelParity

MORE_TOKENS = 4
"""How much longer than the recorded answer a served one may be, so that a missing end token shows."""
CONCURRENCY = 4
OTHER_TOKENS = 0.5
"""The share of recorded prompts that a server splits otherwise, if the file is of another model."""
Form = Literal["token_ids", "prompt"]
"""The field of a row that a server completes."""


async def ask_parity(
    tuned: Target,
    base: Target,
    file: ParityFile,
    prompts: Sequence[ServerPrompt],
    *,
    on_progress: Callable[[int, int], None] = lambda *_: None,
) -> ModelParity:
    """``prompts``: what the server of the fine-tune tells of each row. Raises `UsageError`."""
    _refuse_other_model(tuned, file, prompts)
    async with AsyncExitStack() as stack:
        chats = [ProbeClient(target, concurrency=CONCURRENCY) for target in (tuned, base)]
        completions = [CompletionClient(target, concurrency=CONCURRENCY) for target in (tuned, base)]
        for client in (*chats, *completions):
            await stack.enter_async_context(client)
        first = file.rows[0]
        for chat in chats:
            await _learn(chat, first)
        form = await _form(completions, first)
        free, done = asyncio.Semaphore(CONCURRENCY), 0

        async def ask(row: ParityRow, prompt: ServerPrompt) -> ServedRow | None:
            nonlocal done
            async with free:
                chat = await _chat(chats[0], row, row.on)
                if form is None:
                    own, other = chat, await _chat(chats[1], row, row.off)
                else:
                    own = await completions[0].complete(getattr(row, form), len(row.on.tokens), TOP)
                    other = await completions[1].complete(getattr(row, form), len(row.off.tokens), TOP)
            done += 1
            on_progress(done, len(file.rows))
            if chat is None or own is None or other is None:
                return None
            return ServedRow(row, chat, own, other, prompt)

        asked = await asyncio.gather(*map(ask, file.rows, prompts))
        clients = (*chats, *completions)
        spent = sum(client.requests for client in clients), sum(client.tokens for client in clients)
    return _result((tuned, base), file, [row for row in asked if row is not None], spent, completed=form is not None)


def _result(
    pair: tuple[Target, Target],
    file: ParityFile,
    answered: Sequence[ServedRow],
    spent: tuple[int, int],
    *,
    completed: bool,
) -> ModelParity:
    """``spent``: the requests, and the tokens of their prompts."""
    tuned, base = pair
    if len(answered) < LEAST_ROWS:
        raise UsageError(
            f"{tuned.name}: only {len(answered)} of {len(file.rows)} rows were answered by it and by {base.name}; "
            f"at least {LEAST_ROWS} are needed"
        )
    found = find_cause(answered, completed=completed)
    return ModelParity(
        **asdict(found),
        deployment=tuned.name,
        base=base.name,
        deployment_digest=tuned.deployment_digest,
        file_digest=file.digest,
        asked_us=time.time_ns() // 1000,
        rows=len(answered),
        unanswered=len(file.rows) - len(answered),
        requests=spent[0],
        tokens=spent[1],
    )


def _refuse_other_model(tuned: Target, file: ParityFile, prompts: Sequence[ServerPrompt]) -> None:
    pairs = [(told.recorded, row) for told, row in zip(prompts, file.rows, strict=True) if told.recorded is not None]
    others = [row for served, row in pairs if served != row.token_ids]
    if len(others) > OTHER_TOKENS * len(pairs):
        raise UsageError(
            f"{tuned.name}: its server splits {len(others)} of {len(pairs)} recorded prompts into other token ids, so "
            "the file is of a model with another vocabulary"
        )


async def _learn(chat: ProbeClient, row: ParityRow) -> None:
    case = Case("first", row.messages, None)
    if not await chat.learn(case):
        answer = await chat.ask(case, PARAMS)
        raise UsageError(f"{chat.target.name} does not answer: {answer.error}")


async def _form(clients: Sequence[CompletionClient], row: ParityRow) -> Form | None:
    """The form in which both servers complete exactly the recorded tokens, with log probabilities."""
    forms: tuple[Form, ...] = ("token_ids", "prompt")
    for form in forms:
        try:
            answers = [await client.complete(getattr(row, form), 1, TOP) for client in clients]
        except TargetRefused:  # it has chats only
            return None
        if all(answer and answer.tops and answer.tokens_in == len(row.token_ids) for answer in answers):
            return form
    return None


async def _chat(client: ProbeClient, row: ParityRow, record: Recorded) -> ProbeAnswer | None:
    params = {**client.params, "max_tokens": len(record.tokens) + MORE_TOKENS}
    return await client.probe(Case("row", row.messages, None), params)
