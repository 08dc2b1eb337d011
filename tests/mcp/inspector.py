#!/usr/bin/env python3
"""The tools as the MCP Inspector's command line sees them.

    inspector.py PATH_OF_COMFYWRIGHT FOLDER_WITH_NODE_MODULES

Every call is a server process of its own; the run that one of them begins outlives it, and the next
ones find it.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time

import workspace

DOCUMENT = "pipelines/product-catalog.toml"


class Inspector:
    """The Inspector in a workspace."""

    def __init__(self, program, modules, folder):
        bin_folder = pathlib.Path(modules).resolve() / "node_modules" / ".bin"
        self.command = [str(bin_folder / "node"), str(bin_folder / "mcp-inspector"), "--cli", program, "mcp"]
        self.folder = folder

    def ask(self, method, *arguments):
        done = subprocess.run(
            [*self.command, "--method", method, *arguments],
            cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False,
        )
        assert done.returncode == 0, f"{method} {arguments}: {done.stdout}{done.stderr}"
        return json.loads(done.stdout)

    def call(self, tool, **arguments):
        pairs = [part for name, value in arguments.items() for part in ("--tool-arg", f"{name}={value}")]
        return self.ask("tools/call", "--tool-name", tool, *pairs)

    def data(self, tool, **arguments):
        result = self.call(tool, **arguments)
        assert not result.get("isError"), f"{tool} {arguments}: {result}"
        return result["structuredContent"]


def session(inspector):
    tools = inspector.ask("tools/list")["tools"]
    tokens = len(json.dumps(tools, ensure_ascii=False, separators=(",", ":"))) // 4
    print(f"{len(tools)} tools, about {tokens} tokens")
    assert tokens < 8000, tokens

    read = inspector.data("read_file", path=DOCUMENT)
    smaller = read["text"].replace("size = 384", "size = 96")
    written = inspector.data("write_file", path=DOCUMENT, content=smaller, expected_hash=read["hash"])
    assert written["check"]["valid"], written
    assert inspector.data("validate_file", path=DOCUMENT)["valid"]
    assert inspector.data("plan_file", document=DOCUMENT)["items"] > 10
    wrong = inspector.call("plan_file", documnet=DOCUMENT)
    assert wrong["isError"] and "did you mean `document`?" in wrong["content"][0]["text"], wrong

    begun = inspector.data("run_file", document=DOCUMENT)
    for _ in range(100):
        status = inspector.data("get_run", run_id=begun["run_id"], thumbnails=0)
        if not status["active"]:
            break
        time.sleep(0.2)
    assert status["state"] == "complete", status
    seen = inspector.call("get_run", run_id=begun["run_id"], wait=25)
    assert seen["structuredContent"]["state"] == "complete", seen["content"][0]["text"]
    assert any(block["type"] == "image" for block in seen["content"])
    link = next(block for block in seen["content"] if block["type"] == "resource_link")
    assert inspector.ask("resources/read", "--uri", link["uri"])["contents"][0]["blob"]
    assert inspector.data("cancel_run", run_id=begun["run_id"])["cancelled"] is False
    print("the run outlived the server that began it")


def main():
    program = str(pathlib.Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory() as folder:
        session(Inspector(program, sys.argv[2], workspace.make(folder)))


if __name__ == "__main__":
    main()
