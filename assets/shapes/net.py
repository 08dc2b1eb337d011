"""A picture and words to a mask: the picture is read once, and each query looks at what was read.

1. Convolutions read the picture down to 16 x 16 cells of what is there, whatever is asked.
2. The words become one vector, which steers three blocks in which all cells look at all others: the answer of each cell.
3. Each pixel of 64 x 64 takes the answers of the nine cells around it, by how much it is of the same thing as they are.
"""

import torch
import torch.nn.functional as F
from torch import nn

from scenes import COLORS, LENGTH, SHAPES, WORDS

WIDTH = 64
"""Values of a cell."""
TEXT = 112
"""Values of the vector of the words."""
CELLS = 16
"""Cells along a side."""
PIXELS = 64
"""Pixels along a side of the mask."""
KEY = 16
"""Values by which pixels and cells are compared."""
COMPARED = 16
"""Values by which middles and sizes are compared, as the words say."""
SURE = 4.0
"""How much the logit of being there counts for a mask."""


def convolution(of, to, stride=1, dilation=1):
    return nn.Sequential(nn.Conv2d(of, to, 3, stride, dilation, dilation, bias=False), nn.BatchNorm2d(to), nn.ReLU())


class Residual(nn.Module):
    def __init__(self, width, dilation=1):
        super().__init__()
        self.first = convolution(width, width, dilation=dilation)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x):
        return F.relu(x + self.second(self.first(x)))


class Reader(nn.Module):
    """What is where in a picture: cells, and a key for each pixel and each cell."""

    def __init__(self):
        super().__init__()
        self.fine = convolution(3, 16, 2)
        self.quarter = nn.Sequential(convolution(16, 32, 2), Residual(32))
        self.cells = nn.Sequential(convolution(32, WIDTH, 2), Residual(WIDTH), Residual(WIDTH, 2))
        self.less = nn.Conv2d(WIDTH, 32, 1)
        self.up = convolution(32 + 32, 32)
        self.pixels = nn.Sequential(convolution(32 + 16, 24), nn.Conv2d(24, KEY, 1))
        self.key = nn.Conv2d(WIDTH, KEY, 1)
        self.place = nn.Parameter(torch.randn(1, WIDTH, CELLS, CELLS) * 0.02)
        at = torch.linspace(-1, 1, CELLS)
        self.register_buffer("at", torch.stack([at[None].expand(CELLS, CELLS), at[:, None].expand(CELLS, CELLS)])[None])
        self.where = nn.Conv2d(2, WIDTH, 1, bias=False)

    def forward(self, image):
        half = self.fine(image * 4 - 2)
        quarter = self.quarter(half)
        cells = self.cells(quarter)
        up = self.up(torch.cat([twice(self.less(cells)), quarter], 1))
        pixels = self.pixels(torch.cat([twice(up), half], 1))
        return cells + self.where(self.at) + self.place, pixels, self.key(cells)


def twice(x):
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


class Words(nn.Module):
    """The vector of a query."""

    def __init__(self, width=48, heads=4, looks=4):
        super().__init__()
        self.word = nn.Embedding(len(WORDS) + 1, width)
        self.place = nn.Parameter(torch.randn(LENGTH, width) * 0.1)
        self.blocks = nn.ModuleList(Attention(width, heads) for _ in range(2))
        self.looks = nn.Parameter(torch.randn(looks, width) * 0.2)
        self.out = nn.Sequential(nn.Linear(looks * width, TEXT), nn.ReLU())

    def forward(self, tokens):
        x = self.word(tokens) + self.place
        nothing = (tokens == 0).float()[:, None, None, :] * -1e4
        for block in self.blocks:
            x = block(x, nothing)
        weights = (self.looks @ x.transpose(1, 2) + nothing[:, 0]).softmax(-1)
        return self.out((weights @ x).flatten(1))


