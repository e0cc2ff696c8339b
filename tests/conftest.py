"""What holds for every test, however the tests are started."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from tests import cpu_by_group
from tests.fixtures.services.forked_process import GC_THRESHOLDS, share_certificates, use_one_engine_thread
from tests.release_parts import add_option, select

# A job in the background ignores these signals, and so would its children.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)

# No outcome may depend on how fast a machine is or on the day's examples; to hunt: HYPOTHESIS_PROFILE=default.
settings.register_profile("steady", settings.get_profile("ci"), max_examples=50)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With ``-n``, a process takes files or groups of files that share something expensive."""
    from tests.xdist_groups import GroupScheduling

    return GroupScheduling(config, log)


def pytest_addoption(parser: pytest.Parser) -> None:
    add_option(parser)


def pytest_configure(config: pytest.Config) -> None:
    cpu_by_group.register(config)
    share_certificates()


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """Takes what was imported out of garbage collection, which otherwise goes through all of it again and again."""
    gc.disable()
    try:
        if not session.config.pluginmanager.hasplugin("dsession"):  # the process that only hands out tests
            use_one_engine_thread()
        if hasattr(session.config, "workerinput") and session.config.args == session.config.getini("testpaths"):
            from tests.xdist_groups import import_share

            import_share(session.config.workerinput["workerid"], session.config.workerinput["workercount"])
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what belongs to another run. With ``-n``, what takes long starts first."""
    select(config, items)
    if hasattr(config, "workerinput"):
        from tests.xdist_groups import start_order

        items.sort(key=lambda item: start_order(item.nodeid))
