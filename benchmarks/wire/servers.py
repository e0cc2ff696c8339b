"""Starts what is measured, each in separate processes on a free port: upstream, gateway, nginx, LiteLLM's proxy."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.wire.load import KEY, request
from benchmarks.wire.plan import publish_for
from benchmarks.wire.programs import installed_packages
from fairtrial.config.layout import Layout
from gateway.proxy.supervisor import Serving, Supervisor

HERE = Path(__file__).parent
NGINX_CONF = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log error;
worker_rlimit_nofile {files};
events {{ worker_connections {files}; }}
http {{
  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder}; keepalive_requests 1000000000; client_body_buffer_size 64k;
  upstream plain {{ server 127.0.0.1:{upstream}; keepalive 512; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://plain; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
    }}
  }}
}}
"""
LITELLM = "litellm[proxy]==1.108.7"
LITELLM_CONF = """
model_list:
  - model_name: bench
    litellm_params: {{model: openai/bench, api_base: "http://127.0.0.1:{upstream}/v1", api_key: none}}
litellm_settings: {{set_verbose: false, json_logs: false, callbacks: [], num_retries: 0}}
general_settings: {{master_key: "{key}", disable_spend_logs: true, disable_error_logs: true}}
"""
LITELLM_TUNED = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOG": "ERROR",
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_DONT_SHOW_FEEDBACK_BOX": "True",
    "NO_DOCS": "True",
}


@dataclass(frozen=True, slots=True)
class Server:
    """A server that is up: where it listens, and the process whose tree counts."""

    name: str
    port: int
    pid: int


@contextmanager
def upstream(*options: str) -> Iterator[Server]:
    """The instant upstream."""
    command = [sys.executable, str(HERE / "instant_upstream.py"), *options]
    with ended(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)) as process:
        assert process.stdout is not None
        yield Server("plain upstream", int(process.stdout.readline()), process.pid)


@contextmanager
def gateway(plain: Server, folder: Path, **serving: Any) -> Iterator[Server]:
    """The gateway with one worker."""
    layout = Layout(folder / "bench.duckdb").make()
    publish_for(layout.plan, plain.port)
    supervisor = Supervisor(Serving("127.0.0.1", 0, layout.plan, layout.journal, workers=1, **serving))
    supervisor.tend()
    try:
        await_answer(supervisor.port)
        yield Server("gateway", supervisor.port, supervisor.pids()[0])
    finally:
        supervisor.drain()


@contextmanager
def nginx(plain: Server, folder: Path) -> Iterator[Server | None]:
    """One worker of nginx with kept connections to the upstream, unbuffered; ``None`` if it isn't installed."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        yield None
        return
    port, conf = free_port(), folder / "nginx.conf"
    conf.write_text(NGINX_CONF.format(folder=folder, upstream=plain.port, port=port, files=16384))
    command = [program, "-p", str(folder), "-c", str(conf), "-e", str(folder / "error.log")]
    with ended(subprocess.Popen(command)) as process:
        await_answer(port)
        yield Server("nginx", port, process.pid)


@contextmanager
def litellm(plain: Server, folder: Path, room: Path) -> Iterator[Server]:
    """One worker of LiteLLM's proxy, tuned as its documentation says, with one key and no database."""
    program = installed_packages(room, (LITELLM,), "litellm") / "litellm"
    port, conf = free_port(), folder / "litellm.yaml"
    conf.write_text(LITELLM_CONF.format(upstream=plain.port, key=KEY))
    command = [str(program), "--config", str(conf), "--host", "127.0.0.1", "--port", str(port)]
    command += ["--num_workers", "1", "--telemetry", "False"]
    with (folder / "litellm.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **LITELLM_TUNED}, cwd=folder)
    with ended(process):
        await_answer(port, seconds=120)
        yield Server("LiteLLM's proxy", port, process.pid)


@contextmanager
def ended(
    process: subprocess.Popen[Any], *, number: int = signal.SIGTERM, seconds: float = 10
) -> Iterator[subprocess.Popen[Any]]:
    """The process. It gets this signal at the end, and is killed if it does not end in so many seconds."""
    try:
        yield process
    finally:
        process.send_signal(number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """A free port."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def await_answer(port: int, *, seconds: float = 30) -> None:
    """Wait until a request is answered with 200."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.sendall(request())
            if client.recv(4096).startswith(b"HTTP/1.1 200"):
                return
        if time.monotonic() > deadline:
            raise RuntimeError(f"port {port} gave no good answer in {seconds} seconds")
        time.sleep(0.05)
