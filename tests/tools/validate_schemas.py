#!/usr/bin/env python3
"""Validates the TOML documents that the project ships with a tool that is not ours.

    python3 tests/tools/validate_schemas.py TOMBI

TOMBI is the program of the package `tombi` (PyPI). Every document must name its schema in a
`#:schema` line, as an editor reads it, and pass; and to see that the tool looks at the schemas at
all, each is also given with an unknown key, which must not pass. Needs no packages and no network.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BROKEN = "no_such_key_of_any_kind = 1"


def documents() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z", "--", "*.toml"], cwd=ROOT, check=True, capture_output=True)
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    shipped = [path for path in paths if path.is_relative_to(ROOT / "pipelines")]
    named = [path for path in paths if path == ROOT / "comfywright.toml"]
    return sorted({*shipped, *named})


def schema_of(path: Path, text: str) -> Path | None:
    first = text.removeprefix("\ufeff").splitlines()[:1]
    if not first or not first[0].startswith("#:schema "):
        return None
    return (path.parent / first[0].removeprefix("#:schema ").strip()).resolve()


def lint(tombi: str, path: Path, text: str) -> subprocess.CompletedProcess[str]:
    command = [tombi, "lint", "--offline", "--error-on-warnings", "--stdin-filename", str(path), "-"]
    return subprocess.run(command, cwd=ROOT, input=text, text=True, capture_output=True, check=False)


def faults(tombi: str, path: Path) -> list[str]:
    name = path.relative_to(ROOT)
    text = path.read_text(encoding="utf-8")
    schema = schema_of(path, text)
    if schema is None:
        return [f"{name}:1: the first line names no schema (#:schema …)"]
    if not schema.is_file():
        return [f"{name}:1: there is no schema {schema}"]
    found = []
    good = lint(tombi, path, text)
    if good.returncode != 0:
        found.append(f"{name}:\n{good.stdout}{good.stderr}")
    lines = text.splitlines()
    broken = lint(tombi, path, "\n".join([lines[0], BROKEN, *lines[1:], ""]))
    if broken.returncode == 0 or "no_such_key_of_any_kind" not in broken.stdout + broken.stderr:
        found.append(f"{name}: the tool did not see an unknown key:\n{broken.stdout}{broken.stderr}")
    return found


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    paths = documents()
    found = [fault for path in paths for fault in faults(sys.argv[1], path)]
    for fault in found:
        print(fault, file=sys.stderr)
    if not paths:
        print("there are no documents to validate", file=sys.stderr)
        return 1
    print(f"{len(paths)} documents against their schemas: {len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
