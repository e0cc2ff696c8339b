"""Notices that the event loop can't keep up: it wakes later than it asked to, several times in a row."""

from __future__ import annotations

import asyncio

from gateway.proxy.admission import Admission

LOOK_SECONDS = 0.2
LATE_SECONDS = 0.5
IN_A_ROW = 3


async def watch_lag(admission: Admission) -> None:
    """Keep ``admission.late`` true to the loop, until cancelled; the first look in time makes it false again."""
    loop, late = asyncio.get_running_loop(), 0
    while True:
        asked = loop.time() + LOOK_SECONDS
        await asyncio.sleep(LOOK_SECONDS)
        late = late + 1 if loop.time() - asked > LATE_SECONDS else 0
        admission.late = late >= IN_A_ROW
