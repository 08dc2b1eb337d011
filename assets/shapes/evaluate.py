"""How well the model of shapes answers, by kind of query, on scenes that it was not trained on.

    pip install numpy onnxruntime pillow
    python assets/shapes/evaluate.py [--program target/release/comfywright] [--scenes 200] [--out OUT]

Each scene follows from a seed of its own, none of which the training has, and is asked one query of each kind that it
allows. What is right follows from the scene. Intersection over union of the mask at 128 x 128; where nothing is meant, 1
for no mask and 0 for any. With --program every query is also asked of that program, as

    comfywright mask SCENE.png "WORDS" --model shapes --json

whose layers' union counts: the program takes exceptions away itself, and asks first whether what a query speaks of is there
at all. How far both ways differ is told. --out keeps the pictures and what was asked.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile

import numpy as np
import onnxruntime
from PIL import Image

import scenes

SEED = 2026
HERE = pathlib.Path(__file__).parent


def asked(index):
    """The scene with this number and its queries: kind, words, what is meant."""
    rng = np.random.default_rng([SEED, index])
    one = scenes.scene(rng)
    made = [(kind, scenes.query(rng, one.things, kind)) for kind in scenes.KINDS]
    return one, [(kind, *query) for kind, query in made if query]


def bytes_of(one):
    return (one.image * 255).round().astype(np.uint8)


def by_runtime(session, one, words):
    """The mask that the model gives in ONNX Runtime."""
    image = bytes_of(one).astype(np.float32).transpose(2, 0, 1)[None] / 255
    given = {"image": image, "tokens": np.array([scenes.tokens(words)])}
    [mask] = session.run(None, given)
    share = Image.fromarray((1 / (1 + np.exp(-mask[0, 0]))).astype(np.float32))
    return np.asarray(share.resize((scenes.SIDE, scenes.SIDE), Image.Resampling.BILINEAR)) >= 0.5


def by_program(program, folder, picture, words):
    """The mask that the program gives: all layers in one."""
    command = [program, "mask", picture, words, "--model", "shapes", "--out", folder / "masks", "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{words}: {done.stdout}{done.stderr}")
    mask = np.zeros((scenes.SIDE, scenes.SIDE), bool)
    for layer in json.loads(done.stdout)["data"]["layers"]:
        mask |= np.asarray(Image.open(folder / layer["file"])) >= 128
    return mask


def overlap(mask, wanted):
    union = (mask | wanted).sum()
    return (mask & wanted).sum() / union if union else 1.0


def table(found):
    """Markdown: for each kind how many, mean overlap, the share with at least one half."""
    ways = list(found)
    yield "| kind | queries |" + "".join(f" {way}: mean IoU | IoU ≥ 0.5 |" for way in ways)
    yield "|---|---|" + "---|---|" * len(ways)
    kinds = [kind for kind in scenes.KINDS if found[ways[0]][kind]]
    for kind in [*kinds, "**all**"]:
        of = lambda way: found[way][kind] if kind in found[way] else sum(found[way].values(), [])
        cells = (f" {np.mean(of(way)):.3f} | {100 * np.mean(np.array(of(way)) >= 0.5):.1f} % |" for way in ways)
        yield f"| {kind} | {len(of(ways[0]))} |" + "".join(cells)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", type=pathlib.Path)
    parser.add_argument("--scenes", type=int, default=200)
    parser.add_argument("--model", type=pathlib.Path, default=HERE / "shapes.onnx")
    parser.add_argument("--out", type=pathlib.Path)
    given = parser.parse_args()
    session = onnxruntime.InferenceSession(given.model, providers=["CPUExecutionProvider"])
    folder = (given.out or pathlib.Path(tempfile.mkdtemp())).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    ways = ["ONNX Runtime", *(["program"] if given.program else [])]
    found = {way: {kind: [] for kind in scenes.KINDS} for way in ways}
    differing, written = [], []
    for index in range(given.scenes):
        one, queries = asked(index)
        picture = folder / f"{index}.png"
        Image.fromarray(bytes_of(one)).save(picture)
        for kind, words, things in queries:
            wanted = scenes.mask(one, things)
            masks = [by_runtime(session, one, words)]
            if given.program:
                masks.append(by_program(given.program.resolve(), folder, picture, words))
                differing.append((masks[0] != masks[1]).mean())
            overlaps = [overlap(mask, wanted) for mask in masks]
            for way, value in zip(ways, overlaps):
                found[way][kind].append(float(value))
            written.append({"scene": index, "kind": kind, "words": words, "overlaps": [round(o, 3) for o in overlaps]})
    print("\n".join(table(found)))
    if differing:
        print(f"\nPixels that differ: {100 * np.mean(differing):.3f} % on average, {100 * max(differing):.2f} % at most")
    if given.out:
        (folder / "queries.json").write_text(json.dumps(written, indent=1))


if __name__ == "__main__":
    main()
