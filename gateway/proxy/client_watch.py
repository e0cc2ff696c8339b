"""Notices that a client has left, without a task for it: the server's ``receive`` is stepped by hand, by callbacks."""

from __future__ import annotations

from asyncio import Future, get_running_loop
from collections.abc import Callable, Generator
from typing import Any

from gateway.proxy.wire import Message, Receive


class ClientWatch:
    """Calls ``on_gone`` once when the client leaves, at once if it has left already; `close` ends the watch.

    A task and its cancellation for each request cost as much as the rest of the waiting. What is stepped here is the
    server's own coroutine, of which only this is asked: that it awaits futures of this loop and needs no current task.
    """

    __slots__ = ("_on_gone", "_receive", "_receiving")

    def __init__(self, receive: Receive, on_gone: Callable[[], None]) -> None:
        self._receive = receive
        self._on_gone = on_gone
        self._receiving: Generator[Any, None, Message] | None = receive().__await__()
        self._step()

    def close(self) -> None:
        """End the watch; may be called twice."""
        receiving, self._receiving = self._receiving, None
        if receiving is not None:
            receiving.close()

    def _step(self, _: Future[Any] | None = None) -> None:
        while self._receiving is not None:
            try:
                waits = next(self._receiving)
            except StopIteration as ended:
                self._received(ended.value)
                continue
            if waits is None:
                get_running_loop().call_soon(self._step)
            else:
                waits._asyncio_future_blocking = False  # as a task does once it has taken the future over
                waits.add_done_callback(self._step)
            return

    def _received(self, message: Message) -> None:
        if message["type"] == "http.disconnect":
            self._receiving = None
            self._on_gone()
        else:
            self._receiving = self._receive().__await__()
