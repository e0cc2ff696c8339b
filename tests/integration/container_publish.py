"""Publishes ports of containers on the loopback of their host, as an engine does.

Usage: ``python container_publish.py 127.0.0.1:8080=10.77.0.2:8080…``. Prints one line once it listens, and goes on.
"""

from __future__ import annotations

import asyncio
import sys
from functools import partial


async def main(rules: list[str]) -> None:
    servers = []
    for rule in rules:
        (host, port), target = rule.partition("=")[0].split(":"), rule.partition("=")[2]
        servers.append(await asyncio.start_server(partial(serve, target), host, int(port)))
    print("published", flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


async def serve(target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection, in both directions until either side ends it."""
    host, port = target.split(":")
    try:
        there = await asyncio.open_connection(host, int(port))
    except OSError:
        writer.close()
        return
    await asyncio.gather(carry(reader, there[1]), carry(there[0], writer))


async def carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65_536):
            target.write(data)
            await target.drain()
        target.write_eof()
    except OSError:
        target.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
