#!/usr/bin/env python3
"""Writes the seeds of `fixtures/fuzz/<target>/` from the other fixtures.

    python3 fuzz/make_corpus.py

Needs no packages. Files that a fuzzer found (named `found-…`) are kept; the rest is made anew:
a few dozen small files for each target, under 300 KB together.
"""

import json
import struct
import sys
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT / "fixtures" / "fuzz"
MAX_TEXT = 4096
MAX_IMAGE = 6000
MAX_WORKFLOW = 1800

TOML = {
    "empty": b"",
    "bom-crlf": b"\xef\xbb\xbfkind = \"chain\"\r\nformat = 1\r\n# end",
    "not-utf8": b"name = \"\xff\xfe\"",
    "dotted": b"a.b.c = 1\na.\"b c\".'d' = [1, [2, {x = 3}]]\n",
    "numbers": b"a = 0xff\nb = 1_000\nc = -0.0\nd = 1e400\ne = 9223372036854775808\nf = inf\ng = nan\nh = 0o7\n",
    "dates": b"a = 2024-01-01T00:00:00Z\nb = 07:32:00\n",
    "strings": b"a = \"\\u0000\\U0010FFFF\\ud800\"\nb = '''x\n'''\nc = \"\"\"\\\n  x\"\"\"\"\"\n",
    "duplicate": b"[a]\nb = 1\n[a]\nb = 2\n[[a]]\n",
    "array-of-tables": b"# above\n[[route]] # beside\nto = \"@skip\"\n\n# dangling\n[[route]]\n",
    "open-ends": b"[a\nb = \"x\nc = [1,\nd = {e = ",
    "deep": b"a = " + b"[" * 300 + b"]" * 300,
    "deep-keys": b".".join([b"a"] * 300) + b" = 1\n",
    "control": b"a = \"\x00\x1f\x7f\"\r\r\n\x0b",
    "inline-lines": b"a = { b = 1, # comment\n c = 2, }\n",
}

KDL = {
    "empty": b"",
    "bom-crlf": b"\xef\xbb\xbfkind chain\r\nformat 1\r\n// end",
    "not-utf8": b"name \"\xff\xfe\"",
    "version-1": b"node true null r\"x\" key=false\n",
    "keywords": b"a #true #false #null #inf #-inf #nan\n",
    "slashdash": b"/- a 1\nb /- 2 3 /- k=1 {\n /- c\n}\n" + b"/-{" * 50 + b"}" * 50,
    "strings": b"a #\"raw \"#\" ##\"x\"# \"##\nb \"\"\"\n  many\n  lines\n  \"\"\"\nc \"\\u{10FFFF}\\u{d800}\\s\"\n",
    "numbers": b"a 0x_f 0b1 0o7 1_000.5e-3 +1 -0 99999999999999999999 1e999\n",
    "types": b"(list)a 1 (u8)2 k=(f64)3\n(\"\")b\n",
    "escline": b"a 1 \\ // comment\n  2 \\\n\n",
    "comments": b"/* a /* b */ c */ d 1 // e\n// f\n/* open",
    "open-ends": b"a { b \"x\nc { d #\"e",
    "braces": b"}" * 300 + b"{" * 300,
    "semicolons": b";;a;b 1;;{c}\n",
    "deep": b"a {" * 300 + b"}" * 300,
    "unicode": "\u2028a\u00a0\"\u202e\"\u3000b=\u0301\n".encode(),
    "dashes": b"with {\n a { - 1; - { - 2; - }\n }\n}\n- 1\n",
}

RULES = [
    b"", b"nsfw > 0.5", b"cutout.quality < 0.8 && !keep", b"sku == \"A-1\" || error == `oom`",
    b"width * attempt / 0 > 1", b"width + width > 0", b"-width % -1 == 0", b"2 ** 64 > width", b"attempt ** -1 > 0",
    b"abs(-5) == 5 && min(1, 2.0) < max(attempt, width)", b"len(sku) > 0", b"sku.starts_with(\"A\")", b"\"a\" in sku",
    b"contains(error, \"\\u0041\")", b"if keep { true } else { false }", b"let x = 1; x > 0", b"loop {}", b"while true {}",
    b"nsfw > ", b"((((((((((keep))))))))))", b"!" * 500 + b"keep", b"(" * 500 + b"1" + b")" * 500, b"nsfw", b"1",
    b"nsfv > 1", b"cutout.qualty > 1", b"keep == true", b"0x10 > 0b1", b"1_000.0e3 > .5", b"'a' == 'b'", b"`${keep}`",
    b"#{a: 1}.a > 0", b"[1, 2][0] > 0", b"eval(\"1\")", b"print(1)", b"fn f() { 1 } f() > 0", b"|x| x", b"1 == 1.0 == 1",
    b"keep && /* a */ keep // b", b"switch 1 { _ => true }", b"this.x > 1", b"99999999999999999999 > 1", b"\xff",
    b"1 in 2", b"sku[0] == \"A\"", b"a::b > 1", b"floor(1e308 * 10) > 0", b"\"\\",
]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, bits: int, colour: int, rows: bytes, extra: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def bmp() -> bytes:
    pixels = bytes(range(2 * 8))
    info = struct.pack("<IiiHHIIiiII", 40, 2, 2, 1, 24, 0, len(pixels), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(pixels), 0, 0, 54) + info + pixels


