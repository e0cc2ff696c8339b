"""The command `fairtrial`, which imports only the requested subcommand from the folder `commands/`."""

import io
import os
import sys
from typing import Any

import click

from fairtrial.domain.errors import INTERNAL_ERROR, INTERRUPTED, USAGE_ERROR, FairtrialError, UsageError, printable
from fairtrial.domain.registry import Registry

COMMANDS = Registry("fairtrial_cli.commands", "command", noun="command", kind=click.Command)


class Output(io.FileIO):
    """Standard output or error, which discards the rest when its reader has left, as `head -1` does.

    The exit code of a command is its result, so a closed pipe must not replace it.
    """

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return memoryview(data).nbytes


class Commands(click.Group):
    """A group whose subcommands are the modules of `fairtrial_cli.commands`."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:  # of a connection; click would exit with 1, which means BLOCK
            raise RuntimeError("the other end of a connection is closed") from error

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click calls it so
        return COMMANDS.names()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS.names():
            return COMMANDS.get(cmd_name)
        if cmd_name == "plan":
            raise UsageError("fairtrial plan: use fairtrial config log, show [--at TIME] or diff")
        if ctx.resilient_parsing:
            return None
        # Click itself would look for a similar name only among the commands of `self.commands`, which is empty.
        raise click.exceptions.NoSuchCommand(cmd_name, possibilities=COMMANDS.names(), ctx=ctx)


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="fairtrial")
def fairtrial() -> None:
    """Give a fine-tuned model a fair trial: before it ships, while it ships, and after.

    \b
    Example:  fairtrial demo --no-wait
    """


def main() -> None:
    """Run the command line. A `FairtrialError` is printed as one message and exits with its code, usually 2.

    A file that can't be read or written also exits with 2. Any other exception is an internal error and exits with 70.
    """
    _tolerate_closed_pipes()
    try:
        sys.exit(fairtrial.main(standalone_mode=False) or 0)
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        sys.exit(INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(USAGE_ERROR)
    except FairtrialError as error:
        # A message may quote names from files, which must not control the terminal.
        click.echo("\n".join(map(printable, f"error: {error}".split("\n"))), err=True)
        sys.exit(error.exit_code)
    except Exception as error:  # noqa: BLE001 - Python would exit with 1, which means BLOCK
        sys.exit(_report_unexpected(error))


def _tolerate_closed_pipes() -> None:
    """Replace both streams by ones whose reader may leave; a stream that was closed at the start goes nowhere."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - open until the end
            continue
        buffer = getattr(stream, "buffer", None)
        if not isinstance(getattr(buffer, "raw", buffer), io.FileIO):
            continue  # a caller in this process has replaced it
        raw = Output(stream.fileno(), "w", closefd=False)
        unbuffered, same = isinstance(buffer, io.FileIO), ("encoding", "errors", "line_buffering", "write_through")
        options: dict[str, Any] = {option: getattr(stream, option) for option in same}
        setattr(sys, name, io.TextIOWrapper(raw if unbuffered else io.BufferedWriter(raw), **options))


def _report_unexpected(error: Exception) -> int:
    """Print an unexpected error and return its exit code: file errors in one line, others with a traceback."""
    if isinstance(error, OSError) and error.filename is not None:
        click.echo(f"error: {error.filename}: {error.strerror}", err=True)
        return FairtrialError.exit_code
    import traceback  # slow to load

    traceback.print_exception(error)
    click.echo("error: internal error of fairtrial, not a verdict; please report the lines above", err=True)
    return INTERNAL_ERROR


if __name__ == "__main__":
    main()
