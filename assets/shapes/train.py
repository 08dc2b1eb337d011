"""Trains the model of shapes and writes shapes.onnx beside this file.

    pip install torch==2.15.0 numpy onnx onnxruntime onnxscript
    python assets/shapes/train.py [--every 150]

On one thread, within 30 minutes of one core's time. Weights, scenes and queries follow from seeds; another machine or other
packages round differently. Every `--every` steps it tells the time that was spent and how well scenes of another seed
are answered. What counts is evaluate.py.

Each step makes scenes (every second step; the others ask the same ones something else), and asks each of them eight
queries. Beside the masks, what cells and pixels are is learnt: colours, shapes, middles and sizes, which make what the
words are about. Two phases: first what things are; then, with more queries of that kind, how they lie to each other.
"""

import argparse
import copy
import math
import pathlib
import time

import numpy as np
import torch
import torch.nn.functional as F

import scenes
from export import exported
from net import CELLS, PIXELS, Shapes

SCENES, QUERIES = 12, 8
SEEN = ["size", "place", "relation", "next to", "exclusion", "no relation"]
PLAIN = ["color", "shape", "both", "absence"]
TOLD = ["half", "half", "place", "place", "relation", "relation", "next to", "exclusion"]
REST = ["size", "absence", "no relation", "both", "shape", "color"]
EVEN = ["half", "place", "place", "size", "relation", "relation", "next to", "exclusion", "absence", "no relation"]
OTHER_SEED = 7
RATE = 2e-3


def told(scene):
    """What the cells are: colour, shape, then (where a thing is) place and size; -100 is nothing."""
    step = scenes.SIDE // CELLS
    ids = scene.ids.reshape(CELLS, step, CELLS, step).transpose(0, 2, 1, 3).reshape(CELLS * CELLS, step * step)
    counts = np.stack([(ids == index).sum(1) for index in range(len(scene.things))], 1)
    best = np.where(counts.max(1) >= 6, counts.argmax(1), -1)
    colors, shapes = list(scenes.COLORS), list(scenes.SHAPES)
    table = [
        (colors.index(one.color), shapes.index(one.shape), one.x / 64 - 1, one.y / 64 - 1, math.log(one.radius / 14))
        for one in scene.things
    ]
    table = np.array([*table, (-100, -100, 0, 0, 0)], np.float32)
    return table[best]


