"""The command `fairtrial data`, whose subcommands work on training data and on what a fine-tune made of it."""

import click

from fairtrial.domain.registry import Registry

DATA_COMMANDS = Registry("fairtrial_cli.data_commands", "command", noun="command", kind=click.Command)


class DataCommands(click.Group):
    """A group whose subcommands are the modules of `fairtrial_cli.data_commands`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click calls it so
        return DATA_COMMANDS.names()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click calls it so
        return DATA_COMMANDS.get(cmd_name) if cmd_name in DATA_COMMANDS.names() else None


@click.command(cls=DataCommands)
def command() -> None:
    """Check training data, and what a fine-tune learned from it.

    \b
    Example:  fairtrial data log trainer_state.json
    """
