#!/usr/bin/env python3
"""Cost per task of a layered DAG of tasks that do nothing, beside Snakemake and ninja (PyPI).

    cargo build --release
    python3 -m venv target/peers && target/peers/bin/pip install snakemake ninja
    python3 benches/peers/peers.py --tools target/peers/bin [--binary PATH] [--rounds 3] [--snakemake 1000]

Ten layers; every task of a layer needs the one with its number in the layer before. A task of
Snakemake is a rule with `touch(…)` as its output, one of ninja runs `touch`; neither makes sure that
anything is on disk. A task of comfywright that does nothing loads a picture, or passes it on with a
metric that the ledger knows; its intent and its result are on disk before it counts as done.

Beside that, comfywright with a picture of 8 x 8 pixels for each task, which is drawn or scaled in this
process, and written as a PNG with its graph in it: intent, file, folder and result are on disk before it
counts as done. The others have no such thing; it is told, and judged by how it grows.

Then the pictures again with everything done, both in turns: ninja compares times, comfywright goes on with a
run of which all items are finished (what a process finds that was killed at the very end): it reads the
journal and compares size, time and inode of every output.

Prints medians and exits 1 when a task that does nothing takes more than 1/100 of Snakemake's time or more
than 1/5 of ninja's, when 100,000 of them need more than 64 MiB, when the cost per task of 100,000 of either
sort is more than 1.5 times that of 1,000, or when verifying 10,000 takes longer than ninja.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import measure  # noqa: E402

LAYERS = 10
SMALL, MIDDLE, LARGE = 1_000, 10_000, 100_000
LIMIT_SNAKEMAKE, LIMIT_NINJA = 1 / 100, 1 / 5
LIMIT_RESUME = 1.0
LIMIT_GROWTH = 1.5
LIMIT_MIB = 64.0
# How often each goes on with what is done, for one comparison.
TURNS = 21

HEAD = """kind = "chain"
format = 1
name = "layers"
version = "1.0.0"
"""

FOREACH = """
[task.layer0.foreach]
number = { from = 1, to = NUMBER }
"""

# The first layer and every other one, by what a task leaves.
NOTHING = (
    """
[task.layer0]
type = "load"
path = "dot.png"
""",
    """
[task.layer{layer}]
type = "score"
scorers = ["sharpness"]
depends_on = ["layer{before}"]
""",
)
PICTURE = (
    """
[task.layer0]
type = "graph"

[task.layer0.node.picture.EmptyImage]
width = 8
height = 8
batch_size = 1
color = "{number}"

[task.layer0.outputs]
image = "@picture.IMAGE"
""",
    """
