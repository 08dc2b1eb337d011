"""60 prompts of about 0.3 s on one ComfyUI: `comfywright run` beside a bare script, in turns.

    python3 tests/comfyui/server.py run -- python3 benches/prompts.py [--program PATH] [--prompts 60] [--rounds 5]

The bare script posts all prompts at once, waits for the last one and fetches every output; it keeps no journal,
checks nothing and writes its files without fsync. Every prompt blurs an image of its own, so nothing is cached. The
size of the image is chosen so that a prompt takes about 0.3 s on the machine at hand. Prints the times of every
round and the ratio of the medians; ends with 1 when that is above 1.05.
"""

import argparse
import http.client
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COLORS = itertools.count(1)

PRESET = """kind = "preset"
format = 1
name = "blur"
version = "1.0.0"

[params.color]
type = "int"
role = "seed"
default = 1

[node.image.EmptyImage]
width = {side}
height = {side}
batch_size = 1
color = "{{color}}"

[node.blur.ImageBlur]
image = "@image.IMAGE"
blur_radius = 12
sigma = 4.0

[outputs]
image = "@blur.IMAGE"
"""


class Server:
    """One connection that is kept open."""

    def __init__(self, url):
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc)

    def ask(self, method, path, body=None):
        text = None if body is None else json.dumps(body)
        self.connection.request(method, path, text, {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        data = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{method} {path}: {answer.status} {data[:200]!r}")
        return data

    def json(self, method, path, body=None):
        return json.loads(self.ask(method, path, body))


def graph(color, side, prefix):
    return {
        "image": {"class_type": "EmptyImage", "inputs": {"width": side, "height": side, "batch_size": 1, "color": color}},
        "blur": {"class_type": "ImageBlur", "inputs": {"image": ["image", 0], "blur_radius": 12, "sigma": 4.0}},
        "save_image": {"class_type": "SaveImage", "inputs": {"images": ["blur", 0], "filename_prefix": prefix}},
    }


def bare(url, count, side):
    """Seconds of the bare script."""
    server, folder = Server(url), Path(tempfile.mkdtemp(prefix="bare-"))
    begun = time.perf_counter()
    ids = []
    for color in itertools.islice(COLORS, count):
        ids.append(str(uuid.uuid4()))
        body = {"prompt": graph(color, side, f"bare/{ids[-1]}"), "prompt_id": ids[-1]}
        server.json("POST", "/prompt", body)
    waiting = list(ids)
    while waiting:
        entry = server.json("GET", f"/history/{waiting[0]}").get(waiting[0])
        if entry is None:
            time.sleep(0.01)
            continue
        for file in entry["outputs"]["save_image"]["images"]:
            query = urllib.parse.urlencode(file)
            (folder / f"{waiting[0]}.png").write_bytes(server.ask("GET", f"/view?{query}"))
        waiting.pop(0)
    return time.perf_counter() - begun


def ours(program, workspace, count):
    """Seconds of `comfywright run`."""
    first = next(COLORS)
    for _ in range(count - 1):
        last = next(COLORS)
    command = [program, "run", "blur", "--seeds", f"{first}..{last}", "--server", "local", "--json"]
    begun = time.perf_counter()
    done = subprocess.run(command, cwd=workspace, capture_output=True, text=True)
    seconds = time.perf_counter() - begun
    counts = json.loads(done.stdout or "{}").get("data", {}).get("counts")
    if counts != {"done": count}:
        raise SystemExit(f"comfywright run: {counts} {done.stdout} {done.stderr}")
    return seconds


def fitting_side(url, wanted):
    """The side of an image whose blur takes about `wanted` seconds."""
    side = 512
    for _ in range(4):
        bare(url, 1, side)
        seconds = statistics.median(bare(url, 1, side) for _ in range(3))
        side = max(64, min(4096, round(side * (wanted / seconds) ** 0.5 / 8) * 8))
    return side


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(ROOT / "target/release/comfywright"))
    parser.add_argument("--server", default=os.environ.get("COMFYWRIGHT_TEST_SERVER"))
    parser.add_argument("--prompts", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3)
    arguments = parser.parse_args()
    if not arguments.server:
        parser.error("give the address of a ComfyUI: --server URL")
    side = fitting_side(arguments.server, arguments.seconds)
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder)
        (workspace / "pipelines").mkdir()
        (workspace / "comfywright.toml").write_text(f'[server.local]\nurl = "{arguments.server}"\n')
        (workspace / "pipelines/blur.toml").write_text(PRESET.format(side=side))
        ours(arguments.program, workspace, 2)
        rounds = []
        for number in range(arguments.rounds):
            pair = {}
            # Whoever is first profits or suffers from what happened before: in turns.
            for who in ("bare", "ours") if number % 2 == 0 else ("ours", "bare"):
                seconds = bare(arguments.server, arguments.prompts, side) if who == "bare" else ours(
                    arguments.program, workspace, arguments.prompts
                )
                pair[who] = seconds
            rounds.append(pair)
            print(f"round {number + 1}: bare {pair['bare']:.2f} s, comfywright {pair['ours']:.2f} s", flush=True)
    medians = {who: statistics.median(pair[who] for pair in rounds) for who in ("bare", "ours")}
    ratio = medians["ours"] / medians["bare"]
    print(
        f"{arguments.prompts} prompts of {side} x {side}: bare {medians['bare']:.2f} s "
        f"({medians['bare'] / arguments.prompts:.3f} s each), comfywright {medians['ours']:.2f} s, ratio {ratio:.3f}"
    )
    return int(ratio > 1.05)


if __name__ == "__main__":
    sys.exit(main())
