"""Pictures of coloured shapes, what is asked about them, and the right masks. Everything follows from a seed."""

from dataclasses import dataclass

import numpy as np

SIDE = 128
COLORS = {
    "red": (0.84, 0.12, 0.12),
    "orange": (0.96, 0.52, 0.08),
    "yellow": (0.95, 0.88, 0.15),
    "green": (0.15, 0.62, 0.20),
    "blue": (0.12, 0.28, 0.85),
    "purple": (0.55, 0.18, 0.72),
    "white": (0.95, 0.95, 0.95),
    "black": (0.06, 0.06, 0.06),
}
SHAPES = {"circle": "circles", "square": "squares", "triangle": "triangles", "cross": "crosses", "star": "stars"}

# Distances in pixels from which on something is clear enough to be asked.
APART = 9.0
NEAR, FAR = 12.0, 22.0
LARGER = 1.35

PLACES = {
    "on the left": lambda one: one.x,
    "on the right": lambda one: -one.x,
    "at the top": lambda one: one.y,
    "at the bottom": lambda one: -one.y,
}
SIDES = {"leftmost": "on the left", "rightmost": "on the right", "topmost": "at the top", "bottommost": "at the bottom"}
RELATIONS = {
    "to the left of": lambda one, to: to.x - one.x,
    "to the right of": lambda one, to: one.x - to.x,
    "above": lambda one, to: to.y - one.y,
    "below": lambda one, to: one.y - to.y,
}
KINDS = ["color", "shape", "both", "size", "place", "relation", "next to", "exclusion", "absence", "no relation", "half"]
WORDS = [
    *("the all thing things except that is are not on at to of next left right top bottom above below").split(),
    *("largest smallest large small").split(),
    *SIDES,
    *COLORS,
    *SHAPES,
    *SHAPES.values(),
]
"""What the model is taught; a word's token is its place here plus 1, and 0 is no word."""
LENGTH = 14


@dataclass
class Thing:
    """One shape."""

    color: str
    shape: str
    x: float
    y: float
    radius: float
    area: float = 0.0


@dataclass
class Scene:
    """A picture (side x side x 3, 0 to 1), its things, and which of them each pixel is (from 0; -1 is none)."""

    image: np.ndarray
    things: list
    ids: np.ndarray


def _distance(shape, dx, dy, radius):
    """About the distance in pixels to the edge, below 0 inside. All shapes have a similar area for a radius."""
    if shape == "circle":
        return np.hypot(dx, dy) - 0.95 * radius
    if shape == "square":
        return np.maximum(np.abs(dx), np.abs(dy)) - 0.84 * radius
    if shape == "triangle":
        return _triangle(dx, dy, radius)
    if shape == "cross":
        long, short = 1.1 * radius, 0.38 * radius
        dx, dy = np.abs(dx), np.abs(dy)
        return np.minimum(np.maximum(dx - long, dy - short), np.maximum(dx - short, dy - long))
    angle = np.arctan2(dx, -dy) % (2 * np.pi / 5)
    angle = np.abs(angle - np.pi / 5)
    # An edge from an outer corner to an inner one.
    outer, inner = 1.3 * radius, 0.58 * radius
    x, y = np.hypot(dx, dy) * np.cos(angle), np.hypot(dx, dy) * np.sin(angle)
    ax, ay = inner, 0.0
    bx, by = outer * np.cos(np.pi / 5), outer * np.sin(np.pi / 5)
    length = np.hypot(bx - ax, by - ay)
    return ((x - ax) * (by - ay) - (y - ay) * (bx - ax)) / length


def _triangle(dx, dy, radius):
    dy = dy - 0.2 * radius
    return np.maximum(0.866 * np.abs(dx) - 0.5 * dy, dy) - 0.68 * radius


def _background(rng, side):
    base = rng.uniform(0.12, 0.88) + rng.uniform(-0.08, 0.08, 3)
    grid = rng.normal(0, rng.uniform(0.01, 0.05), (5, 5, 1)) + rng.normal(0, 0.012, (5, 5, 3))
    at = np.linspace(0, 4, side)
    low = np.minimum(at.astype(int), 3)
    share = at - low
    across = grid[:, low] * (1 - share)[None, :, None] + grid[:, low + 1] * share[None, :, None]
    return (base + across[low] * (1 - share)[:, None, None] + across[low + 1] * share[:, None, None]).astype(np.float32)


def scene(rng, side=SIDE):
    """A picture of 3 to 7 things that do not touch. Things are placed as in a picture of 128 x 128, whatever its size."""
    while True:
        image = _background(rng, side)
        ids = np.full((side, side), -1, np.int8)
        colors = [name for name in COLORS if np.abs(np.array(COLORS[name]) - image.mean((0, 1))).max() > 0.3]
        # Few colours and shapes, so that several things are alike.
        colors = rng.choice(colors, rng.integers(2, 5), replace=False)
        shapes = rng.choice(list(SHAPES), rng.integers(2, 5), replace=False)
        things = []
        for _ in range(rng.integers(3, 8)):
            _place(rng, things, str(rng.choice(colors)), str(rng.choice(shapes)))
        if len(things) < 3:
            continue
        for index, thing in enumerate(things):
            _draw(rng, image, ids, index, thing, side / SIDE)
        image += rng.standard_normal(image.shape, np.float32) * rng.uniform(0.005, 0.03)
        return Scene(image.clip(0, 1), things, ids)


