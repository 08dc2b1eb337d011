#!/usr/bin/env python3
"""One whole session of a Python client with the MCP server: list, read, edit, validate, plan, run,
look, save and import a preset, cancel.

    session.py PATH_OF_COMFYWRIGHT

With COMFYWRIGHT_TEST_SERVER, the URL of a ComfyUI server, the chain runs there, too. Needs the
packages of requirements.txt. The client checks every structured answer against the schema that
the tool declares.
"""

import asyncio
import base64
import io
import json
import os
import sys
import tempfile

from fastmcp import Client
from fastmcp.client.transports import StdioTransport
from fastmcp.exceptions import ToolError
from PIL import Image

import workspace

DOCUMENT = "pipelines/product-catalog.toml"
GRAPH = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 8355711}},
    "2": {"class_type": "ImageBlur", "inputs": {"image": ["1", 0], "blur_radius": 2, "sigma": 1.0}},
    "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "soft"}},
}


class Session:
    """A client, and what is read off its answers."""

    def __init__(self, client):
        self.client = client
        self.progress = []

    async def call(self, tool, **arguments):
        return await self.client.call_tool(tool, arguments, progress_handler=self.on_progress)

    async def on_progress(self, progress, total, message):
        self.progress.append(progress)

    async def data(self, tool, **arguments):
        result = await self.call(tool, **arguments)
        assert result.content[0].type == "text" and result.content[0].text, "the text is complete by itself"
        return result.structured_content

    async def refused(self, tool, expected, **arguments):
        try:
            await self.call(tool, **arguments)
        except ToolError as error:
            assert expected in str(error), f"{tool}: {error}"
        else:
            raise AssertionError(f"{tool} {arguments} was not refused")

    async def end_of(self, run):
        """Waits for the end of a run as a careful client does: in bounded waits."""
        for _ in range(40):
            result = await self.call("get_run", run_id=run, wait=25)
            if not result.structured_content["active"]:
                return result
        raise AssertionError(f"run {run} does not end")


async def edit(session):
    """Reads, breaks and mends the chain, and makes it smaller."""
    files = (await session.data("list_files"))["files"]
    assert DOCUMENT in [file["path"] for file in files], files
    read = await session.data("read_file", path=DOCUMENT)
    assert read["trusted"] is False
    await session.refused("write_file", "there already", path=DOCUMENT, content="x = 1\n")
    broken = read["text"].replace('depends_on = ["fit"]', 'depends_on = ["fitt"]')
    written = await session.data("write_file", path=DOCUMENT, content=broken, expected_hash=read["hash"])
    assert not written["check"]["valid"] and written["check"]["problems"][0]["line"], written
    smaller = read["text"].replace("size = 384", "size = 160").replace("cell = 240", "cell = 96")
    await session.refused("write_file", "somebody changed it", path=DOCUMENT, content=smaller, expected_hash=read["hash"])
    written = await session.data("write_file", path=DOCUMENT, content=smaller, expected_hash=written["hash"])
    assert written["check"]["valid"], written
    checked = await session.data("validate_file", path=DOCUMENT)
    assert checked["valid"] and checked["against"], checked
    await session.refused("plan_file", "did you mean `document`?", documnet=DOCUMENT)
    earlier = read["text"].replace('version = "1.0.0"', 'version = "0.9.0"')
    await session.data("write_file", path="pipelines/earlier.toml", content=earlier)
    told = await session.data("diff_files", before="product-catalog@0.9.0", after=DOCUMENT)
    paths = [change["path"] for change in told["documents"][0]["changes"]]
    assert told["differs"] and "vars.size" in paths, told
    await session.refused("diff_files", "`before` and `after`, or `git` alone", before=DOCUMENT)


async def run_and_look(session, servers):
    """Runs the chain, opens a thumbnail and what its link leads to."""
    plan = await session.data("plan_file", document=DOCUMENT, servers=servers)
    assert plan["items"] > 10, plan
    begun = await session.data("run_file", document=DOCUMENT, servers=servers)
    session.progress.clear()
    result = await session.end_of(begun["run_id"])
    status = result.structured_content
    assert status["state"] == "complete" and not status.get("failures"), result.content[0].text
    assert session.progress == sorted(set(session.progress)), session.progress
    pictures = [block for block in result.content if block.type == "image"]
    links = [block for block in result.content if block.type == "resource_link"]
    assert pictures and links, "results are shown and linked"
    for picture in pictures:
        image = Image.open(io.BytesIO(base64.b64decode(picture.data)))
        image.load()
        assert image.format == "WEBP" and 0 < max(image.size) <= 512, image
    full = await session.client.read_resource(str(links[0].uri))
    image = Image.open(io.BytesIO(base64.b64decode(full[0].blob)))
    assert image.size == (status["results"][0]["width"], status["results"][0]["height"])
    looked = await session.data("read_file", path=status["results"][0]["path"])
    assert looked["made_by"]["document"] == "product-catalog", looked
    again = await session.data("run_file", document=DOCUMENT, servers=servers)
    counts = (await session.end_of(again["run_id"])).structured_content["counts"]
    explained = await session.data("explain", run_id=again["run_id"], item=status["results"][0]["item"])
    assert explained["changes"] == [], explained
    assert counts.get("reused", 0) > 0 and counts.get("done", 0) < status["counts"]["done"], counts
    return status["counts"]


