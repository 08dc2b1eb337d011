"""Compares the built-in models in tract, as comfywright runs them, with ONNX Runtime in one run.

    pip install onnxruntime numpy pillow
    comfywright models pull u2net u2netp open-nsfw
    python benches/models.py CACHE [--photo-of-24-megapixels] [cargo bench options, e.g. --profile dev]

CACHE is the folder that `comfywright models list` names. Prints for each model the medians in milliseconds and
their ratio (above 1: ONNX Runtime is faster), with the time for preparing the picture on both sides; how much
of the first load the second takes; and 16 images, as the native executor runs them. With the option, the peak
memory of `comfywright run` on one photograph of 6000 x 4000 pixels.

On a machine with other work, `echo -19 > /proc/self/autogroup` in the shell that starts it helps.
"""

import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime
from PIL import Image

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
RUNS = 7
PEAK = "--photo-of-24-megapixels"
GOALS = {"u2net": 2.0}


def milliseconds(work):
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000


def manifest(name):
    import tomllib

    return tomllib.loads((REPOSITORY / f"src/model/builtin_models/{name}.toml").read_text())


def picture(name):
    """The work of preparing a picture, as the model's first users did it."""
    photo = Image.open(REPOSITORY / "fixtures/photos/astronaut.jpg").convert("RGB")
    if name == "open-nsfw":
        small = photo.resize((256, 256), Image.BILINEAR).crop((16, 16, 240, 240))
        return (np.array(small).astype(np.float32)[:, :, ::-1] - np.array([104, 117, 123], np.float32))[None]
    small = np.array(photo.resize((320, 320), Image.LANCZOS)).astype(np.float64)
    small = (small / max(small.max(), 1e-6) - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    return small.transpose(2, 0, 1)[None].astype(np.float32)


def of_onnxruntime(cache, name, threads):
    given = manifest(name)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(cache / "files" / given["file"][0]["sha256"]), options, providers=["CPUExecutionProvider"])
    run = lambda: session.run([given["output"]["name"]], {given["input"]["name"]: picture(name)})
    run()
    return statistics.median(milliseconds(run) for _ in range(RUNS)), run


def batch(run, workers):
    def all_of_them():
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(lambda _: run(), range(16)))

    return milliseconds(all_of_them)


def of_tract(cache, options):
    environment = {**os.environ, "COMFYWRIGHT_BENCH_MODELS": str(cache)}
    command = ["cargo", "bench", "--bench", "models", "--features", "parallel-inference", *options]
    output = subprocess.run(command, cwd=REPOSITORY, env=environment, check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def peak_memory(cache, program):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "pipelines").mkdir()
        (folder / "comfywright.toml").write_text(f'[store]\nmodels = "{cache}"\n')
        Image.open(REPOSITORY / "fixtures/photos/coffee.jpg").resize((6000, 4000)).save(folder / "photo.jpg")
        (folder / "pipelines/cut.toml").write_text(
            'kind = "chain"\nformat = 1\nname = "cut"\nversion = "1.0.0"\n'
            '[task.photo]\ntype = "load"\nwith.path = "../photo.jpg"\n'
            '[task.cutout]\ntype = "remove_bg"\ndepends_on = ["photo"]\ndecontaminate = true\n'
        )
        subprocess.run([program, "run", "pipelines/cut.toml", "--json"], cwd=folder, check=True, capture_output=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def main():
    cache = pathlib.Path(sys.argv[1]).resolve()
    options = [option for option in sys.argv[2:] if option != PEAK]
    found = of_tract(cache, options)
    print(f"{'model':10} {'threads':>7} {'ORT':>8} {'tract':>8} {'ratio':>6}")
    for row in found:
        name = row["model"]
        for threads, tract in row["runs"].items():
            ort, run = of_onnxruntime(cache, name, int(threads))
            goal = f"  (goal {GOALS[name]})" if name in GOALS else ""
            print(f"{name:10} {threads:>7} {ort:8.1f} {tract:8.1f} {tract / ort:6.2f}{goal}")
        cores = os.cpu_count() or 1
        _, run = of_onnxruntime(cache, name, 1)
        ort = batch(run, cores)
        print(f"{name:10} {'16 img':>7} {ort:8.0f} {row['batch_of_16']:8.0f} {row['batch_of_16'] / ort:6.2f}  (goal 2.0)")
        share = row["second_load"] / row["first_load"]
        print(f"{name:10} load: first {row['first_load']:.0f}, second {row['second_load']:.0f}, {share:.2f} of it (goal 0.35)")
    if PEAK in sys.argv:
        program = os.environ.get("COMFYWRIGHT", str(REPOSITORY / "target/release/comfywright"))
        print(f"peak memory, u2net on 24 megapixels: {peak_memory(cache, program):.0f} MiB (goal 1024)")


main()
