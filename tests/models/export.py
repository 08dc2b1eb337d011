#!/usr/bin/env python3
"""Exports small models of real architectures, with random weights, as files of the Hugging Face hub are exported, and
records what ONNX Runtime makes of them.

    python tests/models/export.py FOLDER [NAME …]      # all without a name

It needs torch, transformers, onnx, onnxruntime, tokenizers, numpy and Pillow; `.ci/run` makes an environment with them.
What it makes is kept in fixtures/models/exports, where the tests read it unless COMFYWRIGHT_TEST_EXPORTS says another
folder. No weight is anybody's: all are drawn from a seed.

A model NAME becomes NAME.onnx (and NAME-decoder.onnx), NAME-tokenizer.json where it is asked in words, and NAME.json: what
was asked of which picture, and what came of it.
"""

import json
import math
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
import transformers
from PIL import Image
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "models"
PICTURE = FIXTURES / "inputs" / "coffee.png"
WORDS = [
    "a photo of a red car on the left side", "two dogs next to the table", "the person behind a bicycle",
    "all chairs except the blue one", "a cat, a lamp and the largest tree", "green apples in a wooden bowl",
]


def seeded(model: torch.nn.Module) -> torch.nn.Module:
    """`model` with weights whose outputs differ from place to place, which those of an untrained one hardly do."""
    torch.manual_seed(7)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() >= 2:
                fan_in = weight[0].numel() if "embed" not in name else weight.shape[-1]
                weight.normal_(0, 1.4 / math.sqrt(fan_in))
            elif "norm" not in name and "logit_scale" not in name:
                weight.normal_(0, 0.1)
    return model.eval()


def clip_tokenizer(path: Path) -> Tokenizer:
    """A tokenizer with the parts of CLIP's, and a vocabulary of these few words."""
    made = Tokenizer(models.BPE(continuing_subword_prefix="", end_of_word_suffix="</w>"))
    made.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    parts = Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
    made.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(parts, behavior="removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=700, end_of_word_suffix="</w>", initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    made.train_from_iterator(WORDS * 4, trainer)
    ends = ["<|startoftext|>", "<|endoftext|>"]
    # As in CLIP's, the last tokens are those that begin and end.
    trained = json.loads(made.to_str())["model"]
    vocabulary = trained["vocab"] | {end: len(trained["vocab"]) + at for at, end in enumerate(ends)}
    merges = [tuple(merge) for merge in trained["merges"]]
    made.model = models.BPE(vocabulary, merges, unk_token=ends[1], continuing_subword_prefix="", end_of_word_suffix="</w>")
    made.add_special_tokens([AddedToken(end, normalized=False) for end in ends])
    begin, end = ((text, made.token_to_id(text)) for text in ends)
    made.post_processor = processors.RobertaProcessing(sep=end, cls=begin, trim_offsets=False, add_prefix_space=False)
    made.save(str(path), pretty=False)
    return made


def export(model, arguments: dict, path: Path, outputs: list[str], dynamic: dict) -> None:
    """The exporter of torch that optimum uses."""
    class Named(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, *values):
            found = self.model(**dict(zip(arguments, values, strict=True)))
            return tuple(found[name] for name in outputs)

    torch.onnx.export(
        Named(), tuple(arguments.values()), str(path), input_names=list(arguments), output_names=outputs, dynamic_axes=dynamic,
        opset_version=17, dynamo=False)
    shortened(path)


def shortened(path: Path) -> None:
    """The same graph without its long names, which are half of a small file."""
    made = onnx.load(path)
    kept = {value.name for value in [*made.graph.input, *made.graph.output]}
    short: dict[str, str] = {"": ""}

    def name(old: str) -> str:
        return old if old in kept else short.setdefault(old, f"v{len(short)}")

    def rename(graph) -> None:
        del graph.value_info[:]
        for tensor in graph.initializer:
            tensor.name = name(tensor.name)
        for node in graph.node:
            node.name = node.doc_string = ""
            node.input[:] = [name(old) for old in node.input]
            node.output[:] = [name(old) for old in node.output]
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    rename(attribute.g)
                    for output in attribute.g.output:
                        output.name = name(output.name)

    rename(made.graph)
    onnx.checker.check_model(made)
    onnx.save(made, path)
    print(f"{path.name}: {path.stat().st_size} bytes")


def ran(path: Path, inputs: dict) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {name: np.asarray(value) for name, value in inputs.items()})