def batch(rng, pool, often, rest):
    """Pictures, the tokens of their queries, the masks, and what cells and pixels are."""
    images, tokens, masks, cells, inside = [], [], [], [], []
    for one in pool:
        images.append(one.image)
        cells.append(told(one))
        inside.append(one.ids >= 0)
        kinds = [*rng.permutation(often)[: QUERIES - 1], *rng.choice(rest, QUERIES)]
        made = (scenes.query(rng, one.things, kind) for kind in kinds)
        made = [query for query in made if query][:QUERIES]
        while len(made) < QUERIES:
            made.append(scenes.query(rng, one.things, "both"))
        for words, found in made:
            tokens.append(scenes.tokens(words))
            masks.append(scenes.mask(one, found))
    images = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous()
    half = lambda x: F.avg_pool2d(torch.from_numpy(np.stack(x)).float()[:, None], scenes.SIDE // PIXELS)
    return images, torch.tensor(tokens), half(masks), torch.from_numpy(np.stack(cells)), half(inside)


def losses(net, images, tokens, masks, cells, inside):
    """Of the masks, of whether there is any, and of what cells and pixels are."""
    seen, pixels, keys = net.reader(images)
    mask, present = net.ask(seen, net.shares(pixels, keys), net.words(tokens))
    mask, present = mask.float(), present.float()
    there = (masks.amax((1, 2, 3)) > 0).float()
    binary = F.binary_cross_entropy_with_logits(mask, masks, reduction="none").mean((1, 2, 3))
    share = torch.sigmoid(mask)
    both, all_ = (share * masks).sum((1, 2, 3)), (share + masks).sum((1, 2, 3))
    dice = (1 - (2 * both + 1) / (all_ + 1)) * there
    asked = 3 * binary.mean() + dice.mean()
    presence = F.binary_cross_entropy_with_logits(present[:, 0], there)
    guess = net.told(seen).float().flatten(2)
    colors, shapes = len(scenes.COLORS), len(scenes.SHAPES)
    is_thing = (cells[..., 0] >= 0).float()
    parts = F.cross_entropy(guess[:, :colors], cells[..., 0].long())
    parts = parts + F.cross_entropy(guess[:, colors : colors + shapes], cells[..., 1].long())
    parts = parts + F.binary_cross_entropy_with_logits(guess[:, -1], is_thing)
    off = (guess[:, colors + shapes : -1].transpose(1, 2) - cells[..., 2:]).abs() * is_thing[..., None]
    parts = parts + 2 * off.sum() / is_thing.sum().clamp(min=1)
    parts = parts + F.binary_cross_entropy_with_logits(net.edge(pixels).float(), inside)
    return asked, presence, parts


def evaluated(net, count=30):
    """Mean intersection over union by kind, and of all."""
    net.eval()
    found = {kind: [] for kind in scenes.KINDS}
    rng = np.random.default_rng(OTHER_SEED)
    with torch.no_grad():
        for _ in range(count):
            one = scenes.scene(rng)
            image = torch.from_numpy(one.image).permute(2, 0, 1)[None]
            made = [(kind, scenes.query(rng, one.things, kind)) for kind in scenes.KINDS]
            made = [(kind, *query) for kind, query in made if query]
            mask = net(image, torch.tensor([scenes.tokens(words) for _, words, _ in made]))
            mask = F.interpolate(torch.sigmoid(mask), size=scenes.SIDE, mode="bilinear")[:, 0] > 0.5
            for (kind, _, things), mask in zip(made, mask.numpy()):
                wanted = scenes.mask(one, things)
                union = (mask | wanted).sum()
                found[kind].append((mask & wanted).sum() / union if union else 1.0)
    net.train()
    rows = {kind: np.mean(values) for kind, values in found.items() if values}
    return " ".join(f"{kind} {value:.2f}" for kind, value in rows.items()), np.mean(sum(found.values(), []))


class Phase:
    """A part of the training: kinds of which every scene is asked as many as it allows, and others for the rest."""

    def __init__(self, seed, steps, of, warm, compares):
        self.seed, self.steps, self.of, self.warm, self.compares = seed, steps, of, warm, compares

    def kinds(self, step):
        if not self.compares:
            return SEEN, PLAIN
        return (TOLD, REST) if step < self.of / 2 else (EVEN, REST)

    def rate(self, step):
        return min(1, (step + 1) / self.warm) * (0.5 + 0.5 * math.cos(math.pi * step / self.of))


# First what things are; then, with more of it, how they lie to each other.
PHASES = [Phase(1, 1350, 3600, 100, False), Phase(2, 2200, 2200, 50, True)]


def run(net, phase, every):
    """The running mean of the weights, which is better than any of them."""
    rng = np.random.default_rng(phase.seed)
    net.compares = phase.compares
    mean = copy.deepcopy(net)
    optimizer = torch.optim.AdamW(net.parameters(), RATE, betas=(0.9, 0.98), weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, phase.rate)
    pool, sums = [], np.zeros(3)
    for step in range(phase.steps):
        pool = [scenes.scene(rng) for _ in range(SCENES)] if step % 2 == 0 else pool
        data = batch(rng, pool, *phase.kinds(step))
        with torch.autocast("cpu", torch.bfloat16):
            asked, presence, parts = losses(net, *data)
        (asked + 0.3 * presence + 0.3 * parts).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
        with torch.no_grad():
            keep = min(0.998, step / (step + 20))
            for old, new in zip(mean.state_dict().values(), net.state_dict().values()):
                if old.is_floating_point():
                    old.lerp_(new, 1 - keep)
        sums += asked.item(), presence.item(), parts.item()
        if (step + 1) % every == 0:
            rows, all_ = evaluated(mean)
            loss = " ".join(f"{value:.3f}" for value in sums / every)
            print(f"{step + 1}: {time.process_time():.0f} s, loss {loss}, mean IoU {all_:.3f}: {rows}", flush=True)
            sums[:] = 0
    return mean


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--every", type=int, default=150)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    net = Shapes()
    for phase in PHASES:
        net = run(net, phase, given.every)
    spent = time.process_time()
    model = exported(net)
    pathlib.Path(__file__).with_name("shapes.onnx").write_bytes(model)
    print(f"{spent:.0f} s of processor time, {len(model)} bytes")


if __name__ == "__main__":
    main()
