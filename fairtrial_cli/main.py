"""The command `fairtrial`, which imports only the requested subcommand from the folder `commands/`."""

import sys

import click

from fairtrial.domain.errors import FairtrialError, printable
from fairtrial.domain.registry import Registry

BROKEN = 70
"""The exit code for an internal error (EX_SOFTWARE of sysexits.h), distinct from all verdicts and usage errors."""
COMMANDS = Registry("fairtrial_cli.commands", "command", noun="command", kind=click.Command)


class Commands(click.Group):
    """A group whose subcommands are the modules of `fairtrial_cli.commands`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click calls it so
        return COMMANDS.names()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click calls it so
        if cmd_name in COMMANDS.names():
            return COMMANDS.get(cmd_name)
        return None


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
    try:
        sys.exit(fairtrial.main(standalone_mode=False) or 0)
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except FairtrialError as error:
        # A message may quote names from files, which must not control the terminal.
        click.echo("\n".join(map(printable, f"error: {error}".split("\n"))), err=True)
        sys.exit(error.exit_code)
    except Exception as error:  # noqa: BLE001 - Python would exit with 1, which means BLOCK
        sys.exit(_report_unexpected(error))


def _report_unexpected(error: Exception) -> int:
    """Print an unexpected error and return its exit code: file errors in one line, others with a traceback."""
    if isinstance(error, OSError) and error.filename is not None:
        click.echo(f"error: {error.filename}: {error.strerror}", err=True)
        return FairtrialError.exit_code
    import traceback  # slow to load

    traceback.print_exception(error)
    click.echo("error: internal error of fairtrial, not a verdict; please report the lines above", err=True)
    return BROKEN


if __name__ == "__main__":
    main()
