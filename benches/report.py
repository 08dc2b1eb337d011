#!/usr/bin/env python3
"""Time and size of the page of a run, for runs of about 100, 1,000 and 10,000 items.

    cargo build --release && python3 benches/report.py [--binary PATH] [--items 1000 …] [--keep FOLDER]

Every item is a real picture: pieces are cut out of the photographs of `fixtures/photos`, softened,
measured, sharpened where a rule says so, and laid out on sheets. `--keep` leaves the workspaces with
their pages in a folder, to look at. Needs only the standard library (Linux or macOS).
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import measure

# Five tasks with an item for each piece, and a sheet for each photograph.
CHAIN = """kind = "chain"
format = 1
name = "pieces"
version = "1.0.0"

[task.photo]
type = "load"
with.path = "{photo}"
[task.photo.foreach]
photo = { glob = "../photos/*.{jpg,png}" }

[task.square]
type = "resize"
depends_on = ["photo"]
with.width = 512
with.height = 512
with.fit = "cover"

[task.piece]
type = "graph"
[task.piece.node.cut.ImageCrop]
image = "@square.image"
width = 96
height = 96
x = "{at.x}"
y = "{at.y}"
[task.piece.outputs]
image = "@cut.IMAGE"
[task.piece.foreach]
at = { csv = "places.csv", columns = ["name", "x", "y"], key = "name" }

[task.soft]
type = "adjust"
depends_on = ["piece"]
with.blur = 1

[task.look]
type = "score"
depends_on = ["soft"]
with.scorers = ["sharpness", "contrast", "colorfulness"]
route = [
  { if = "contrast < 0.02", to = "@skip" },
  { if = "sharpness < 0.5", to = "crisp" },
]

[task.crisp]
type = "enhance"

[task.large]
type = "upscale"
depends_on = ["crisp|look"]
with.scale = 1.5

[task.sheet]
type = "contact_sheet"
depends_on = ["large"]
gather = ["at"]
allow_failed = true
with.cell = 64
"""

PER_PLACE = 5 * 9


def workspace(folder, items):
    """Writes a workspace whose chain has about `items` items; gives their number."""
    places = max(1, round(items / PER_PLACE))
    (folder / "pipelines").mkdir(parents=True)
    (folder / "comfywright.toml").write_text("")
    (folder / "pipelines/pieces.toml").write_text(CHAIN)
    rows = [f"p{n:04},{n * 89 % 416},{n * 157 % 416}" for n in range(places)]
    (folder / "pipelines/places.csv").write_text("\n".join(["name,x,y", *rows]) + "\n")
    photos = measure.REPOSITORY / "fixtures/photos"
    (folder / "photos").mkdir()
    for photo in [*photos.glob("*.jpg"), *photos.glob("*.png")]:
        shutil.copy(photo, folder / "photos")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, default=measure.BINARY)
    parser.add_argument("--items", type=int, nargs="+", default=[100, 1_000, 10_000])
    parser.add_argument("--keep", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        for items in arguments.items:
            folder = (arguments.keep or Path(temporary)).resolve() / f"pieces-{items}"
            workspace(folder, items)
            made = measure.run([arguments.binary.resolve(), "run", "pieces", "--json"], folder)
            if made.status != 0:
                raise SystemExit(made.output.decode())
            written = measure.run([arguments.binary.resolve(), "report", "last", "--json"], folder)
            data = json.loads(written.output)["data"]
            counts = json.loads(made.output)["data"]["counts"]
            print(f"{sum(counts.values()):6} items: run {made.wall:7.1f} s; page {written.wall:6.2f} s, "
                  f"{written.peak_mib:6.1f} MiB of memory, {data['bytes'] / 2**20:5.1f} MiB with "
                  f"{data['pictures']} pictures, {data['left_out']} left out")


if __name__ == "__main__":
    main()