def _place(rng, things, color, shape):
    beside = things[rng.integers(len(things))] if things and rng.random() < 0.4 else None
    for _ in range(12):
        radius = float(np.exp(rng.uniform(np.log(8), np.log(24))))
        reach = 1.25 * radius
        x, y = rng.uniform(reach, SIDE - reach, 2)
        if beside is not None:
            turn, away = rng.uniform(0, 2 * np.pi), 1.15 * (radius + beside.radius) + rng.uniform(3, 6)
            x, y = beside.x + away * np.cos(turn), beside.y + away * np.sin(turn)
        if not (reach <= x <= SIDE - reach and reach <= y <= SIDE - reach):
            continue
        if all(np.hypot(x - other.x, y - other.y) > 1.15 * (radius + other.radius) + 3 for other in things):
            things.append(Thing(color, shape, float(x), float(y), radius))
            return


def _draw(rng, image, ids, index, thing, scale):
    turn = rng.uniform(-0.25, 0.25)
    middle_x, middle_y, radius = thing.x * scale, thing.y * scale, thing.radius * scale
    reach, side = int(1.4 * radius) + 2, len(ids)
    left, top = max(int(middle_x) - reach, 0), max(int(middle_y) - reach, 0)
    right, bottom = min(int(middle_x) + reach + 1, side), min(int(middle_y) + reach + 1, side)
    y, x = np.mgrid[top:bottom, left:right] + 0.5
    x, y = x - middle_x, y - middle_y
    dx, dy = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
    cover = (0.5 - _distance(thing.shape, dx, dy, radius)).clip(0, 1)
    color = np.array(COLORS[thing.color]) * rng.uniform(0.82, 1.08) + rng.normal(0, 0.02, 3)
    slope = rng.normal(0, 0.03, 2) / radius
    paint = color + (x * slope[0] + y * slope[1])[..., None]
    part = image[top:bottom, left:right]
    part += cover[..., None] * (paint - part)
    ids[top:bottom, left:right][cover >= 0.5] = index
    thing.area = float(cover.sum()) / scale**2


def _noun(color, shape, plural=False):
    noun = (SHAPES[shape] if plural else shape) if shape else ("things" if plural else "thing")
    return f"{color} {noun}" if color else noun


def _matching(things, color, shape):
    return [one for one in things if color in (None, one.color) and shape in (None, one.shape)]


def _described(rng, thing):
    """Some of what a thing is like: colour, shape, or both."""
    which = rng.integers(4)
    return (None if which == 0 else thing.color), (None if which == 1 else thing.shape)


def _said(color, shape, found):
    """The one, or all of them when there are several."""
    return f"the {_noun(color, shape)}" if len(found) == 1 else f"all {_noun(color, shape, True)}"


def _first(found, key, apart):
    """The first by `key`, when the next is so much farther."""
    ordered = sorted(found, key=key)
    clear = len(ordered) < 2 or key(ordered[1]) - key(ordered[0]) >= apart
    return ordered[0] if clear else None


def _attribute(rng, things, kind):
    one = things[rng.integers(len(things))]
    color, shape = (one.color if kind != "shape" else None), (one.shape if kind != "color" else None)
    found = _matching(things, color, shape)
    return _said(color, shape, found), found


def _several(rng, things):
    """A description that fits at least two things, or any thing."""
    for _ in range(4):
        color, shape = _described(rng, things[rng.integers(len(things))])
        found = _matching(things, color, shape)
        if len(found) > 1:
            return color, shape, found
    return None, None, things


def _size(rng, things, kind):
    color, shape, found = _several(rng, things)
    large = rng.random() < 0.5
    one = _first(found, lambda one: -np.log(one.area) if large else np.log(one.area), np.log(LARGER))
    words = ("largest", "large") if large else ("smallest", "small")
    word = words[int(rng.random() < 0.25)]
    return one and (f"the {word} {_noun(color, shape)}", [one])


def _side(rng, things, kind):
    color, shape, found = _several(rng, things)
    word = str(rng.choice(list(SIDES)))
    one = _first(found, PLACES[SIDES[word]], APART)
    adjective = rng.random() < 0.3
    noun = _noun(color, shape)
    return one and (f"the {word} {noun}" if adjective else f"the {noun} {SIDES[word]}", [one])