def tiff() -> bytes:
    tags = [(256, 4, 1, 2), (257, 4, 1, 2), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8),
            (277, 3, 1, 1), (278, 4, 1, 2), (279, 4, 1, 4)]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    return b"II*\x00" + struct.pack("<I", 12) + b"\x00\x40\x80\xff" + directory


IMAGES = {
    "empty": b"",
    "grey-1": png(2, 2, 1, 0, b"\0\x80\0\x40"),
    "rgb": png(2, 2, 8, 2, b"\0" + bytes(6) + b"\1" + bytes(range(6))),
    "rgba16": png(1, 1, 16, 6, b"\0" + bytes(range(8))),
    "grey-keyed": png(2, 1, 8, 0, b"\0\1\2", chunk(b"tRNS", b"\0\1")),
    "palette": png(2, 1, 8, 3, b"\0\0\1", chunk(b"PLTE", bytes(6)) + chunk(b"tRNS", b"\x7f")),
    "palette-out": png(2, 1, 8, 3, b"\0\0\xff", chunk(b"PLTE", bytes(6))),
    "text": png(1, 1, 8, 0, b"\0\0", chunk(b"tEXt", b"prompt\0{}") + chunk(b"zTXt", b"workflow\0\0" + zlib.compress(b"{}"))
                + chunk(b"iTXt", b"k\0\1\0en\0k\0" + zlib.compress(b"v")) + chunk(b"tEXt", b"no zero")),
    "huge": png(100_000, 100_000, 8, 2, b""),
    "no-size": png(0, 1, 8, 0, b""),
    "short": png(9, 9, 8, 2, b"\0"),
    "bmp": bmp(),
    "tiff": tiff(),
    "gif": b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\4\1\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;",
    "webp-header": b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\0\0\0\x10\x07\x10\x11\x11\x88\x88\xfe\x07\0",
    "jpeg-header": b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xd9",
}


def write(target: str, name: str, data: bytes) -> None:
    (CORPUS / target / name).write_bytes(data)


def texts(target: str, named: dict[str, bytes]) -> None:
    for name, data in named.items():
        write(target, f"seed-{name}", data)
    for path in sorted((ROOT / "fixtures").rglob(f"*.{target}")):
        if CORPUS not in path.parents and "canonical" in path.parts and path.stat().st_size <= MAX_TEXT:
            write(target, f"document-{path.parent.name}", path.read_bytes())


WORKFLOWS = {
    "empty": b"",
    "not-utf8": b"{\"nodes\": [\"\xff\"]}",
    "open-ends": b"{\"nodes\": [{\"id\": 1, \"type\": \"Any",
    "deep": b"{\"nodes\": " + b"[" * 300 + b"]" * 300 + b"}",
    "self-link": b"{\"1\": {\"class_type\": \"Any\", \"inputs\": {\"value\": [\"1\", 0]}}}",
    "far-output": b"{\"1\": {\"class_type\": \"Any\", \"inputs\": {\"value\": [\"2\", 4294967296]}}, \"2\": {\"class_type\": \"Any\", \"inputs\": {}}}",
    "far-place": b"{\"1\": {\"class_type\": \"Sum\", \"inputs\": {\"values.v99999999999999999999\": [\"1\", 0], \"values.v8\": [\"1\", 0]}}}",
    "subgraph-in-itself": b"{\"nodes\": [{\"id\": 1, \"type\": \"s\"}], \"links\": [], \"definitions\": {\"subgraphs\": [{\"id\": \"s\", \"nodes\": [{\"id\": 2, \"type\": \"s\"}], \"links\": []}]}}",
}


def workflows() -> None:
    """Small workflows and graphs of the other fixtures, in as few bytes as they need."""
    for name, data in WORKFLOWS.items():
        write("workflow", f"seed-{name}", data)
    found = [*(ROOT / "fixtures" / "convert").rglob("*.json"), *(ROOT / "fixtures" / "import").rglob("in.json")]
    for path in sorted(found):
        try:
            data = json.dumps(json.loads(path.read_bytes()), separators=(",", ":"), ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            continue
        if len(data) <= MAX_WORKFLOW:
            write("workflow", f"{path.stem}-{path.parent.name}", data)


def main() -> None:
    for target in ("toml", "kdl", "rules", "image", "import", "workflow"):
        folder = CORPUS / target
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            if not old.name.startswith("found-"):
                old.unlink()
    texts("toml", TOML)
    texts("kdl", KDL)
    for index, rule in enumerate(RULES):
        write("rules", f"seed-{index:02}", rule)
    for name, data in IMAGES.items():
        write("image", f"seed-{name}", data)
    for path in sorted((ROOT / "fixtures" / "images").iterdir()):
        if path.suffix not in (".py", ".json", ".md") and 0 < path.stat().st_size <= MAX_IMAGE:
            write("image", f"file-{path.name}", path.read_bytes())
    for path in sorted((ROOT / "fixtures" / "import").rglob("*.*")):
        if path.suffix not in (".py", ".toml", ".txt") and 0 < path.stat().st_size <= MAX_TEXT:
            write("import", f"file-{path.parent.name}-{path.name}", path.read_bytes())
    workflows()
    size = sum(path.stat().st_size for path in CORPUS.rglob("*") if path.is_file())
    count = sum(1 for path in CORPUS.rglob("*") if path.is_file())
    print(f"{count} files, {size / 1000:.0f} KB")
    if size > 300_000:
        sys.exit("the corpus is larger than 300 KB")


if __name__ == "__main__":
    main()