async def save_and_cancel(session):
    """Keeps a graph as a preset in both ways, runs it once for many seeds, and gives that up."""
    params = {"color": {"node": "1", "input": "color"}, "seed": {"node": "1", "input": "width", "type": "seed"}}
    saved = await session.data("save_workflow_preset", name="soft", graph=GRAPH, params=params)
    assert saved["check"]["errors"] == 0, saved
    text = (await session.data("read_file", path="pipelines/soft.toml"))["text"]
    assert '[node.image_blur.ImageBlur]' in text, text
    await session.data("write_file", path="pipelines/graph.json", content=json.dumps(GRAPH))
    imported = await session.data("import_workflow", file="pipelines/graph.json", name="imported")
    assert imported["check"]["errors"] == 0 and imported["outputs"] == ["image"], imported
    begun = await session.data("run_file", document="soft", seeds={"from": 64, "to": 1500})
    cancelled = await session.data("cancel_run", run_id=begun["run_id"])
    assert cancelled["cancelled"] and cancelled["state"] == "cancelled", cancelled
    await session.refused("read_file", "leads out of the workspace", path="../secret.toml")


async def batches(session):
    """Tasks become a chain with rules, which is carried out."""
    paper = {"paper": {"EmptyImage": {"width": "{size}", "height": 48, "batch_size": 1, "color": 4210752}}}
    tasks = [
        {"id": "generate", "type": "graph", "node": paper, "outputs": {"image": "@paper.IMAGE"},
         "foreach": {"size": [40, 48, 56, 64]}},
        {"id": "upscale", "type": "upscale", "depends_on": ["generate"], "with": {"scale": 2}},
    ]
    original = {"if_quality < 0.8": "enhance", "if_nsfw_detected": "skip", "if_error": "retry_once"}
    routed = await session.data("conditional_batch_routing", tasks=tasks, routing_rules=original)
    assert [rule["route"]["to"] for rule in routed["rules"]] == ["enhance", "@skip", "@retry"], routed
    await session.refused("conditional_batch_routing", "did you mean `if_quality < 0.8`?",
                          tasks=tasks, routing_rules={"if_qualty < 0.8": "enhance"})
    rules = {"if_width < 50": "enhance", "if_width > 60": "skip", "if_error": "retry_once"}
    routed = await session.data("conditional_batch_routing", tasks=tasks, routing_rules=rules)
    made = await session.data("create_batch_dependency_chain", operation_name="Product catalog Q4",
                              tasks=routed["tasks"], dependencies={"upscale": ["enhance|generate"]},
                              optimization_mode="smart")
    assert made["check"]["errors"] == 0 and made["waves"][0] == ["generate"], made
    assert made["critical_path"] and made["mermaid"].startswith("flowchart"), made
    begun = await session.data("coordinate_batch_operation", operation_name="Product catalog Q4",
                               tasks=routed["tasks"], parallel_limit=2, checkpoint_interval=2, resume_on_failure=True)
    session.progress.clear()
    status = (await session.end_of(begun["run_id"])).structured_content
    assert status["state"] == "complete", status
    assert status["tasks"]["enhance"]["done"] == 2 and status["tasks"]["generate"]["skipped"] == 1, status["tasks"]


async def whole_session(program, folder, servers):
    transport = StdioTransport(command=program, args=["mcp"], cwd=str(folder))
    async with Client(transport) as client:
        session = Session(client)
        tools = await client.list_tools()
        assert all(tool.title and tool.output_schema and tool.annotations for tool in tools)
        await edit(session)
        for server in servers:
            counts = await run_and_look(session, server)
            print(f"on {', '.join(server) or 'this machine'}: {counts}")
        await batches(session)
        await save_and_cancel(session)
        print(f"{len(tools)} tools, {len(await client.list_resources())} resources")


def main():
    program = os.path.abspath(sys.argv[1])
    url = os.environ.get("COMFYWRIGHT_TEST_SERVER")
    with tempfile.TemporaryDirectory() as folder:
        workspace.make(folder, url)
        asyncio.run(whole_session(program, folder, [["native"], ["test"]] if url else [[]]))


if __name__ == "__main__":
    main()
