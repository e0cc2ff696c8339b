"""Runs llama.cpp's server with eight slots and continuous batching, so that answers depend on what runs beside them.

python -m benchmarks.fingerprint_work.llama_program BASE.gguf [ADAPTER.gguf STRENGTH]
"""

import sys
import threading

import xllamacpp

SLOTS = 8


def main() -> None:
    """Serve until killed; the address is the first line of the output."""
    base, *adapter = sys.argv[1:]
    params = xllamacpp.CommonParams()
    params.model.path = base
    params.n_ctx = 512 * SLOTS
    params.n_parallel = SLOTS
    params.cont_batching = True
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 2
    params.fit_params = False
    params.ui = False
    params.verbosity = 1
    if adapter:
        params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(adapter[0], float(adapter[1]))]
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
