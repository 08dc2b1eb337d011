"""Writes a checkpoint of a third of a megabyte that ComfyUI loads as Stable Diffusion 1.5.

    cd COMFYUI && python .../tiny_checkpoint.py OUT.ckpt

It has the text encoder and the layer widths of the real model, but one block of the U-Net, the small
VAE of TAESD, and random weights from a fixed seed: pictures are noise, and every step of sampling is
the real one. The names and shapes come from ComfyUI's own modules. Each tensor repeats one random row,
and the file holds the row only, which is why it is so small.
"""

import json
import os
import sys

out = os.path.abspath(sys.argv[1])
sys.path.insert(0, os.getcwd())
sys.argv = [sys.argv[0], "--cpu"]

import comfy.options

comfy.options.enable_args_parsing()

import torch
from comfy import clip_model, ops
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel
from comfy.taesd.taesd import TAESD

UNET = {
    "image_size": 32, "in_channels": 4, "out_channels": 4, "model_channels": 320, "num_res_blocks": [1],
    "channel_mult": [1], "transformer_depth": [1], "transformer_depth_output": [0, 0], "transformer_depth_middle": -2,
    "context_dim": 768, "num_heads": 8, "use_spatial_transformer": True, "use_linear_in_transformer": False,
    "legacy": False,
}


def text_encoder():
    with open(os.path.join("comfy", "sd1_clip_config.json"), encoding="utf-8") as file:
        config = json.load(file)
    return clip_model.CLIPTextModel(config, torch.float32, "meta", ops.disable_weight_init)


def parts():
    """Prefixes in the file, and modules whose tensors have no values."""
    with torch.device("meta"):
        unet = UNetModel(**UNET, device="meta", operations=ops.disable_weight_init)
        vae = TAESD(latent_channels=4)
    yield "model.diffusion_model.", unet
    yield "cond_stage_model.transformer.", text_encoder()
    yield "first_stage_model.", vae


def tensor(name, shape, generator):
    if len(shape) < 2:
        value = 0.0 if name.endswith("bias") else 1.0
        return torch.full((1,), value, dtype=torch.float16).expand(shape) if shape else torch.tensor(value).half()
    # One row of one channel for all: (out, in, height, width) repeats its kernel, (out, in) its row.
    row = (1, 1, *shape[2:]) if len(shape) > 2 else (1, *shape[1:])
    return (torch.randn(row, generator=generator) * 0.02).half().expand(shape)


def main():
    generator = torch.Generator().manual_seed(1)
    weights = {}
    for prefix, module in parts():
        for name, value in module.state_dict().items():
            if not name.startswith("vae_s"):  # scale and shift of latents are no part of a checkpoint
                weights[prefix + name] = tensor(name, tuple(value.shape), generator)
    torch.save({"state_dict": weights}, out)
    print(f"{len(weights)} tensors, {os.path.getsize(out)} bytes: {out}")


main()
