"""Runs llama.cpp's server on the base and all adapters. It ends with its parent.

python -m gateway.models.engine_program --base BASE.gguf --adapter A.gguf --threads 1 --parent PID --tell FD
"""

import argparse
import ctypes
import os
import signal
import sys
import threading
from typing import Any

CONTEXT = 2048
PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serve until killed. The address is written to the file descriptor ``--tell`` as one line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--base", required=True)
    parser.add_argument("--adapter", action="append", default=[])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--tell", type=int, required=True)
    options = parser.parse_args()
    _end_with(options.parent)
    server = _serve(options.base, options.adapter, threads=options.threads)
    os.write(options.tell, f"{server.listening_address}\n".encode())
    os.close(options.tell)
    threading.Event().wait()


def _end_with(parent: int) -> None:
    """Set PR_SET_PDEATHSIG, so that the kernel kills this process with its parent. The parent handles Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the parent is gone")


def _serve(base: str, adapters: list[str], *, threads: int) -> Any:
    """One slot: batching brings nothing on a CPU, and one request at a time is what makes answers repeatable.

    llama.cpp's cache of prompts in memory is off: it doesn't know which adapter computed them.
    """
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = base
    params.n_ctx = CONTEXT
    params.n_parallel = 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.cache_ram_mib = 0
    params.fit_params = False
    params.ui = False
    params.n_threads_http = 4
    params.verbosity = 1
    if adapters:
        params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(file, 0.0) for file in adapters]
        params.lora_init_without_apply = False
    return xllamacpp.Server(params)


if __name__ == "__main__":
    main()