def pixels(side: int, mean: list[float], std: list[float]) -> np.ndarray:
    """As the image processors of `transformers` make them of the top left of the picture, which has their size: what Pillow
    and other libraries resize differs by a step here and there, which these models make much of."""
    picture = Image.open(PICTURE).convert("RGB").crop((0, 0, side, side))
    values = (np.asarray(picture, np.float32) / 255 - np.array(mean, np.float32)) / np.array(std, np.float32)
    return values.transpose(2, 0, 1)[None].astype(np.float32)


def rounded(values: np.ndarray) -> list[float]:
    return [float(f"{value:.6g}") for value in np.asarray(values).reshape(-1)]


def write(folder: Path, name: str, told: dict) -> None:
    (folder / f"{name}.json").write_text(json.dumps(told) + "\n")


CLIP = [[0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]]
IMAGENET = [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]
TEXT = dict(hidden_size=24, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2, projection_dim=16)


def clipseg(folder: Path) -> None:
    tokenizer = clip_tokenizer(folder / "clipseg-tokenizer.json")
    end = tokenizer.token_to_id("<|endoftext|>")
    text = TEXT | dict(vocab_size=tokenizer.get_vocab_size(), max_position_embeddings=77, eos_token_id=end, pad_token_id=end)
    vision = dict(hidden_size=24, intermediate_size=48, num_hidden_layers=3, num_attention_heads=2, image_size=48, patch_size=8)
    config = transformers.CLIPSegConfig(
        text_config=text, vision_config=vision, projection_dim=16, reduce_dim=16, extract_layers=[0, 1, 2],
        decoder_num_attention_heads=2, decoder_intermediate_size=32, conditional_layer=0, attn_implementation="eager")
    model = seeded(transformers.CLIPSegForImageSegmentation(config))
    with torch.no_grad():
        # So that other words are another mask.
        model.decoder.film_mul.weight.mul_(4)
        model.decoder.film_add.weight.mul_(4)
    asked = ["the red car", "dogs"]
    ids, attention = tokens(tokenizer, asked[0], 77, end)
    picture = torch.from_numpy(pixels(48, *IMAGENET))
    path = folder / "clipseg.onnx"
    export(
        model, dict(input_ids=torch.from_numpy(ids), pixel_values=picture, attention_mask=torch.from_numpy(attention)), path, ["logits"],
        {"input_ids": {0: "text_batch_size", 1: "sequence_length"}, "pixel_values": {0: "image_batch_size"},
         "attention_mask": {0: "text_batch_size", 1: "sequence_length"}, "logits": {0: "batch_size"}})
    cases = []
    for words in asked:
        ids, attention = tokens(tokenizer, words, 77, end)
        logits = ran(path, dict(input_ids=ids, pixel_values=picture.numpy(), attention_mask=attention))[0]
        cases.append(dict(words=words, ids=ids[0][: int(attention.sum())].tolist(), logits=rounded(logits)))
    write(folder, "clipseg", dict(side=48, cases=cases))


