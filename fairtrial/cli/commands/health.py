"""The command `fairtrial health`: whether services answer; for containers, whose images have no other client."""

from __future__ import annotations

import click

from fairtrial.domain.errors import UsageError

SCHEMES = ("http://", "https://")


@click.command()
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.option("--timeout", default=3.0, show_default=True, help="Seconds that each address may take.")
def command(urls: tuple[str, ...], timeout: float) -> None:
    """Ask each URL, and exit with 0 if all of them answer with 200, else with 1.

    Gateway and control have /readyz (a plan is in force) and /livez (the program runs).

    \b
    Example:  fairtrial health http://127.0.0.1:8080/readyz
    """
    for url in urls:
        if not url.startswith(SCHEMES):
            raise UsageError(f"{url!r} is not an address (such as http://127.0.0.1:8080/readyz)")
    wrong = {url: said for url in urls if (said := _wrong(url, timeout)) is not None}
    for url, said in wrong.items():
        click.echo(f"{url}: {said}", err=True)
    if wrong:
        raise click.exceptions.Exit(1)
    click.echo("ok")


def _wrong(url: str, timeout: float) -> str | None:
    """What is wrong there, ``None`` if nothing is. Any proxy that the environment names is passed by."""
    import http.client
    import urllib.error
    import urllib.request

    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout) as answer:
            return None if answer.status == 200 else f"answered {answer.status}"
    except urllib.error.HTTPError as error:
        words = error.read(200).decode("utf-8", "replace").strip()
        return f"answered {error.code}" + (f" ({words})" if words else "")
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"does not answer ({getattr(error, 'reason', error)})"
