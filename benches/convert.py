#!/usr/bin/env python3
"""Time to convert ComfyUI workflows to the API format, beside `comfy-cli` (PyPI) and `comfyui-mcp` (npm).

    cargo bench --bench convert --no-run
    python3 -m venv /tmp/comfy-cli && /tmp/comfy-cli/bin/pip install comfy-cli==1.23.0
    npm install --prefix /tmp/comfyui-mcp --ignore-scripts comfyui-mcp@0.52.203
    python3 benches/convert.py --workflows FOLDER --object-info FILE \
        --comfy-cli /tmp/comfy-cli/bin/python --comfyui-mcp /tmp/comfyui-mcp/node_modules/comfyui-mcp [--rounds 5]

FOLDER has `NAME.workflow.json` files, FILE is what a ComfyUI server answers to GET /object_info. Each
program reads all texts and the object_info first; what is timed is parsing and converting all workflows
in one process, on one core. They take turns, `--rounds` times; the fastest of each counts.

`comfywright graph api` is timed as well, as a whole process: object_info, all files, writing included.

Exits 1 when comfywright takes more than 1/5 of comfy-cli's time or more than 1/2 of comfyui-mcp's.
Needs only the standard library and Node.js.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import measure

LIMIT_COMFY_CLI = 1 / 5
LIMIT_COMFYUI_MCP = 1 / 2

COMFY_CLI = """
import json, sys, time
from comfy_cli.workflow_to_api import convert_ui_to_api
classes = json.load(open(sys.argv[1]))
texts = [open(path).read() for path in sys.argv[2:]]
best, converted = float("inf"), 0
for _ in range(5):
    start = time.perf_counter()
    converted = 0
    for text in texts:
        try:
            convert_ui_to_api(json.loads(text), classes)
            converted += 1
        except Exception:
            pass
    best = min(best, time.perf_counter() - start)
print(json.dumps({"files": len(texts), "converted": converted, "best_ms": best * 1000}))
"""

COMFYUI_MCP = """
import { readFileSync } from "node:fs";
const [converter, classesFile, ...files] = process.argv.slice(2);
const { convertUiToApi } = await import(converter);
const classes = JSON.parse(readFileSync(classesFile, "utf8"));
const texts = files.map((file) => readFileSync(file, "utf8"));
let best = Infinity, converted = 0;
for (let round = 0; round < 15; round++) {
  const start = performance.now();
  converted = 0;
  for (const text of texts) {
    try { convertUiToApi(JSON.parse(text), classes); converted++; } catch { }
  }
  best = Math.min(best, performance.now() - start);
}
console.log(JSON.stringify({ files: texts.length, converted, best_ms: best }));
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workflows", type=Path, required=True)
    parser.add_argument("--object-info", type=Path, required=True)
    parser.add_argument("--comfy-cli", type=Path, required=True, help="a Python that has comfy-cli")
    parser.add_argument("--comfyui-mcp", type=Path, required=True, help="the folder of the package")
    parser.add_argument("--binary", type=Path, default=measure.BINARY)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    files = sorted(arguments.workflows.resolve().glob("*.workflow.json"))
    if not files:
        sys.exit(f"{arguments.workflows} has no *.workflow.json")
    size = sum(file.stat().st_size for file in files)
    print(f"{len(files)} workflows, {size / 1e6:.1f} MB")
    with tempfile.TemporaryDirectory() as scratch:
        return compare(arguments, files, Path(scratch))


def compare(arguments: argparse.Namespace, files: list[Path], scratch: Path) -> int:
    script, module = scratch / "comfy_cli_bench.py", scratch / "comfyui_mcp_bench.mjs"
    script.write_text(COMFY_CLI)
    module.write_text(COMFYUI_MCP)
    given = [arguments.object_info.resolve(), *(file.resolve() for file in files)]
    converter = (arguments.comfyui_mcp / "dist" / "services" / "workflow-converter.js").resolve()
    programs = {
        "comfywright": [*bench_program(), *given],
        "comfy-cli": [arguments.comfy_cli.absolute(), script, *given],
        "comfyui-mcp": ["node", module, converter, *given],
    }
    best: dict[str, dict] = {}
    for _ in range(arguments.rounds):
        for name, command in programs.items():
            result = json.loads(subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout)
            if name not in best or result["best_ms"] < best[name]["best_ms"]:
                best[name] = result
    for name, result in best.items():
        print(f"{name:12} {result['best_ms']:8.1f} ms   {result['converted']} of {result['files']} converted")
    print(f"{'':12} {best['comfywright']['first_ms']:8.1f} ms   comfywright's first round, in which it reads the classes")
    command = [arguments.binary, "graph", "api", *files, "--object-info", arguments.object_info.resolve(), "--out", scratch / "api", "--json"]
    whole = measure.repeated(command, scratch, arguments.rounds, (0, 2))
    print(f"graph api, the whole process: {measure.summary(whole)}")
    ratios = {
        "comfy-cli": (best["comfy-cli"]["best_ms"] / best["comfywright"]["best_ms"], 1 / LIMIT_COMFY_CLI),
        "comfyui-mcp": (best["comfyui-mcp"]["best_ms"] / best["comfywright"]["best_ms"], 1 / LIMIT_COMFYUI_MCP),
    }
    for name, (ratio, wanted) in ratios.items():
        print(f"{ratio:6.1f} times as fast as {name} (at least {wanted:.0f} wanted)")
    return 0 if all(ratio >= wanted for ratio, wanted in ratios.values()) else 1


def bench_program() -> list[Path]:
    """The newest build of `benches/convert.rs`."""
    folder = measure.REPOSITORY / "target" / "release" / "deps"
    built = [path for path in folder.glob("convert-*") if path.suffix in ("", ".exe")]
    if not built:
        sys.exit("build it first: cargo bench --bench convert --no-run")
    return [max(built, key=lambda path: path.stat().st_mtime)]


if __name__ == "__main__":
    sys.exit(main())
