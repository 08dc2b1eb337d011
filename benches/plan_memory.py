#!/usr/bin/env python3
"""Time and memory of `comfywright plan` of a chain of N items x 4 tasks, N = 10,000 and 100,000.

    cargo build --release && python3 benches/plan_memory.py [--binary PATH] [--rounds 3]

The chain draws N pictures with an inline graph and resizes, adjusts and enlarges each; planning it
draws nothing. Needs only the standard library (Linux or macOS). Exits 1 when 10,000 items need more
than 150 MiB, or 100,000 more than 12 times the time of 10,000.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import measure

SMALL, LARGE = 10_000, 100_000
LIMIT_MIB = 150.0
LIMIT_RATIO = 12.0

CHAIN = """kind = "chain"
format = 1
name = "many"
version = "1.0.0"

[task.draw]
type = "graph"

[task.draw.node.picture.EmptyImage]
width = 64
height = 64
batch_size = 1
color = "{number}"

[task.draw.outputs]
image = "@picture.IMAGE"

[task.draw.foreach]
number = { from = 1, to = NUMBER }

[task.fit]
type = "resize"
depends_on = ["draw"]
with.width = 48
with.height = 48

[task.finish]
type = "adjust"
depends_on = ["fit"]
with.sharpen = 0.3

[task.enlarge]
type = "upscale"
depends_on = ["finish"]
with.scale = 2
"""


def planned(binary: Path, items: int, rounds: int) -> list[measure.Usage]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pipelines").mkdir()
        (folder / "comfywright.toml").write_text("")
        (folder / "pipelines" / "many.toml").write_text(CHAIN.replace("NUMBER", str(items)))
        results = measure.repeated([binary, "plan", "pipelines/many.toml", "--json"], folder, rounds)
    answer = json.loads(results[-1].output)
    if not answer["ok"] or str(items) not in json.dumps(answer["data"]):
        sys.exit(f"the plan does not speak of {items} items:\n{json.dumps(answer)[:2000]}")
    print(f"{items:7} items x 4 tasks: {measure.summary(results)}   peak {max(r.peak_mib for r in results):7.1f} MiB"
          f"   {len(results[-1].output)} bytes of JSON")
    return results


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--binary", type=Path, default=measure.BINARY)
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()
    binary = options.binary.resolve()
    small = planned(binary, SMALL, options.rounds)
    large = planned(binary, LARGE, options.rounds)
    peak = max(result.peak_mib for result in small)
    ratio = measure.median_wall(large) / measure.median_wall(small)
    holds = [
        measure.verdict(f"peak of {SMALL} items in MiB", peak, LIMIT_MIB),
        measure.verdict(f"time of {LARGE} items over that of {SMALL}", ratio, LIMIT_RATIO),
    ]
    return 0 if all(holds) else 1


if __name__ == "__main__":
    sys.exit(main())
