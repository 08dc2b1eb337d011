"""Compares the built-in models in tract, as comfywright runs them, with ONNX Runtime in one run.

    pip install onnxruntime numpy pillow
    comfywright models pull u2net u2netp open-nsfw
    python benches/random_models.py RANDOM                                  # not required
    python benches/models.py CACHE [--random RANDOM] [--photo-of-24-megapixels] [cargo bench options, e.g. --profile dev]

CACHE is the folder that `comfywright models list` names; with RANDOM also models with random weights are timed, of sizes that
real ones have. COMFYWRIGHT_BENCH names the program of benches/models.rs where it is built already. Prints for each model the medians in milliseconds and
their ratio (above 1: ONNX Runtime is faster), with the time for preparing the picture on both sides; how much
of the first load the second takes; and 16 images, as the native executor runs them. With the option, the peak
memory of `comfywright run` on one photograph of 6000 x 4000 pixels.

On a machine with other work, `echo -19 > /proc/self/autogroup` in the shell that starts it helps.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime
from PIL import Image

import measure

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
RUNS = 7
RANDOM = "--random"
PEAK = "--photo-of-24-megapixels"
GOALS = {"u2net": 2.0, "clip": 1.3, "vit": 1.3, "sam": 1.3}


def milliseconds(work):
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000


def manifests(cache, random):
    """Those of the built-in models that are in the cache, and those with random weights."""
    paths = [*sorted((REPOSITORY / "src/model/builtin_models").glob("*.toml")), *(sorted(random.glob("*.toml")) if random else [])]
    told = [tomllib.loads(path.read_text()) for path in paths]
    whole = [one for one in told if one["role"] in ("salient", "classifier")]
    return [one for one in whole if file_of(cache, random, one).exists()]


def file_of(cache, random, given):
    kept = cache / "files" / given["file"][0]["sha256"]
    return kept if kept.exists() or not random else random / given["file"][0]["name"]


def picture(given):
    """The work of preparing a picture, as the model's first users did it."""
    photo = Image.open(REPOSITORY / "fixtures/photos/astronaut.jpg").convert("RGB")
    if given["name"] == "open-nsfw":
        small = photo.resize((256, 256), Image.BILINEAR).crop((16, 16, 240, 240))
        return (np.array(small).astype(np.float32)[:, :, ::-1] - np.array([104, 117, 123], np.float32))[None]
    height, width = given["input"]["shape"][-2:]
    small = np.array(photo.resize((width, height), Image.LANCZOS)).astype(np.float64)
    small = (small / max(small.max(), 1e-6) - given["input"]["mean"]) / given["input"]["std"]
    return small.transpose(2, 0, 1)[None].astype(np.float32)


def of_onnxruntime(file, given, threads):
    """The work of one picture, after a first one."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    run = lambda: session.run([given["output"]["name"]], {given["input"]["name"]: picture(given)})
    run()
    return run


def median(run):
    return statistics.median(milliseconds(run) for _ in range(RUNS))


def batch(run, workers):
    def all_of_them():
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(lambda _: run(), range(16)))

    return milliseconds(all_of_them)


def of_tract(cache, random, name, options):
    environment = {**os.environ, "COMFYWRIGHT_BENCH_MODELS": str(cache), "COMFYWRIGHT_BENCH_ONLY": name}
    if random:
        environment["COMFYWRIGHT_BENCH_RANDOM"] = str(random)
    built = os.environ.get("COMFYWRIGHT_BENCH")
    command = [built] if built else ["cargo", "bench", "--bench", "models", "--features", "parallel-inference", *options]
    output = subprocess.run(command, cwd=REPOSITORY, env=environment, check=True, capture_output=True, text=True).stdout
    [row] = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return row


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
        return measure.run([program, "run", "pipelines/cut.toml", "--json"], folder).peak_mib


def compare(cache, random, given, options):
    """One model: ONNX Runtime before and after tract, so that other work on the machine hits both."""
    name, file = given["name"], file_of(cache, random, given)
    threads = os.environ.get("COMFYWRIGHT_BENCH_THREADS", "1,2").split(",")
    runs = {count: of_onnxruntime(file, given, int(count)) for count in threads}
    work = {**{count: lambda run=run: median(run) for count, run in runs.items()}, "16": lambda: batch(runs[threads[0]], os.cpu_count() or 1)}
    before = {key: timed() for key, timed in work.items()}
    row = of_tract(cache, random, name, options)
    ort = {key: (before[key] + timed()) / 2 for key, timed in work.items()}
    for count, tract in row["runs"].items():
        goal = f"  (goal {GOALS[name]})" if name in GOALS else ""
        print(f"{name:10} {count:>7} {ort[count]:8.1f} {tract:8.1f} {tract / ort[count]:6.2f}{goal}")
    print(f"{name:10} {'16 img':>7} {ort['16']:8.0f} {row['batch_of_16']:8.0f} {row['batch_of_16'] / ort['16']:6.2f}  (goal 2.0)")
    share = row["second_load"] / row["first_load"]
    print(f"{name:10} load: first {row['first_load']:.0f}, second {row['second_load']:.0f}, {share:.2f} of it (goal 0.35)", flush=True)


def main():
    options = sys.argv[2:]
    cache = pathlib.Path(sys.argv[1]).resolve()
    random = pathlib.Path(options.pop(options.index(RANDOM) + 1)).resolve() if RANDOM in options else None
    print(f"{'model':10} {'threads':>7} {'ORT':>8} {'tract':>8} {'ratio':>6}")
    for given in manifests(cache, random):
        compare(cache, random, given, [option for option in options if option not in (PEAK, RANDOM)])
    if PEAK in options:
        program = os.environ.get("COMFYWRIGHT", str(measure.BINARY))
        print(f"peak memory, u2net on 24 megapixels: {peak_memory(cache, program):.0f} MiB (goal 1024)")


if __name__ == "__main__":
    main()
