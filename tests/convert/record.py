#!/usr/bin/env python3
"""Records what ComfyUI's frontend makes of the workflows in `fixtures/convert`.

    python3 tests/convert/record.py            # writes fixtures/convert/*/api.json
    python3 tests/convert/record.py --check    # compares instead, and says what differs
    python3 tests/convert/record.py --only primitive,bypass

Needs `pip` and Chromium (Debian: `apt-get install chromium`). The frontend is downloaded from PyPI
once, into ${COMFYWRIGHT_CI_CACHE:-${XDG_CACHE_HOME:-~/.cache}/comfywright-ci}.
"""

import argparse
import json
import sys
from pathlib import Path

from frontend import Frontend

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parent.parent / "fixtures" / "convert"


def text_of(graph: dict) -> str:
    """A line for each input, so that a change shows where it is."""
    out = []
    for id, node in graph.items():
        inputs = ",\n".join(f"      {json.dumps(k, ensure_ascii=False)}: {json.dumps(v, ensure_ascii=False)}" for k, v in node["inputs"].items())
        inputs = f"{{\n{inputs}\n    }}" if inputs else "{}"
        rest = "".join(f",\n    {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in node.items() if k != "inputs")
        out.append(f"  {json.dumps(id, ensure_ascii=False)}: {{\n    \"inputs\": {inputs}{rest}\n  }}")
    return "{\n" + ",\n".join(out) + "\n}\n"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true", help="compare with what is recorded")
    parser.add_argument("--only", help="names of cases, with commas between them")
    arguments = parser.parse_args()
    object_info = json.loads((FIXTURES / "object_info.json").read_text(encoding="utf-8"))
    chosen = arguments.only.split(",") if arguments.only else None
    folders = [f for f in sorted(FIXTURES.iterdir()) if (f / "workflow.json").exists() and (not chosen or f.name in chosen)]
    differing = []
    with Frontend(object_info, HERE / "stand_in.js") as frontend:
        for folder in folders:
            try:
                graph = frontend.convert((folder / "workflow.json").read_text(encoding="utf-8"))["output"]
            except RuntimeError as error:
                raise SystemExit(f"record: {folder.name}: {error}\n" + "\n".join(frontend.browser.console[-10:])) from error
            recorded = folder / "api.json"
            if not arguments.check:
                recorded.write_text(text_of(graph), encoding="utf-8")
            elif not recorded.exists() or json.loads(recorded.read_text(encoding="utf-8")) != graph:
                differing.append(folder.name)
    print(f"{len(folders)} workflows" + (f", {len(differing)} differ: {', '.join(differing)}" if arguments.check else " recorded"))
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
