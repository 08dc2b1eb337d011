#!/usr/bin/env python3
"""Time from the start of `comfywright run` until it submits its first prompt to a real server.

    cargo build --release
    python3 tests/comfyui/server.py run -- python3 benches/ready.py [--rounds 15]

The server is the ComfyUI at COMFYWRIGHT_TEST_SERVER. Between the two stands a forwarder of this script,
which notes when `POST /prompt` passes. The first run does not count: it fetches the server's signatures,
which later runs keep (`.comfywright/servers`). The seed changes from run to run, so that nothing is
reused. The time holds the start of the process, reading and judging the documents, the plan, the
ledger, the question whether the server is the one that is known, and the intent on disk.

Prints minimum and median. Exits 1 when the median is more than 50 ms. Needs only the standard library
(Linux or macOS).
"""

import argparse
import os
import socket
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import measure
from prompts import CHECKPOINT, PRESET

LIMIT_MS = 50


class Forwarder:
    """Passes bytes on to a server and notes when the first prompt is submitted."""

    def __init__(self, address: str):
        parts = urlsplit(address)
        self.upstream = (parts.hostname, parts.port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.submitted: float | None = None
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(self.upstream)
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.pump, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self.pump, args=(server, client, False), daemon=True).start()

    def pump(self, source: socket.socket, target: socket.socket, asks: bool) -> None:
        try:
            while chunk := source.recv(1 << 16):
                if asks and chunk.startswith(b"POST /prompt") and self.submitted is None:
                    self.submitted = time.perf_counter()
                target.sendall(chunk)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # one of the two has closed the connection


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rounds", type=int, default=15)
    arguments.add_argument("--binary", type=Path, default=measure.BINARY)
    options = arguments.parse_args()
    binary = options.binary.resolve()
    forwarder = Forwarder(os.environ.get("COMFYWRIGHT_TEST_SERVER") or sys.exit("COMFYWRIGHT_TEST_SERVER is not set"))
    times = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pipelines").mkdir()
        (folder / "comfywright.toml").write_text(f'[server.bench]\nurl = "{forwarder.address}"\n')
        (folder / "pipelines" / "tiny.toml").write_text(PRESET.format(checkpoint=CHECKPOINT, steps=1))
        for seed in range(options.rounds + 1):
            forwarder.submitted = None
            began = time.perf_counter()
            result = measure.run([binary, "run", "tiny", "--set", f"seed={seed + 1}", "--server", "bench", "--json"], folder)
            if result.status != 0 or forwarder.submitted is None:
                sys.exit(f"the run ended with {result.status}:\n{result.output.decode()[:2000]}")
            times.append((forwarder.submitted - began) * 1000)
    warm = times[1:]
    print(f"until the first prompt is submitted: cold {times[0]:.0f} ms; warm min {min(warm):.1f} ms, "
          f"median {statistics.median(warm):.1f} ms")
    return 0 if measure.verdict("milliseconds until the first prompt", statistics.median(warm), LIMIT_MS) else 1


if __name__ == "__main__":
    sys.exit(main())
