"""The command `fairtrial health`, which checks services over HTTP, for example from inside a container."""

import json
from typing import Any, NamedTuple

import click

from fairtrial.domain.errors import UsageError
from fairtrial.domain.limits.canonical_json import json_object
from fairtrial_cli.options import JSON

SCHEMES = ("http://", "https://")
LARGEST = 65_536
"""Maximum bytes of a response that are read."""

ALARMS = {"recording": "losing", "plan": "refused", "store": "failing"}
"""Problems that a service reports although it responds with 200."""


class Answer(NamedTuple):
    """What a service responded; ``error`` says why it is not well, and ``said`` is its report."""

    url: str
    ok: bool
    status: int | None
    error: str | None
    said: dict[str, Any]


@click.command()
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.option("--timeout", default=3.0, show_default=True, help="Timeout for each address, in seconds.")
@JSON
def command(urls: tuple[str, ...], timeout: float, as_json: bool) -> None:
    """Request each URL. The exit code is 0 if all respond with 200, otherwise 1.

    Gateway and control have /readyz (a plan is in force) and /livez (the process runs). If /readyz reports lost
    records, a refused configuration or a failing store, an alarm is printed. It does not change the exit code, because
    requests are still served.

    \b
    Example:  fairtrial health http://127.0.0.1:8080/readyz http://127.0.0.1:8081/readyz --json
    """
    for url in urls:
        if not url.startswith(SCHEMES):
            raise UsageError(f"{url!r} is not an address (such as http://127.0.0.1:8080/readyz)")
    answers = [_ask(url, timeout) for url in urls]
    ok = all(answer.ok for answer in answers)
    services = [answer._asdict() for answer in answers]
    click.echo(json.dumps({"ok": ok, "services": services})) if as_json else _print(answers)
    if not ok:
        raise click.exceptions.Exit(1)


def _print(answers: list[Answer]) -> None:
    wrong = [f"{answer.url}: {answer.error}" for answer in answers if not answer.ok]
    alarms = [f"{answer.url}: {name} is {state}" for answer in answers for name, state in _alarms(answer.said).items()]
    for line in wrong + alarms:
        click.echo(line, err=True)
    if not wrong:
        click.echo(f"ok, with {len(alarms)} {'alarm' if len(alarms) == 1 else 'alarms'}" if alarms else "ok")


def _alarms(said: dict[str, Any]) -> dict[str, str]:
    return {name: state for name, state in ALARMS.items() if said.get(name) == state}


def _ask(url: str, timeout: float) -> Answer:
    """Check one address. Proxies set in the environment are ignored."""
    import http.client
    import urllib.error
    import urllib.request

    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout) as answer:
            report = json_object(answer.read(LARGEST)) or {}
            error = None if answer.status == 200 else f"responded with {answer.status}"
            return _report(url, answer.status, error, report)
    except urllib.error.HTTPError as refused:
        content = refused.read(LARGEST)
        words = content[:200].decode("utf-8", "replace").strip()
        error = f"responded with {refused.code}" + (f" ({words})" if words else "")
        return _report(url, refused.code, error, json_object(content) or {})
    except (OSError, ValueError, http.client.HTTPException) as failure:
        return _report(url, None, f"does not respond ({getattr(failure, 'reason', failure)})", {})


def _report(url: str, status: int | None, error: str | None, said: dict[str, Any]) -> Answer:
    return Answer(url, error is None, status, error, said)
