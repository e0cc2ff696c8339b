"""Notices that the event loop can't keep up: it wakes later than it asked to, several times in a row."""

from __future__ import annotations

import asyncio

from gateway.proxy.admission import Admission

LOOK_SECONDS = 0.2
REST_SECONDS = 1.0
"""While no request is in progress, which is when nobody could be refused."""

LATE_SECONDS = 0.5
IN_A_ROW = 3


async def watch_lag(admission: Admission) -> None:
    """Keep ``admission.late`` true to the loop, until cancelled; the first look in time makes it false again."""
    loop, late = asyncio.get_running_loop(), 0
    while True:
        seconds = LOOK_SECONDS if admission.in_flight or admission.late else REST_SECONDS
        asked = loop.time() + seconds
        await asyncio.sleep(seconds)
        late = late + 1 if loop.time() - asked > LATE_SECONDS else 0
        admission.late = late >= IN_A_ROW