class Attention(nn.Module):
    """A block of a transformer over words."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))

    def forward(self, x, nothing):
        x = x + self.out(attend(*self.qkv(self.before(x)).chunk(3, -1), self.heads, nothing))
        return x + self.mlp(self.between(x))


def attend(q, k, v, heads, bias=0.0):
    q, k, v = (part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in (q, k, v))
    weights = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    return ((weights + bias).softmax(-1) @ v).transpose(1, 2).flatten(2)


class Look(nn.Module):
    """Cells look at all others (2 x 2 of them at a time), and change, as the words say."""

    def __init__(self, heads=4):
        super().__init__()
        self.heads = heads
        self.steer = nn.Linear(TEXT, 4 * WIDTH)
        self.before = nn.LayerNorm(WIDTH, elementwise_affine=False)
        self.q, self.kv = nn.Linear(WIDTH, WIDTH), nn.Conv2d(WIDTH, 2 * WIDTH, 2, 2)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.ReLU(), nn.Linear(2 * WIDTH, WIDTH))
        nn.init.normal_(self.steer.weight, std=0.02)

    def forward(self, x, text, middle):
        scale, shift, scale2, shift2 = self.steer(text)[:, None].chunk(4, -1)
        y = self.before(x) * (1 + scale) + shift + middle
        kv = self.kv(y.transpose(1, 2).unflatten(2, (CELLS, CELLS))).flatten(2).transpose(1, 2)
        x = x + self.out(attend(self.q(y), *kv.chunk(2, -1), self.heads))
        return x + self.mlp(self.before(x) * (1 + scale2) + shift2 + middle)


class Shapes(nn.Module):
    """The whole model."""

    def __init__(self, looks=3):
        super().__init__()
        self.compares = True
        self.reader, self.words = Reader(), Words()
        self.looks = nn.ModuleList(Look() for _ in range(looks))
        self.answer = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 1))
        self.seen = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 32))
        self.present = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1))
        # What each cell and each pixel is, for training; and middle and size of the thing in each cell, to be compared.
        self.told = nn.Conv2d(WIDTH, len(COLORS) + len(SHAPES) + 4, 1)
        self.edge = nn.Conv2d(KEY, 1, 1)
        self.compared = nn.Linear(TEXT, 3 * COMPARED)
        self.middles = nn.ModuleList(nn.Linear(COMPARED, WIDTH, bias=False) for _ in range(looks))

    def shares(self, pixels, keys):
        """How much each pixel takes of the cells around it: 9 x (cells and pixels in them)."""
        step = PIXELS // CELLS
        around = F.pad(keys, (1, 1, 1, 1))
        near = torch.stack([around[:, :, y : y + CELLS, x : x + CELLS] for y in range(3) for x in range(3)], 1)
        fine = pixels.unflatten(3, (CELLS, step)).unflatten(2, (CELLS, step))
        fine = fine.permute(0, 2, 4, 3, 5, 1).reshape(-1, CELLS, CELLS, step * step, KEY)
        alike = fine @ near.permute(0, 3, 4, 2, 1)
        return alike.softmax(-1)

    def ask(self, cells, shares, text):
        """The masks and whether there is any, of one or more queries for each picture."""
        cells = cells.repeat_interleave(text.shape[0] // cells.shape[0], 0)
        x = cells.flatten(2).transpose(1, 2)
        compared = self.told(cells)[:, -4:-1].flatten(2).transpose(1, 2) @ self.compared(text).unflatten(1, (3, COMPARED))
        for look, middle in zip(self.looks, self.middles):
            x = look(x, text, middle(compared) if self.compares else 0.0)
        answer = self.answer(x).transpose(1, 2).unflatten(2, (CELLS, CELLS))
        seen = F.relu(self.seen(x))
        present = self.present(torch.cat([seen.amax(1), seen.mean(1)], 1))
        around = F.pad(answer, (1, 1, 1, 1))
        near = torch.cat([around[:, :, y : y + CELLS, x : x + CELLS] for y in range(3) for x in range(3)], 1)
        step = PIXELS // CELLS
        near = near.unflatten(0, (shares.shape[0], -1)).permute(0, 3, 4, 2, 1)
        mask = (shares @ near).unflatten(3, (step, step)).permute(0, 5, 1, 3, 2, 4).reshape(-1, 1, PIXELS, PIXELS)
        return mask, present

    def forward(self, image, tokens):
        """Logits of the mask, 1 x 64 x 64: at most so much as it is sure that what is asked for is there at all."""
        cells, pixels, keys = self.reader(image)
        mask, present = self.ask(cells, self.shares(pixels, keys), self.words(tokens))
        return torch.minimum(mask, SURE * present[:, :, None, None])
