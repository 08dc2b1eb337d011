"""The workspace that the sessions of MCP clients work in: the shipped chain on two photographs."""

import pathlib
import shutil

ROOT = pathlib.Path(__file__).resolve().parents[2]
PHOTOS = ("camera.png", "coffee.jpg")


def make(folder, server=None):
    """Fills `folder`; with `server`, an URL, its configuration names it `test`."""
    folder = pathlib.Path(folder)
    shutil.copytree(ROOT / "pipelines" / "data", folder / "pipelines" / "data")
    for name in ("product-catalog.toml", "product-mask.toml"):
        shutil.copy(ROOT / "pipelines" / name, folder / "pipelines" / name)
    (folder / "fixtures" / "photos").mkdir(parents=True)
    for name in PHOTOS:
        shutil.copy(ROOT / "fixtures" / "photos" / name, folder / "fixtures" / "photos" / name)
    config = f'[server.test]\nurl = "{server}"\n' if server else ""
    (folder / "comfywright.toml").write_text(config, encoding="utf-8")
    return folder
