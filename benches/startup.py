#!/usr/bin/env python3
"""CPU time of `comfywright --version`: the floor under every command.

    cargo build --release && python3 benches/startup.py [--binary PATH] [--rounds 200]

Needs only the standard library (Linux or macOS). Exits 1 when the median is above 10 ms.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

import measure

LIMIT_MS = 10.0


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--binary", type=Path, default=measure.BINARY)
    arguments.add_argument("--rounds", type=int, default=200)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = measure.repeated([options.binary.resolve(), "--version"], Path(folder), options.rounds)
    cpu = [result.cpu * 1000 for result in results]
    print(f"{results[0].output.decode().strip()}, {options.rounds} runs")
    print(f"CPU  min {min(cpu):.2f} ms   median {statistics.median(cpu):.2f} ms   max {max(cpu):.2f} ms")
    print(f"{measure.summary(results)}")
    print(f"peak {max(result.peak_mib for result in results):.1f} MiB")
    return 0 if measure.verdict("median CPU time in ms", statistics.median(cpu), LIMIT_MS) else 1


if __name__ == "__main__":
    sys.exit(main())
