#!/usr/bin/env python3
"""How often two real servers load checkpoints for an unsorted file, by their own logs.

    python3 tests/comfyui/server.py install
    cargo build --release && python3 benches/two_servers.py [--binary PATH] [--rounds 12]

Two ComfyUI on the CPU, two tiny checkpoints, and a chain whose items ask for them in turn: once in the
order of the file, once in the smart order. Each server says in its log when it loads a checkpoint. Ends
with 1 when the smart order loads more than twice for each server. Needs only the standard library (Linux).
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import measure

sys.path.insert(0, str(measure.REPOSITORY / "tests" / "comfyui"))
import server  # noqa: E402

NAMES = ["one.ckpt", "two.ckpt"]

# What ComfyUI writes when it has read a checkpoint from the disk.
LOADED = "model_type "

# A copy of a checkpoint with other weights.
CHANGE = """
import sys, torch
kept = torch.load(sys.argv[1])
weights = kept["state_dict"]
name = min((n for n in weights if weights[n].dim() == 1), key=lambda n: weights[n].numel())
weights[name] = weights[name] + 0.25
torch.save(kept, sys.argv[2])
"""

CHAIN = """kind = "chain"
format = 1
name = "pictures"
version = "1.0.0"
mode = "{mode}"

[task.make]
type = "graph"
[task.make.foreach]
n = {{ from = {first}, to = {last} }}
checkpoint = ["one.ckpt", "two.ckpt"]
[task.make.node.model.CheckpointLoaderSimple]
ckpt_name = "{{checkpoint}}"
[task.make.node.text.CLIPTextEncode]
clip = "@model.CLIP"
text = "a picture"
[task.make.node.latent.EmptyLatentImage]
width = 64
height = 64
batch_size = 1
[task.make.node.sampler.KSampler]
model = "@model.MODEL"
positive = "@text.CONDITIONING"
negative = "@text.CONDITIONING"
latent_image = "@latent.LATENT"
seed = "{{n}}"
steps = 2
cfg = 7.0
sampler_name = "euler"
scheduler = "normal"
denoise = 1.0
[task.make.node.decode.VAEDecode]
samples = "@sampler.LATENT"
vae = "@model.VAE"
[task.make.outputs]
image = "@decode.IMAGE"
"""


class Server:
    """A ComfyUI in a folder of its own."""

    def __init__(self, installation: Path, base: Path):
        self.installation, self.base = installation, base
        self.log = base / "server.log"
        port = server.free_port()
        self.url = f"http://127.0.0.1:{port}"
        checkpoints = base / "models" / "checkpoints"
        checkpoints.mkdir(parents=True)
        tiny = installation / "models" / "checkpoints" / server.CHECKPOINT
        shutil.copy(tiny, checkpoints / NAMES[0])
        subprocess.run([server.python(installation), "-c", CHANGE, tiny, checkpoints / NAMES[1]], check=True)
        server.prepare(installation, base)
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(server.command_line(installation, port, base), cwd=server.program(installation),
                                            stdout=log, stderr=log, start_new_session=True)

    def loads(self) -> int:
        return self.log.read_text(errors="replace").count(LOADED)

    def forget(self) -> None:
        """Drops its models and results, so that every round begins alike."""
        body = json.dumps({"unload_models": True, "free_memory": True}).encode()
        request = urllib.request.Request(f"{self.url}/free", body, {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=30).close()
        time.sleep(3)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


def carry_out(binary: Path, servers: list[Server], folder: Path, mode: str, first: int, rounds: int) -> list[int]:
    """Runs the chain in a mode; how often each server loaded a checkpoint."""
    (folder / "pipelines").mkdir(parents=True, exist_ok=True)
    text = CHAIN.format(mode=mode, first=first, last=first + rounds - 1)
    (folder / "pipelines" / "pictures.toml").write_text(text)
    tables = [f'[server.{name}]\nurl = "{each.url}"\n' for name, each in zip("ab", servers)]
    (folder / "comfywright.toml").write_text("".join(tables))
    for each in servers:
        each.forget()
    before = [each.loads() for each in servers]
    began = time.monotonic()
    done = subprocess.run([binary, "run", "pictures", "--json"], cwd=folder, stdout=subprocess.PIPE, check=False)
    answer = json.loads(done.stdout)
    counts = answer["data"]["counts"] if answer["ok"] else answer
    if counts != {"done": 2 * rounds}:
        sys.exit(f"{mode}: {counts}")
    loads = [each.loads() - old for each, old in zip(servers, before)]
    print(f"{mode:6} {2 * rounds} items on 2 servers: checkpoints loaded {loads}, {time.monotonic() - began:.1f} s")
    return loads


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, default=measure.BINARY)
    parser.add_argument("--rounds", type=int, default=12)
    arguments = parser.parse_args()
    installation = server.installation()
    if not server.is_complete(installation):
        sys.exit(f"there is no ComfyUI in {installation}: run `python3 tests/comfyui/server.py install` first")
    with tempfile.TemporaryDirectory(prefix="two-servers-") as name:
        servers = []
        try:
            servers.extend(Server(installation, Path(name) / each) for each in "ab")
            for each in servers:
                server.wait_until_ready(each.process, each.url, each.log)
            binary, folder = arguments.binary.resolve(), Path(name) / "workspace"
            fifo = carry_out(binary, servers, folder, "fifo", 1, arguments.rounds)
            smart = carry_out(binary, servers, folder, "smart", 1001, arguments.rounds)
        finally:
            for each in servers:
                each.stop()
    return 0 if measure.verdict("checkpoints loaded in the smart order", sum(smart), 4) and sum(fifo) > sum(smart) else 1


if __name__ == "__main__":
    sys.exit(main())
