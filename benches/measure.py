"""What the benchmark scripts share: running a program and reading what it used."""

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
SUFFIX = ".exe" if os.name == "nt" else ""
BINARY = REPOSITORY / "target" / "release" / f"comfywright{SUFFIX}"


@dataclass
class Usage:
    """One run of a program: seconds of wall time and CPU, and the peak of its resident memory."""

    wall: float
    cpu: float
    peak_mib: float
    status: int
    output: bytes


def run(command: list[str | Path], folder: Path) -> Usage:
    """Runs a program to its end; what it writes to standard output is kept, the rest is shown."""
    start = time.perf_counter()
    with subprocess.Popen([str(part) for part in command], cwd=folder, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE) as process:
        output = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return Usage(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / unit, process.returncode, output)


def repeated(command: list[str | Path], folder: Path, rounds: int, statuses: tuple[int, ...] = (0,)) -> list[Usage]:
    """Runs a program `rounds` times after one run that does not count; ends the script when it fails."""
    results = [run(command, folder) for _ in range(rounds + 1)][1:]
    for result in results:
        if result.status not in statuses:
            sys.exit(f"{' '.join(map(str, command[:4]))} … ended with {result.status}:\n{result.output.decode()[:2000]}")
    return results


def summary(results: list[Usage]) -> str:
    walls = [result.wall for result in results]
    cpu = statistics.median(result.cpu for result in results)
    return (f"wall min {min(walls) * 1000:9.1f} ms, median {statistics.median(walls) * 1000:9.1f} ms   "
            f"CPU {cpu * 1000:9.1f} ms")


def median_wall(results: list[Usage]) -> float:
    return statistics.median(result.wall for result in results)


def median_cpu(results: list[Usage]) -> float:
    return statistics.median(result.cpu for result in results)


def verdict(text: str, value: float, limit: float) -> bool:
    """Prints a measured value beside its limit and says whether it holds."""
    holds = value <= limit
    print(f"{'ok    ' if holds else 'BROKEN'} {text}: {value:.3g} (at most {limit:g})")
    return holds