def owlvit(folder: Path) -> None:
    tokenizer = clip_tokenizer(folder / "owlvit-tokenizer.json")
    text = TEXT | dict(vocab_size=tokenizer.get_vocab_size(), max_position_embeddings=16)
    text.pop("projection_dim")
    vision = dict(hidden_size=24, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2, image_size=96, patch_size=16)
    config = transformers.OwlViTConfig(text_config=text, vision_config=vision, projection_dim=24, attn_implementation="eager")
    model = seeded(transformers.OwlViTForObjectDetection(config))
    asked = ["the red car", "dogs"]
    ids, attention = tokens(tokenizer, asked[0], 16, 0)
    picture = torch.from_numpy(pixels(96, *CLIP))
    path = folder / "owlvit.onnx"
    export(
        model, dict(input_ids=torch.from_numpy(ids), pixel_values=picture, attention_mask=torch.from_numpy(attention)), path,
        ["logits", "pred_boxes"],
        {"input_ids": {0: "text_batch_size", 1: "sequence_length"}, "pixel_values": {0: "image_batch_size"},
         "attention_mask": {0: "text_batch_size", 1: "sequence_length"}, "logits": {0: "image_batch_size", 1: "num_patches", 2: "max_text_queries"},
         "pred_boxes": {0: "image_batch_size", 1: "num_patches"}})
    cases = []
    for words in asked:
        ids, attention = tokens(tokenizer, words, 16, 0)
        logits, boxes = ran(path, dict(input_ids=ids, pixel_values=picture.numpy(), attention_mask=attention))
        cases.append(dict(words=words, logits=rounded(logits), boxes=rounded(boxes)))
    write(folder, "owlvit", dict(side=96, cases=cases))


class SamEncoder(torch.nn.Module):
    """The first of the two files, as optimum splits SAM."""
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixel_values):
        positions = self.model.get_image_wide_positional_embeddings()
        return self.model.vision_encoder(pixel_values)[0], positions.repeat(pixel_values.shape[0], 1, 1, 1)


class SamDecoder(torch.nn.Module):
    """The second one, with or without a box."""
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_points, input_labels, image_embeddings, image_positional_embeddings, input_boxes=None):
        sparse, dense = self.model.prompt_encoder(
            input_points=input_points, input_labels=input_labels, input_boxes=input_boxes, input_masks=None)
        found = self.model.mask_decoder(
            image_embeddings=image_embeddings, image_positional_embeddings=image_positional_embeddings,
            sparse_prompt_embeddings=sparse, dense_prompt_embeddings=dense, multimask_output=True)
        return found[1], found[0]


def slimsam(folder: Path) -> None:
    side, picture = 128, Image.open(PICTURE).convert("RGB").crop((0, 0, 128, 80))
    vision = dict(
        hidden_size=24, output_channels=32, num_hidden_layers=2, num_attention_heads=2, image_size=side, patch_size=16, mlp_dim=48,
        window_size=3, global_attn_indexes=[1], num_pos_feats=16)
    prompts = dict(hidden_size=32, image_size=side, patch_size=16, mask_input_channels=4)
    masks = dict(hidden_size=32, mlp_dim=48, num_hidden_layers=2, num_attention_heads=2, iou_head_hidden_dim=24)
    config = transformers.SamConfig(
        vision_config=vision, prompt_encoder_config=prompts, mask_decoder_config=masks, attn_implementation="eager")
    model = seeded(transformers.SamModel(config))
    size = picture.size
    values = np.zeros((1, 3, side, side), np.float32)
    small = np.asarray(picture, np.float32) / 255
    values[0, :, : size[1], : size[0]] = ((small - np.array(IMAGENET[0], np.float32)) / np.array(IMAGENET[1], np.float32)).transpose(2, 0, 1)
    features = ["image_embeddings", "image_positional_embeddings"]
    encoder, decoders = folder / "slimsam.onnx", {}
    torch.onnx.export(
        SamEncoder(model), (torch.from_numpy(values),), str(encoder), input_names=["pixel_values"], output_names=features,
        dynamic_axes={name: {0: "batch_size"} for name in ["pixel_values", *features]}, opset_version=17, dynamo=False)
    shortened(encoder)
    made = ran(encoder, dict(pixel_values=values))
    for name, boxes in [("slimsam-decoder", []), ("slimsam-boxes", ["input_boxes"])]:
        path = folder / f"{name}.onnx"
        arguments = [torch.tensor([[[[20.0, 30.0]]]]), torch.tensor([[[1]]]), *map(torch.from_numpy, made)]
        names = ["input_points", "input_labels", *features, *boxes]
        if boxes:
            arguments.append(torch.tensor([[[10.0, 10.0, 60.0, 50.0]]]))
        torch.onnx.export(
            SamDecoder(model), tuple(arguments), str(path), input_names=names, output_names=["iou_scores", "pred_masks"],
            dynamic_axes={
                "input_points": {0: "batch_size", 1: "point_batch_size", 2: "nb_points_per_image"},
                "input_labels": {0: "batch_size", 1: "point_batch_size", 2: "nb_points_per_image"},
                "image_embeddings": {0: "batch_size"}, "image_positional_embeddings": {0: "batch_size"},
                "iou_scores": {0: "batch_size", 1: "point_batch_size"}, "pred_masks": {0: "batch_size", 1: "point_batch_size"}},
            opset_version=17, dynamo=False)
        shortened(path)
        decoders[name] = path
    cases = []
    # A box for the decoder that takes one, with a point that is none where there is no other.
    for name, points, box in [
        ("slimsam-decoder", [[40, 30, 1]], None), ("slimsam-decoder", [[40, 30, 1], [110, 70, 0], [60, 60, 1]], None),
        ("slimsam-boxes", [], [20, 15, 100, 75]), ("slimsam-boxes", [[70, 60, 1]], [20, 15, 100, 75])]:
        places = [point[:2] for point in points] or [[0.0, 0.0]]
        inputs = dict(zip(features, made, strict=True)) | dict(
            input_points=np.array([[places]], np.float32), input_labels=np.array([[[label for *_, label in points] or [-1]]], np.int64))
        if box:
            inputs["input_boxes"] = np.array([[box]], np.float32)
        scores, logits = ran(decoders[name], inputs)
        cases.append(dict(decoder=name, points=points, box=box, scores=rounded(scores), logits=rounded(logits)))
    write(folder, "slimsam", dict(side=side, cases=cases))


