"""Sends requests at a steady rate, and writes the id and the variant of each complete response with status 200.

``python benchmarks/crash_trials/load.py PORT RATE FILE`` runs until SIGTERM, then prints how many requests had which
status. Status 0 is a request whose connection broke. A quarter of the requests are streams.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import TextIO

sys.path[0] = str(Path(__file__).parents[2])

import uvloop  # noqa: E402

from benchmarks.wire.caller import Callers, has_token  # noqa: E402

CONNECTIONS, MOST_WAITING, USERS = 32, 2000, 3000


async def one(callers: Callers, number: int, file: TextIO) -> int:
    """One request; returns its status. A line in the file is an acknowledged request."""
    stream = {"stream": True, "max_tokens": 3, "seed": 2} if number % 4 == 0 else {}
    token = f"token-{number}"
    answer = await callers.ask_token(token, user=f"u-{number % USERS}", **stream)
    if answer.status == 200:
        assert has_token(answer, token), f"the response of another request: {answer}"
        file.write(f"{answer.header('x-request-id')} {answer.header('x-fairtrial-variant')}\n")
        file.flush()
    return answer.status


async def load(port: int, rate: float, file: TextIO) -> Counter[int]:
    """Send until SIGTERM. What was sent is waited for."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, over.set)
    callers, waiting, statuses = Callers(port, CONNECTIONS), set[asyncio.Task[int]](), Counter[int]()
    begun, number = loop.time(), 0
    while not over.is_set():
        due = int((loop.time() - begun) * rate)
        if len(waiting) >= MOST_WAITING:
            number = due  # while no worker lives, requests are left out
        for number in range(number, due):  # noqa: B020
            waiting.add(asyncio.create_task(one(callers, number, file)))
        number = due
        await asyncio.sleep(0.002)
        done = {task for task in waiting if task.done()}
        waiting -= done
        statuses.update(task.result() for task in done)
    statuses.update(await asyncio.gather(*waiting))
    return statuses


def main() -> None:
    """Send, then print the counts as JSON."""
    port, rate, path = sys.argv[1:]
    with Path(path).open("a") as file:
        print(json.dumps(uvloop.run(load(int(port), float(rate), file))))


if __name__ == "__main__":
    main()
