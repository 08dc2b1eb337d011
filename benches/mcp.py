#!/usr/bin/env python3
"""The MCP server beside a minimal Python FastMCP server with an equivalent tool: start time, the
median of a call, and memory, as ratios.

    cargo build --release
    python3 -m venv VENV && VENV/bin/pip install --requirement tests/mcp/requirements.txt
    python3 benches/mcp.py --python VENV/bin/python [--binary PATH] [--rounds 300]

Both servers list the documents of the same workspace, twelve of them, with size, kind, name and
version, read anew in every call; one client speaks to both by turns, so that a busy machine slows
both. Needs only the standard library itself. Exits 1 when a call is not at least ten times faster.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import measure

DOCUMENTS = 12
LEAST_RATIO = 10.0
FASTMCP = '''
import pathlib, tomllib
from fastmcp import FastMCP

server = FastMCP("bench")

@server.tool
def list_files(glob: str = "pipelines/**/*") -> dict:
    """Files of the workspace by glob."""
    files = []
    for path in sorted(pathlib.Path(".").glob(glob)):
        if path.is_file():
            document = tomllib.loads(path.read_text()) if path.suffix == ".toml" else {}
            files.append({"path": str(path), "bytes": path.stat().st_size, "kind": document.get("kind"),
                          "document": f"{document.get('name')}@{document.get('version')}"})
    return {"files": files, "total": len(files)}

server.run(show_banner=False)
'''


class Server:
    """A server over standard input and output, ready for calls; knows how long it took to start."""

    def __init__(self, command, folder):
        began = time.perf_counter()
        self.process = subprocess.Popen([str(part) for part in command], cwd=folder, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.number = 0
        client = {"name": "bench", "version": "1"}
        self.ask("initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client})
        self.start = time.perf_counter() - began
        self.write({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def write(self, message):
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def ask(self, method, params):
        self.number += 1
        self.write({"jsonrpc": "2.0", "id": self.number, "method": method, "params": params})
        while True:
            answer = json.loads(self.process.stdout.readline())
            if answer.get("id") == self.number:
                return answer

    def call(self):
        """Seconds of one call, which must list all documents."""
        began = time.perf_counter()
        answer = self.ask("tools/call", {"name": "list_files", "arguments": {}})
        took = time.perf_counter() - began
        assert answer["result"]["structuredContent"]["total"] == DOCUMENTS, answer
        return took

    def memory_mib(self):
        """Resident memory; 0 where the system does not tell it in a file."""
        status = Path(f"/proc/{self.process.pid}/status")
        lines = status.read_text().splitlines() if status.exists() else []
        return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=30)


def workspace(folder):
    (folder / "pipelines").mkdir()
    (folder / "comfywright.toml").write_text("")
    text = (measure.REPOSITORY / "pipelines" / "product-mask.toml").read_text()
    for number in range(DOCUMENTS):
        changed = text.replace('"product-mask"', f'"mask-{number}"')
        (folder / "pipelines" / f"mask-{number}.toml").write_text(changed)


def started(command, folder, times):
    """Median seconds from the start of the process to its first answer."""
    starts = []
    for _ in range(times):
        server = Server(command, folder)
        starts.append(server.start)
        server.close()
    return statistics.median(starts)


def report(what, unit, ours, theirs):
    ratio = theirs / ours if ours else float("nan")
    print(f"{what:<12} comfywright {ours:9.3f} {unit}   FastMCP {theirs:9.3f} {unit}   {ratio:6.1f} x")
    return ratio


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--binary", type=Path, default=measure.BINARY)
    arguments.add_argument("--python", type=Path, default=Path(shutil.which("python3") or "python3"))
    arguments.add_argument("--rounds", type=int, default=300)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        workspace(folder)
        commands = [[options.binary.absolute(), "mcp"], [options.python.absolute(), "-c", FASTMCP]]
        report("start", "ms", *(started(command, folder, 9) * 1000 for command in commands))
        servers = [Server(command, folder) for command in commands]
        for server in servers:
            for _ in range(20):
                server.call()
        times = [[], []]
        for _ in range(options.rounds):
            for server, taken in zip(servers, times):
                taken.append(server.call())
        ratio = report("call, p50", "ms", *(statistics.median(taken) * 1000 for taken in times))
        report("call, p95", "ms", *(statistics.quantiles(taken, n=20)[-1] * 1000 for taken in times))
        report("memory", "MiB", *(server.memory_mib() for server in servers))
        for server in servers:
            server.close()
    return 0 if measure.verdict("share of FastMCP's time", 1 / ratio, 1 / LEAST_RATIO) else 1


if __name__ == "__main__":
    sys.exit(main())