def grounding_dino(folder: Path) -> None:
    ends = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "."]
    vocabulary = {word: at for at, word in enumerate([*ends, "red", "car", "dog", "a", "##s", "the"])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        "[CLS] $A [SEP]", special_tokens=[(end, vocabulary[end]) for end in ["[CLS]", "[SEP]"]])
    tokenizer.save(str(folder / "grounding-dino-tokenizer.json"), pretty=False)
    side, length = 128, 16
    backbone = transformers.SwinConfig(
        image_size=side, patch_size=4, embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 2, 2, 2], window_size=4, out_indices=[2, 3, 4])
    text = transformers.BertConfig(
        vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=64)
    config = transformers.GroundingDinoConfig(
        backbone_config=backbone, text_config=text, d_model=32, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, num_queries=10, max_text_len=32, encoder_n_points=2,
        decoder_n_points=2, disable_custom_kernels=True, attn_implementation="eager")
    model = seeded(transformers.GroundingDinoForObjectDetection(config))
    picture, path, cases = pixels(side, *IMAGENET), folder / "grounding-dino.onnx", []
    for words in ["red car", "dogs"]:
        ids, attention = tokens(tokenizer, f"{words}.", length, 0)
        inputs = dict(
            pixel_values=picture, input_ids=ids, token_type_ids=np.zeros_like(ids), attention_mask=attention,
            pixel_mask=np.ones((1, side, side), np.int64))
        if not cases:
            export(
                model, {name: torch.from_numpy(value) for name, value in inputs.items()}, path, ["logits", "pred_boxes"],
                {name: {0: "batch_size"} for name in inputs})
        logits, boxes = ran(path, inputs)
        cases.append(dict(words=words, logits=rounded(logits.max(-1)), boxes=rounded(boxes)))
    write(folder, "grounding-dino", dict(side=side, cases=cases))


def tokens(tokenizer: Tokenizer, words: str, length: int, pad: int) -> tuple[np.ndarray, np.ndarray]:
    found = tokenizer.encode(words).ids
    filled = length - len(found)
    return np.array([found + [pad] * filled], np.int64), np.array([[1] * len(found) + [0] * filled], np.int64)


MODELS = {"clipseg": clipseg, "owlvit": owlvit, "slimsam": slimsam, "grounding-dino": grounding_dino}


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or MODELS:
        MODELS[name](folder)


main()
