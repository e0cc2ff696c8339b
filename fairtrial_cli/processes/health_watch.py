"""What `fairtrial up` says while it runs: each trouble once when it begins, and once when it is over."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from fairtrial_cli.processes.services import Services

LOOK_SECONDS = 2.0
ANSWER_SECONDS = 2.0
LETTERS = 2_000
"""Of the reason why a configuration was refused."""


class HealthWatch:
    """Looks at the services' ``/readyz`` from time to time; ``say`` prints one message."""

    def __init__(self, services: Services, say: Callable[[str], None]) -> None:
        self._services = services
        self._say = say
        self._control_door, self._gateway_door = Door(services.urls.control), Door(services.urls.gateway)
        self._refused: str | None = None
        self._losing = False

    def look(self) -> None:
        """Ask once, and say what has changed."""
        control, gateway = self._control_door.ready(), self._gateway_door.ready()
        if control is not None:
            self._control(control)
        if gateway is not None:
            self._recording(losing=gateway.get("recording") == "losing")

    def _control(self, said: dict[str, Any]) -> None:
        child = self._services.children["control"]
        if child.trouble is not None and said.get("status") == "ok":
            child.recovered()
            self._say("control works again, and brings in what was recorded meanwhile.")
        refused = self._why_refused() if said.get("plan") == "refused" else None
        if refused is not None and refused != self._refused:
            self._say(f"The changed configuration was refused, and the last good plan stays:\n{refused}")
        elif refused is None and self._refused is not None:
            self._say("The configuration is in force again.")
        self._refused = refused

    def _why_refused(self) -> str:
        try:
            why = self._services.project.layout.plan_refused.read_text(encoding="utf-8", errors="replace")
        except OSError:
            why = "its reason is in the log of control"
        return why.strip()[:LETTERS]

    def _recording(self, *, losing: bool) -> None:
        if losing and not self._losing:
            layout = self._services.project.layout
            why = f"Is its disk full? The reason is in {layout.logs / 'gateway.log'}."
            self._say(f"Requests are served but NOT recorded: {layout.journal} can't be written. {why}")
        elif self._losing and not losing:
            self._say("Requests are recorded again.")
        self._losing = losing


class Door:
    """One service's ``/readyz``, asked over a connection that is kept: each new one costs more than the question."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = HTTPConnection(parts.hostname or "", parts.port, timeout=ANSWER_SECONDS)

    def ready(self) -> dict[str, Any] | None:
        """What it says; ``None`` if nothing answers there. A kept connection may have been closed: one more try."""
        again = self._connection.sock is not None
        try:
            return self._ask()
        except (HTTPException, OSError, ValueError):
            self._connection.close()
        return self.ready() if again else None

    def close(self) -> None:
        """Give the connection up."""
        self._connection.close()

    def _ask(self) -> dict[str, Any] | None:
        self._connection.request("GET", "/readyz")
        said = json.loads(self._connection.getresponse().read())
        return said if isinstance(said, dict) else None
