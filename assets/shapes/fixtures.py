"""Makes fixtures/shapes: scenes, what is asked of them, what is right, and what ONNX Runtime gives.

    python assets/shapes/fixtures.py

scene-N.png is a picture, things-N.png has 1 for the first of its things, 2 for the second, and 0 beside them.
queries.json has for each query the scene, the kind, the words and the numbers of the things that are meant.
masks.f32 has the first query of each scene as ONNX Runtime answers it: 64 x 64 logits, as 32-bit floats.
"""

import json
import pathlib

import numpy as np
import onnxruntime
from PIL import Image

import scenes

HERE = pathlib.Path(__file__).parent
SEED = 4711
SIDES = [128, 128, 128, 256]


def main():
    folder = HERE.parent.parent / "fixtures" / "shapes"
    folder.mkdir(parents=True, exist_ok=True)
    session = onnxruntime.InferenceSession(HERE / "shapes.onnx", providers=["CPUExecutionProvider"])
    asked, masks = [], []
    for number, side in enumerate(SIDES, 1):
        rng = np.random.default_rng([SEED, number])
        one = scenes.scene(rng, side)
        image = (one.image * 255).round().astype(np.uint8)
        Image.fromarray(image).save(folder / f"scene-{number}.png", optimize=True)
        Image.fromarray((one.ids + 1).astype(np.uint8)).save(folder / f"things-{number}.png", optimize=True)
        made = [(kind, scenes.query(rng, one.things, kind)) for kind in scenes.KINDS]
        made = [(kind, *query) for kind, query in made if query]
        for kind, words, things in made:
            asked.append({"scene": number, "kind": kind, "words": words, "things": [thing + 1 for thing in things]})
        if side == scenes.SIDE:
            given = {
                "image": image.astype(np.float32).transpose(2, 0, 1)[None] / 255,
                "tokens": np.array([scenes.tokens(made[0][1])]),
            }
            masks.append(session.run(None, given)[0])
    lines = ",\n".join(json.dumps(query) for query in asked)
    (folder / "queries.json").write_text(f"[\n{lines}\n]\n")
    (folder / "masks.f32").write_bytes(np.concatenate(masks).astype("<f4").tobytes())


if __name__ == "__main__":
    main()
