"""Runs one scorer of a project: reads its text, then one JSON line for each answer, and writes one for each value.

It is a separate program, started by `process.py`. What the scorer prints goes to the standard error output.
"""

import json
import os
import sys
import time
from typing import Any

import fairtrial  # noqa: F401 - behind the fence its folder can't be searched
from evaluators.scoring.own_scorer.fence import close_fence


def main(cpu_seconds: int) -> None:
    """Serve until the standard input ends, or half of the CPU time is used."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    close_fence(cpu_seconds)
    lines = iter(sys.stdin.readline, "")
    given = json.loads(next(lines))
    module: dict[str, Any] = {"__name__": "scorer", "__file__": given["file"]}
    try:
        exec(compile(given["text"], given["file"], "exec"), module)  # noqa: S102 - the project trusts its digest
        function = module[given["function"]]
        broken = None
    except Exception as error:  # noqa: BLE001 - whatever the project's program raises is reported
        function, broken = None, error
    for line in lines:
        reply = _value(function, broken, json.loads(line))
        reply["last"] = time.process_time() > cpu_seconds / 2
        print(json.dumps(reply), file=answers, flush=True)


def _value(function: Any, broken: Exception | None, arguments: dict[str, Any]) -> dict[str, Any]:
    try:
        if broken is not None:
            raise broken
        value = function(**arguments)
    except Exception as error:  # noqa: BLE001 - as above
        return {"error": f"{type(error).__name__}: {error}"[:1000]}
    if value is not None and not isinstance(value, bool | int | float):
        return {"error": f"it returned a {type(value).__name__}, not a number"}
    return {"value": None if value is None else float(value)}
