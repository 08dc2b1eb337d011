"""Builds do-nothing stand-ins for the CUDA libraries that PyPI's torch is linked to.

    python stand_ins.py SITE_PACKAGES/torch/lib

PyPI's torch for Linux on x86 needs NVIDIA's libraries to be imported at all, 3 GB that a computation on
the CPU never calls. Every library that is needed and not there is compiled here with the functions that
torch wants of it; each answers 100, "no CUDA device". Needs gcc and readelf.
"""

import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

CUDA = re.compile(r"lib(cu[a-z]|nv|nccl)")
CUDA_FUNCTION = re.compile(r"(__)?(cu|nccl|nv|Nv)")


def readelf(option: str, library: Path) -> list[str]:
    return subprocess.run(["readelf", "-W", option, library], capture_output=True, text=True, check=False).stdout.splitlines()


def needed(library: Path) -> set[str]:
    names = (re.search(r"\(NEEDED\).*\[(.+)\]", line) for line in readelf("-d", library))
    return {name[1] for name in names if name and CUDA.match(name[1])}


def version_owners(library: Path) -> dict[str, str]:
    """Which library gives the symbols of a version: `libcublas.so.13` -> that file."""
    owners, file = {}, ""
    for line in readelf("-V", library):
        if found := re.search(r"File: (\S+)", line):
            file = found[1]
        if found := re.search(r"Name: (\S+)\s+Flags", line):
            owners[found[1]] = file
    return owners


def symbols(library: Path):
    """Name, version and whether it is wanted of others, for every dynamic symbol that matters."""
    for line in readelf("--dyn-syms", library):
        fields = line.split()
        if len(fields) < 8 or not fields[0].endswith(":") or not fields[0][:-1].isdigit():
            continue
        name, _, version = fields[7].partition("@")
        if fields[6] != "UND" or fields[4] != "WEAK":
            yield name, version.lstrip("@"), fields[6] == "UND"


def compile_library(folder: Path, soname: str, functions: set[str], versions: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        source, script = Path(name, "stand_in.c"), Path(name, "versions.map")
        text = 'static const char none[] = "no CUDA device";\n'
        for function in sorted(functions):
            if re.search(r"Get(ErrorString|ErrorName|LastErrorString)$", function):
                text += f"const char *{function}(void) {{ return none; }}\n"
            else:
                text += f"long {function}(void) {{ return {0 if function.startswith('__') else 100}; }}\n"
        source.write_text(text)
        command = ["gcc", "-shared", "-fPIC", "-w", "-fno-builtin", f"-Wl,-soname,{soname}", "-o", folder / soname, source]
        if versions:
            by_version = defaultdict(list)
            for function, version in sorted(versions.items()):
                by_version[version].append(function)
            script.write_text("".join(f"{v} {{ global: {'; '.join(f)}; }};\n" for v, f in by_version.items()))
            command.append(f"-Wl,--version-script={script}")
        subprocess.run(command, check=True)


def main(folder: Path) -> None:
    libraries = [path for path in folder.iterdir() if ".so" in path.name and not CUDA.match(path.name)]
    wanted = set().union(*(needed(library) for library in libraries))
    own, plain, versioned = set(), set(), defaultdict(dict)
    for library in libraries:
        owners = version_owners(library)
        for name, version, undefined in symbols(library):
            owner = owners.get(version, "")
            if not undefined:
                own.add(name)
            elif owner in wanted:
                versioned[owner][name] = version
            elif not version and CUDA_FUNCTION.match(name):
                plain.add(name)
    for soname in sorted(wanted):
        # Symbols without a version do not say whose they are: every library without versions has all.
        functions = set(versioned[soname]) if soname in versioned else plain - own
        compile_library(folder, soname, functions, versioned.get(soname, {}))
    print(f"stand-ins for {', '.join(sorted(wanted))}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
