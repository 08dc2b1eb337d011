#!/usr/bin/env python3
"""Opens what `comfywright export --format ui` writes in ComfyUI's own frontend, and compares what the
frontend sends then with what `export --format api` writes.

    cargo build && python3 tests/convert/exported.py [--binary PATH] [--pictures FOLDER]

The shipped presets, by the classes of `fixtures/graph/server-0.33.0.json`. FOLDER gets a picture of each. Needs what
`record.py` needs. Exits 1 when a graph differs or nodes lie upon each other.
"""

import argparse
import base64
import json
import re
import subprocess
import sys
from pathlib import Path

from frontend import Frontend

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PHOTO = "../fixtures/photos/coffee.jpg"
VALUES = {"subject": "a (red) bicycle {on|in} grass", "image": PHOTO, "mask": PHOTO}
MAKE_A_PICTURE = """
(async () => {
  const canvas = window.app.canvas, nodes = window.app.graph._nodes;
  const left = Math.min(...nodes.map(n => n.pos[0])), top = Math.min(...nodes.map(n => n.pos[1])) - 40;
  const right = Math.max(...nodes.map(n => n.pos[0] + n.size[0])), bottom = Math.max(...nodes.map(n => n.pos[1] + n.size[1]));
  const scale = Math.min(1500 / (right - left), 800 / (bottom - top), 1.2);
  canvas.ds.scale = scale;
  canvas.ds.offset = [-left + 50 / scale, -top + 100 / scale];
  canvas.setDirty(true, true);
  await new Promise((done) => setTimeout(done, 400));
})()
"""
# How far nodes reach into each other once the editor gave them the room that they need, in pixels.
OVERLAPS = """
(() => {
  const boxes = window.app.graph._nodes.map(n => [n.pos[0], n.pos[1] - 30, n.pos[0] + n.size[0], n.pos[1] + n.size[1], n.title]);
  const found = [];
  boxes.forEach((a, i) => boxes.slice(0, i).forEach(b => {
    if (a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]) found.push(`${a[4]} and ${b[4]}`);
  }));
  return JSON.stringify(found);
})()
"""


def classes_of(path: Path) -> dict:
    """The classes of a snapshot, with what it leaves out and the frontend asks for."""
    classes = json.loads(path.read_text(encoding="utf-8"))
    for name, info in classes.items():
        info.update({"python_module": info.get("python_module") or "nodes", "category": info.get("category") or "test",
                     "description": info.get("description") or "", "name": name, "output_node": info.get("output_node", False),
                     "display_name": info.get("display_name") or name, "input": info.get("input") or {}})
        info.setdefault("output", [])
        info.setdefault("output_name", info["output"])
        info.setdefault("output_is_list", [False] * len(info["output"]))
    return classes


def numbered(api: dict, ids: dict) -> dict:
    """The same graph with the ids of the drawing, without titles that the editor makes up itself."""
    def value(given):
        is_link = isinstance(given, list) and len(given) == 2 and isinstance(given[0], str) and isinstance(given[1], int)
        return [ids[given[0]], given[1]] if is_link and given[0] in ids else given
    return {ids[id]: (node["class_type"], {k: value(v) for k, v in node["inputs"].items()}) for id, node in api.items()}


def exported(binary: Path, document: Path, object_info: Path, form: str) -> dict:
    sets: list = []
    while True:
        command = [binary, "--workspace", ROOT, "export", document, "--object-info", object_info, "--format", form, "--json", *sets]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        answer = json.loads(done.stdout or "{}")
        if done.returncode == 0:
            return answer
        missing = {m[1] for d in answer.get("diagnostics", []) if d["code"] == "missing-parameter" and (m := re.search("`(.+)` is required", d["message"]))}
        if not missing or len(sets) > 40:
            raise SystemExit(f"{document}: {done.stderr or done.stdout}")
        for name in missing:
            sets += ["--set", f"{name}={VALUES.get(name, PHOTO)}"]


def compare(frontend: Frontend, binary: Path, document: Path, object_info: Path, picture: Path | None) -> list:
    api = exported(binary, document, object_info, "api")["data"]["graph"]
    ui = exported(binary, document, object_info, "ui")
    workflow = ui["data"]["graph"]
    sent = frontend.convert(json.dumps(workflow))["output"]
    # Nodes are drawn in the order of the graph, less those that are bypassed.
    drawn = [str(node["id"]) for node in workflow["nodes"] if node["mode"] != 4]
    ids = dict(zip(api, drawn))
    told = {d["message"] for d in ui["diagnostics"]}
    expected, found = numbered(api, ids), {id: (node["class_type"], node["inputs"]) for id, node in sent.items()}
    # The editor sends what its widgets have, also where the graph leaves a default out.
    for id, (_, inputs) in found.items():
        written = expected.get(id, (None, {}))[1]
        for name in [n for n, v in inputs.items() if n not in written and not isinstance(v, list)]:
            del inputs[name]
    faults = [] if expected == found else [f"the graph differs: expected {expected}\n  found {found}\n  told {told}"]
    if picture:
        frontend.browser.evaluate(MAKE_A_PICTURE)
        shot = frontend.browser.call("Page.captureScreenshot", {"format": "png"})["data"]
        picture.write_bytes(base64.b64decode(shot))
    overlaps = json.loads(frontend.browser.evaluate(OVERLAPS))
    return faults + [f"nodes overlap: {pair}" for pair in overlaps]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", type=Path, default=ROOT / "target/debug/comfywright")
    parser.add_argument("--pictures", type=Path)
    arguments = parser.parse_args()
    faults, count = [], 0

    if arguments.pictures:
        arguments.pictures.mkdir(parents=True, exist_ok=True)
    shipped = ROOT / "fixtures/graph/server-0.33.0.json"
    presets = [p for p in sorted((ROOT / "pipelines").iterdir()) if p.suffix in (".toml", ".kdl") and 'kind = "preset"' in p.read_text() or p.suffix == ".kdl" and "kind preset" in p.read_text()]
    with Frontend(classes_of(shipped)) as frontend:
        for document in presets:
            picture = arguments.pictures and arguments.pictures / f"{document.stem}.png"
            found = compare(frontend, arguments.binary.resolve(), document, shipped, picture)
            faults.extend(f"{document.name}: {fault}" for fault in found)
            count += 1
    print(f"{count} presets exported, {len(faults)} faults")
    print("\n".join(faults))
    return 1 if faults or count < 8 else 0


if __name__ == "__main__":
    sys.exit(main())
