"""Prints what is no mistake in a file and should be known, on the error stream: for `check` and `up`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from fairtrial.domain.errors import Mistake


def print_warnings(warnings: Sequence[Mistake]) -> None:
    """One line each, such as ``warning: fairtrial.yaml:9: deployments.base.price.gpu_hour: nothing …``."""
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