def _half(rng, things, kind):
    """All that are in one half of the picture."""
    color, shape = _described(rng, things[rng.integers(len(things))]) if rng.random() < 0.7 else (None, None)
    side = str(rng.choice(list(PLACES)))
    ahead = [PLACES[side](one) for one in _matching(things, color, shape)]
    ahead = [value + (-SIDE if side in ("on the left", "at the top") else SIDE) / 2 for value in ahead]
    found = [one for one, value in zip(_matching(things, color, shape), ahead) if value < 0]
    clear = found and all(abs(value) > APART / 2 for value in ahead)
    return clear and (f"all {_noun(color, shape, True)} {side}", found)


def _relation(rng, things, kind):
    to = things[rng.integers(len(things))]
    to_color, to_shape = _described(rng, to)
    if len(_matching(things, to_color, to_shape)) != 1:
        return None
    others = [one for one in things if one is not to]
    color, shape = _described(rng, others[rng.integers(len(others))]) if rng.random() < 0.85 else (None, None)
    subjects = [one for one in _matching(things, color, shape) if one is not to]
    if kind == "next to" or kind == "no relation" and rng.random() < 0.3:
        word = "next to"
        gap = [np.hypot(one.x - to.x, one.y - to.y) - one.radius - to.radius for one in subjects]
        holds, fails = [value <= NEAR for value in gap], [value >= FAR for value in gap]
    else:
        word = str(rng.choice(list(RELATIONS)))
        ahead = [RELATIONS[word](one, to) for one in subjects]
        holds, fails = [value >= APART for value in ahead], [value <= 0 for value in ahead]
    found = [one for one, yes in zip(subjects, holds) if yes]
    clear = all(yes or no for yes, no in zip(holds, fails))
    if kind == "no relation":
        clear = clear and subjects and not found
        return (f"the {_noun(color, shape)} {word} the {_noun(to_color, to_shape)}", []) if clear else None
    if not found or not clear:
        return None
    return f"{_said(color, shape, found)} {word} the {_noun(to_color, to_shape)}", found


def _exclusion(rng, things, kind):
    color, shape, found = _several(rng, things)
    one = found[rng.integers(len(found))]
    if rng.random() < 0.3 and color is None:
        rest = [other for other in found if other.color != one.color]
        return rest and (f"all {_noun(None, shape, True)} that are not {one.color}", rest)
    if shape is None and rng.random() < 0.5:
        out = (color, one.shape)
    elif color is None and rng.random() < 0.8:
        out = (one.color, shape)
    else:
        one = _first(found, PLACES[side := SIDES[str(rng.choice(list(SIDES)))]], APART)
        rest = [other for other in found if other is not one]
        return one and rest and (f"all {_noun(color, shape, True)} except the {_noun(color, shape)} {side}", rest)
    left_out = _matching(found, *out)
    rest = [other for other in found if other not in left_out]
    said = f"the {_noun(*out)}" if len(left_out) == 1 else f"all {_noun(*out, True)}"
    return rest and (f"all {_noun(color, shape, True)} except {said}", rest)


def _absent_noun(rng, things):
    """A description that fits nothing; most have a colour and a shape of which others are there."""
    colors, shapes = [one.color for one in things], [one.shape for one in things]
    for _ in range(20):
        which = rng.random()
        color = str(rng.choice(colors if which < 0.6 else list(COLORS)))
        shape = str(rng.choice(shapes if which < 0.6 else list(SHAPES)))
        if which > 0.8:
            color, shape = (color, None) if rng.random() < 0.5 else (None, shape)
        if not _matching(things, color, shape):
            return color, shape
    return None


def _absence(rng, things, kind):
    absent = _absent_noun(rng, things)
    if absent is None:
        return None
    which = rng.random()
    if which < 0.55:
        return (f"the {_noun(*absent)}" if rng.random() < 0.7 else f"all {_noun(*absent, True)}"), []
    if which < 0.7:
        return f"the {rng.choice(['largest', 'smallest', *SIDES])} {_noun(*absent)}", []
    if which < 0.8:
        return f"the {_noun(*absent)} {rng.choice(list(PLACES))}", []
    present = _described(rng, things[rng.integers(len(things))])
    word = rng.choice([*RELATIONS, "next to"])
    one, to = (absent, present) if rng.random() < 0.5 else (present, absent)
    return f"the {_noun(*one)} {word} the {_noun(*to)}", []


_MAKERS = {
    "color": _attribute,
    "shape": _attribute,
    "both": _attribute,
    "size": _size,
    "place": _side,
    "relation": _relation,
    "next to": _relation,
    "exclusion": _exclusion,
    "absence": _absence,
    "no relation": _relation,
    "half": _half,
}


def query(rng, things, kind):
    """Words of a kind and the places of the things that they mean; nothing where the scene allows no clear question."""
    for _ in range(12):
        made = _MAKERS[kind](rng, things, kind)
        if made:
            words, found = made
            return words, [index for index, one in enumerate(things) if any(one is other for other in found)]
    return None


def tokens(words):
    """The numbers of the words."""
    numbers = [WORDS.index(word) + 1 for word in words.split()]
    return numbers + [0] * (LENGTH - len(numbers))


def mask(of, found):
    """Where the things are."""
    return np.isin(of.ids, found)
