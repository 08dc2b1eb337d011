"""The trained model as an ONNX file: weights in half precision, and as few operators as the same numbers need."""

import io
import pathlib
import tempfile

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

import scenes

SMALL = 64
"""Tensors with fewer values stay in single precision."""


def exported(net):
    """The bytes of the file."""
    net = net.eval()
    with torch.no_grad():
        # What does not depend on the picture, in one.
        net.reader.place += net.reader.where(net.reader.at)
        net.reader.where.weight.zero_()
    image = torch.zeros(1, 3, scenes.SIDE, scenes.SIDE)
    tokens = torch.tensor([scenes.tokens("the red circle on the left")])
    raw = io.BytesIO()
    names = {"input_names": ["image", "tokens"], "output_names": ["mask"]}
    torch.onnx.export(net, (image, tokens), raw, opset_version=17, dynamo=False, **names)
    return in_half(folded(raw.getvalue())).SerializeToString()


def folded(raw):
    """With everything computed that is the same for all pictures and words."""
    path = pathlib.Path(tempfile.mkdtemp()) / "folded.onnx"
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(path)
    options.log_severity_level = 3
    onnxruntime.InferenceSession(raw, options, providers=["CPUExecutionProvider"])
    return onnx.load(path)


def in_half(model):
    """With half the bytes: weights are stored as half floats, and widened when they are loaded."""
    graph = model.graph
    kept = {value.name for value in [*graph.input, *graph.output]}
    names = {}
    short = lambda name: name if not name or name in kept else names.setdefault(name, f"n{len(names)}")
    for node in graph.node:
        node.name, node.doc_string = "", ""
        node.input[:] = [short(name) for name in node.input]
        node.output[:] = [short(name) for name in node.output]
    casts = []
    for tensor in graph.initializer:
        values, name = numpy_helper.to_array(tensor), short(tensor.name)
        if values.dtype == np.float32 and values.size >= SMALL:
            casts.append(helper.make_node("Cast", [f"{name}h"], [name], to=TensorProto.FLOAT))
            values, name = values.astype(np.float16), f"{name}h"
        tensor.CopyFrom(numpy_helper.from_array(values, name))
    nodes = [*casts, *graph.node]
    del graph.node[:], graph.value_info[:]
    graph.node.extend(nodes)
    only = [opset for opset in model.opset_import if not opset.domain]
    del model.opset_import[:]
    model.opset_import.extend(only)
    graph.name, model.producer_name, model.producer_version = "shapes", "", ""
    onnx.checker.check_model(model, full_check=True)
    return model