[task.layer{layer}]
type = "resize"
depends_on = ["layer{before}"]
with.width = {size}
with.height = {size}
""",
)

DOT = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de00"
    "00000c49444154789c63f8ffff3f0005fe02fe0def46b80000000049454e44ae426082"
)


def chain(folder: Path, layers: tuple[str, str], tasks: int) -> None:
    (folder / "pipelines").mkdir(parents=True)
    (folder / "comfywright.toml").write_text("")
    (folder / "pipelines" / "dot.png").write_bytes(DOT)
    first, other = layers
    others = [other.format(layer=n, before=n - 1, size=8 + n % 2) for n in range(1, LAYERS)]
    text = HEAD + first + FOREACH.replace("NUMBER", str(tasks // LAYERS)) + "".join(others)
    (folder / "pipelines" / "layers.toml").write_text(text)


def ninja_file(folder: Path, tasks: int) -> None:
    lines = ["rule make", "  command = touch $out", ""]
    for layer in range(LAYERS):
        for number in range(tasks // LAYERS):
            needs = f" out/{layer - 1}/{number}" if layer else ""
            lines.append(f"build out/{layer}/{number}: make{needs}")
    folder.mkdir(parents=True)
    (folder / "build.ninja").write_text("\n".join(lines) + "\n")


def snakefile(folder: Path, tasks: int) -> None:
    rules = [f'rule all:\n    input: expand("out/{LAYERS - 1}/{{n}}", n=range({tasks // LAYERS}))\n']
    for layer in range(LAYERS):
        needs = f'    input: "out/{layer - 1}/{{n}}"\n' if layer else ""
        rules.append(f'rule layer{layer}:\n{needs}    output: touch("out/{layer}/{{n}}")\n')
    folder.mkdir(parents=True)
    (folder / "Snakefile").write_text("\n".join(rules))


def show(what: str, tasks: int, usage: measure.Usage) -> measure.Usage:
    print(f"{what:34} {tasks:7} tasks: {usage.wall:8.2f} s, {usage.wall / tasks * 1000:7.3f} ms a task"
          f"   CPU {usage.cpu:7.2f} s   peak {usage.peak_mib:6.1f} MiB", flush=True)
    return usage


def median(results: list[measure.Usage]) -> measure.Usage:
    return sorted(results, key=lambda usage: usage.wall)[len(results) // 2]


def once(command: list[str | Path], folder: Path) -> measure.Usage:
    usage = measure.run(command, folder)
    if usage.status != 0:
        sys.exit(f"{' '.join(map(str, command[:4]))} … ended with {usage.status}:\n{usage.output.decode()[-2000:]}")
    return usage


def ours(binary: Path, root: Path, what: str, tasks: int, rounds: int) -> tuple[measure.Usage, measure.Usage]:
    """A run of `tasks` tasks, and going on with it when all of them are finished."""
    runs, resumed = [], []
    for number in range(rounds):
        folder = root / f"{what}-{tasks}-{number}"
        chain(folder, NOTHING if what == "nothing" else PICTURE, tasks)
        runs.append(once([binary, "run", "pipelines/layers.toml", "--json"], folder))
        counts = json.loads(runs[-1].output)["data"]["counts"]
        if counts.get("done", 0) + counts.get("reused", 0) != tasks:
            sys.exit(f"not everything was made: {counts}")
        resumed.append(resume(binary, folder))
    return (show(f"comfywright, {what}", tasks, median(runs)),
            show(f"comfywright, {what}, all is done", tasks, median(resumed)))


UNFINISHED = """
import os, sqlite3, sys
ledger = sqlite3.connect(sys.argv[1])
ledger.execute("UPDATE runs SET state = 'running', finished_ns = NULL")
ledger.commit()
os._exit(0)
"""


def resume(binary: Path, folder: Path) -> measure.Usage:
    """Goes on with the run as if its process had been killed before it noted the end, without closing the ledger."""
    subprocess.run([sys.executable, "-c", UNFINISHED, folder / ".comfywright" / "ledger.db"], check=True)
    return once([binary, "run", "pipelines/layers.toml", "--json"], folder)


def ninja(tools: Path, root: Path, tasks: int, rounds: int) -> tuple[measure.Usage, measure.Usage]:
    runs, again = [], []
    for number in range(rounds):
        folder = root / f"ninja-{tasks}-{number}"
        ninja_file(folder, tasks)
        runs.append(once([tools / "ninja", "--quiet"], folder))
        again.append(once([tools / "ninja", "--quiet"], folder))
    return (show("ninja", tasks, median(runs)), show("ninja, all is done", tasks, median(again)))


def in_turns(binary: Path, folder: Path, tools: Path, built: Path) -> tuple[measure.Usage, measure.Usage]:
    """Everything is done: comfywright and ninja, one after the other, for the machine is not always as fast."""
    turns = [(resume(binary, folder), once([tools / "ninja", "--quiet"], built)) for _ in range(TURNS)]
    mine, theirs = (median([turn[side] for turn in turns]) for side in (0, 1))
    return (show("comfywright, all is done, in turns", MIDDLE, mine), show("ninja, all is done, in turns", MIDDLE, theirs))


def snakemake(tools: Path, root: Path, tasks: int) -> measure.Usage:
    folder = root / f"snakemake-{tasks}"
    snakefile(folder, tasks)
    return show("snakemake", tasks, once([tools / "snakemake", "--cores", "2", "--quiet", "all"], folder))


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--tools", type=Path, required=True, help="folder with the programs ninja and snakemake")
    arguments.add_argument("--binary", type=Path, default=measure.BINARY)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--snakemake", type=int, default=SMALL, help="tasks for Snakemake, which takes minutes")
    arguments.add_argument("--folder", type=Path, help="where the workspaces are made: what counts is its disk")
    options = arguments.parse_args()
    binary, tools = options.binary.resolve(), options.tools.absolute()
    with tempfile.TemporaryDirectory(dir=options.folder or measure.REPOSITORY / "target") as name:
        root = Path(name)
        made = {}
        for what in ("nothing", "pictures"):
            for tasks, rounds in ((SMALL, options.rounds), (MIDDLE, options.rounds), (LARGE, 1)):
                made[what, tasks] = ours(binary, root, what, tasks, rounds)
        built = {tasks: ninja(tools, root, tasks, options.rounds) for tasks in (SMALL, MIDDLE)}
        again = in_turns(binary, root / f"pictures-{MIDDLE}-0", tools, root / f"ninja-{MIDDLE}-0")
        snake = snakemake(tools, root, options.snakemake)
    each = {(what, tasks): run.wall / tasks for (what, tasks), (run, _) in made.items()}
    holds = [measure.verdict("a task over Snakemake's",
                             each["nothing", SMALL] / (snake.wall / options.snakemake), LIMIT_SNAKEMAKE)]
    for tasks, (run, _) in built.items():
        holds.append(measure.verdict(f"a task of {tasks} over ninja's",
                                     each["nothing", tasks] / (run.wall / tasks), LIMIT_NINJA))
    holds += [
        measure.verdict(f"{MIDDLE} finished tasks over ninja's",
                        again[0].wall / again[1].wall, LIMIT_RESUME),
        measure.verdict(f"peak of {LARGE} tasks in MiB", made["nothing", LARGE][0].peak_mib, LIMIT_MIB),
    ]
    for what in ("nothing", "pictures"):
        holds.append(measure.verdict(f"a task of {LARGE} over one of {SMALL}, {what}",
                                     each[what, LARGE] / each[what, SMALL], LIMIT_GROWTH))
    return 0 if all(holds) else 1


if __name__ == "__main__":
    sys.exit(main())
