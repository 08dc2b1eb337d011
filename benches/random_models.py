"""Writes models of known architectures and real sizes with random weights, and manifests for them: `benches/models.py` times
them where the real ones cannot be had.

    pip install onnx numpy
    python benches/random_models.py FOLDER

- `clip`: the picture's tower of CLIP ViT-B/32: 224 x 224, 12 layers of 768, its quick GELU, 512 numbers
- `vit`: ViT-B/16: 224 x 224, 12 layers of 768, 1000 labels
- `sam`: an encoder as SAM's ViT-B, pruned as SlimSAM is (168 wide): 1024 x 1024, 12 layers whose attention stays within windows of
  14 x 14, but for four; its neck; then one mask of 64 x 64

Written as the exports of the hub are: attention and norms are made of MatMul, Softmax, ReduceMean and the like.
"""

import hashlib
import math
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

RANDOM = np.random.default_rng(7)


class Graph:
    def __init__(self):
        self.nodes, self.weights, self.count = [], [], 0

    def weight(self, *shape, scale=None):
        scale = 1 / math.sqrt(shape[0]) if scale is None else scale
        return self.constant(RANDOM.normal(0, scale, shape).astype(np.float32))

    def constant(self, values):
        self.count += 1
        self.weights.append(numpy_helper.from_array(np.asarray(values), f"w{self.count}"))
        return f"w{self.count}"

    def add(self, operator, *inputs, **attributes):
        self.count += 1
        self.nodes.append(helper.make_node(operator, list(inputs), [f"v{self.count}"], **attributes))
        return f"v{self.count}"

    def numbers(self, value):
        return self.constant(np.float32(value))

    def shaped(self, x, *shape):
        return self.add("Reshape", x, self.constant(np.int64(shape)))

    def norm(self, x, width):
        centred = self.add("Sub", x, self.add("ReduceMean", x, axes=[-1]))
        spread = self.add("ReduceMean", self.add("Pow", centred, self.numbers(2)), axes=[-1])
        scaled = self.add("Div", centred, self.add("Sqrt", self.add("Add", spread, self.numbers(1e-5))))
        return self.add("Add", self.add("Mul", scaled, self.weight(width, scale=1)), self.weight(width, scale=0.1))

    def linear(self, x, inside, outside):
        return self.add("Add", self.add("MatMul", x, self.weight(inside, outside)), self.weight(outside, scale=0.1))

    def gelu(self, x, quick):
        if quick:
            return self.add("Mul", x, self.add("Sigmoid", self.add("Mul", x, self.numbers(1.702))))
        halves = self.add("Add", self.add("Erf", self.add("Div", x, self.numbers(math.sqrt(2)))), self.numbers(1))
        return self.add("Mul", self.add("Mul", x, halves), self.numbers(0.5))

    def attention(self, x, batch, count, width, heads):
        each = width // heads

        def split(order):
            parts = self.shaped(self.linear(x, width, width), batch, count, heads, each)
            return self.add("Transpose", parts, perm=order)

        query, key, value = split([0, 2, 1, 3]), split([0, 2, 3, 1]), split([0, 2, 1, 3])
        scores = self.add("MatMul", self.add("Mul", query, self.numbers(each**-0.5)), key)
        mixed = self.add("MatMul", self.add("Softmax", scores, axis=-1), value)
        joined = self.shaped(self.add("Transpose", mixed, perm=[0, 2, 1, 3]), batch, count, width)
        return self.linear(joined, width, width)

    def mlp(self, x, width, quick):
        return self.linear(self.gelu(self.linear(x, width, 4 * width), quick), 4 * width, width)

    def patches(self, width, patch):
        return self.add("Conv", "picture", self.weight(width, 3, patch, patch, scale=0.02), strides=[patch, patch])

    def save(self, path, side, output, shape):
        self.nodes.append(helper.make_node("Identity", [output], ["answer"]))
        picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, side, side])
        answer = helper.make_tensor_value_info("answer", TensorProto.FLOAT, shape)
        graph = helper.make_graph(self.nodes, path.stem, [picture], [answer], self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        onnx.checker.check_model(model)
        onnx.save(model, path)


def vit(path, patch, answers, quick):
    graph, width, cells = Graph(), 768, (224 // patch) ** 2
    tokens = graph.add("Transpose", graph.shaped(graph.patches(width, patch), 1, width, cells), perm=[0, 2, 1])
    tokens = graph.add("Concat", graph.weight(1, 1, width, scale=0.02), tokens, axis=1)
    x = graph.add("Add", tokens, graph.weight(1, cells + 1, width, scale=0.02))
    for _ in range(12):
        x = graph.add("Add", x, graph.attention(graph.norm(x, width), 1, cells + 1, width, 12))
        x = graph.add("Add", x, graph.mlp(graph.norm(x, width), width, quick))
    first = graph.shaped(graph.add("Gather", x, graph.constant(np.int64(0)), axis=1), 1, width)
    graph.save(path, 224, graph.linear(graph.norm(first, width), width, answers), [1, answers])


def sam(path):
    """Windows of 14 x 14 of the 64 x 64 cells, filled up to 70 x 70; layers 3, 6, 9 and 12 look at all cells."""
    graph, width, side, window, heads = Graph(), 168, 64, 14, 12
    windows = -(-side // window)
    whole = windows * window
    x = graph.add("Transpose", graph.patches(width, 16), perm=[0, 2, 3, 1])
    x = graph.add("Add", x, graph.weight(1, side, side, width, scale=0.02))
    for layer in range(12):
        y = graph.norm(x, width)
        if layer % 3 == 2:
            y = graph.shaped(graph.attention(graph.shaped(y, 1, side * side, width), 1, side * side, width, heads), 1, side, side, width)
        else:
            y = graph.add("Pad", y, graph.constant(np.int64([0, 0, 0, 0, 0, whole - side, whole - side, 0])))
            y = graph.add("Transpose", graph.shaped(y, 1, windows, window, windows, window, width), perm=[0, 1, 3, 2, 4, 5])
            y = graph.attention(graph.shaped(y, windows**2, window**2, width), windows**2, window**2, width, heads)
            y = graph.add("Transpose", graph.shaped(y, 1, windows, windows, window, window, width), perm=[0, 1, 3, 2, 4, 5])
            ends = [graph.constant(np.int64(values)) for values in ([0, 0], [side, side], [1, 2])]
            y = graph.add("Slice", graph.shaped(y, 1, whole, whole, width), *ends)
        x = graph.add("Add", x, y)
        x = graph.add("Add", x, graph.mlp(graph.norm(x, width), width, False))
    x = graph.add("Transpose", x, perm=[0, 3, 1, 2])
    x = graph.add("Conv", x, graph.weight(256, width, 1, 1, scale=0.1))
    x = graph.add("Conv", x, graph.weight(256, 256, 3, 3, scale=0.03), pads=[1, 1, 1, 1])
    graph.save(path, 1024, graph.add("Conv", x, graph.weight(1, 256, 1, 1, scale=0.1)), [1, 1, side, side])


def manifest(path, role, side, shape, labels):
    content = path.read_bytes()
    told = "labels = [" + ", ".join(f'"{at}"' for at in range(labels)) + "]\n" if labels else 'then = ["sigmoid"]\n'
    path.with_suffix(".toml").write_text(
        f'format = 1\nname = "{path.stem}"\nrole = "{role}"\nlicence = {{ spdx = "MIT" }}\n'
        f'[[file]]\nname = "{path.name}"\nsize = {len(content)}\nsha256 = "{hashlib.sha256(content).hexdigest()}"\n'
        f'[input]\nname = "picture"\nshape = [1, 3, {side}, {side}]\nmean = [0.485, 0.456, 0.406]\nstd = [0.229, 0.224, 0.225]\n'
        f'[output]\nname = "answer"\nshape = {shape}\n{told}'
    )


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    vit(folder / "clip.onnx", 32, 512, True)
    manifest(folder / "clip.onnx", "classifier", 224, [1, 512], 512)
    vit(folder / "vit.onnx", 16, 1000, False)
    manifest(folder / "vit.onnx", "classifier", 224, [1, 1000], 1000)
    sam(folder / "sam.onnx")
    manifest(folder / "sam.onnx", "salient", 1024, [1, 1, 64, 64], 0)


if __name__ == "__main__":
    main()
