"""Prints the warnings about a configuration file to standard error, for `check` and `up`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from fairtrial.domain.errors import Diagnostic


def print_warnings(warnings: Sequence[Diagnostic]) -> None:
    """Print one line per warning, such as ``warning: fairtrial.yaml:9: experiments.a.max_weeks: has no effect``."""
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
