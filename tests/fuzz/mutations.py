"""Damage to files: bytes, structure and content, decided by a seeded generator."""

import gzip
import json
import os
import random
import shutil
import zlib
from pathlib import Path
from typing import Any

HOSTILE = [
    *(None, True, False, 0, -1, 1, 3, 2**31, 2**63, 10**30, 20_000_000, 1e308, -0.5, 1e-320),
    *(float("nan"), float("inf"), "", "a", "\x1b[31mred\x1b[0m\x07", "\x00", "\ud800", "../../x"),
    *("é" * 3000, "$x^", [], {}, [[]], {"a": {}}, [1, "a"], "NaN", "-1", "1e999", "9" * 400),
]
FIELDS = [
    *("", "nan", "inf", "-inf", "1e308", "-1e308", "1e999", "1,003", "1.003,5", "--", "\x00", '"'),
    *("10000-01", "0000-00", "9999-12", "2018-13", "31/12/2018", "\ufeff", "é", "a" * 5000, "²"),
    *("=cmd()", "$_{x", "\x1b[2J", "\u2028", "\r", "True", "0x10", "1_000", "9" * 20),
]
DEEP = "replaced by a deep list"
LITERALS = [
    '""',
    "[]",
    "{}",
    "nan",
    "-1",
    "1e400",
    "99999999999999999999",
    "true",
    '"\\u001b"',
    "'",
]


def damage(path: Path, chance: random.Random) -> str:
    """Damage a file, or one file of a folder; return what was done."""
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.is_file() and p.name != ".lock")
        path = chance.choice(files)
    done = [_damage_once(path, chance) for _ in range(chance.choice((1, 1, 1, 2, 4)))]
    return f"{path.name}: {', '.join(done)}"


def _damage_once(path: Path, chance: random.Random) -> str:
    if not path.is_file():
        return "nothing"
    ways = [_bytes, _bytes, _place]
    if path.suffix in (".json", ".jsonl"):
        ways += [_json] * 6
    elif path.suffix == ".safetensors":
        ways += [_header] * 4
    elif path.suffix in (".csv", ".tsv", ".txt", ".md", ".toml", ""):
        ways += [_line] * 6
    elif path.suffix == ".gz":
        ways += [_compressed] * 2
    return chance.choice(ways)(path, chance)


def _bytes(path: Path, chance: random.Random) -> str:
    content = bytearray(path.read_bytes())
    start = chance.randrange(len(content) + 1)
    stop = min(len(content), start + chance.choice((1, 2, 8, 100, 10_000)))
    noise = chance.randbytes(chance.choice((1, 4, 300)))
    kind = chance.choice(("flip", "cut", "insert", "delete", "repeat", "zero", "empty", "append"))
    if kind == "flip" and content:
        content[start % len(content)] ^= 1 << chance.randrange(8)
    elif kind == "cut":
        del content[start:]
    elif kind == "insert":
        content[start:start] = noise
    elif kind == "delete":
        del content[start:stop]
    elif kind == "repeat":
        content[start:start] = content[start:stop] * chance.choice((1, 50))
    elif kind == "zero":
        content[start:stop] = bytes(stop - start)
    elif kind == "append":
        content += noise
    else:
        content.clear()
    path.write_bytes(content)
    return kind


def _place(path: Path, chance: random.Random) -> str:
    """Put something else at the path of the file."""
    kind = chance.choice(("missing", "folder", "dangling link", "loop", "unreadable", "other"))
    others = sorted(p for p in path.parent.iterdir() if p.is_file() and p != path)
    if kind == "other" and others:
        shutil.copy(chance.choice(others), path)
        return "another file"
    if kind == "unreadable":
        path.chmod(0)
        return kind
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "dangling link":
        path.symlink_to("nowhere")
    elif kind == "loop":
        path.symlink_to(path.name)
    return kind


def _json(path: Path, chance: random.Random) -> str:
    try:
        lines = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
        i = chance.randrange(len(lines))
        lines[i] = _changed_json(lines[i], chance)
    except (ValueError, OSError, RecursionError):
        return _bytes(path, chance)
    path.write_text("\n".join(lines) + "\n", errors="surrogatepass")
    return "changed JSON"


def _changed_json(text: str, chance: random.Random) -> str:
    values = json.loads(text)
    if chance.random() < 0.05:
        return "[" * 100_000
    holders = list(_holders(values))
    if not holders:
        return json.dumps(chance.choice(HOSTILE))
    holder = chance.choice(holders)
    key = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    kind = chance.choice(("replace", "replace", "replace", "delete", "add", "deep", "twice"))
    if kind == "delete":
        del holder[key]
    elif kind == "add" and isinstance(holder, dict):
        holder[chance.choice(("unknown", "", "\x1b[31m", "__class__"))] = chance.choice(HOSTILE)
    elif kind == "deep":
        holder[key] = DEEP
    else:
        holder[key] = chance.choice(HOSTILE)
    written = json.dumps(values).replace(f'"{DEEP}"', "[" * 5000 + "]" * 5000)
    return written[:-1] + "," + written[1:] if kind == "twice" and len(written) > 2 else written


def _holders(values: Any) -> Any:
    """Yield every dict and list that is not empty."""
    if isinstance(values, dict | list):
        if values:
            yield values
        for inner in values.values() if isinstance(values, dict) else values:
            yield from _holders(inner)


def _header(path: Path, chance: random.Random) -> str:
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    try:
        header = _changed_json(content[8 : 8 + length].decode(), chance).encode()
    except (ValueError, RecursionError):
        return _bytes(path, chance)
    size = chance.choice((len(header), len(header), len(header), 2**63, 0, len(content)))
    path.write_bytes(size.to_bytes(8, "little") + header + content[8 + length :])
    return "changed header"


def _line(path: Path, chance: random.Random) -> str:
    lines = path.read_text(errors="surrogateescape").split("\n")
    i = chance.randrange(len(lines))
    separator = next((mark for mark in "\t,=" if mark in lines[i]), " ")
    fields = lines[i].split(separator)
    kind = chance.choice(("field", "field", "field", "delete", "repeat", "shuffle", "crlf", "add"))
    if kind == "field":
        choices = LITERALS if path.suffix == ".toml" else FIELDS
        fields[chance.randrange(len(fields))] = chance.choice(choices)
        lines[i] = separator.join(fields)
    elif kind == "delete":
        del lines[i]
    elif kind == "repeat":
        lines[i:i] = [lines[i]] * chance.choice((1, 100))
    elif kind == "shuffle":
        chance.shuffle(lines)
    elif kind == "add":
        lines.insert(i, separator.join(chance.choice(FIELDS) for _ in range(1 + len(fields))))
    encoding = chance.choice(("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1"))
    text = ("\r\n" if kind == "crlf" else "\n").join(lines)
    path.write_bytes(text.encode(encoding, errors="replace"))
    return f"{kind}, {encoding}"


def _compressed(path: Path, chance: random.Random) -> str:
    if chance.random() < 0.2:
        path.write_bytes(gzip.compress(bytes(64 << 20), mtime=0))
        return "64 MiB of zeros"
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error):
        return _bytes(path, chance)
    inner = path.with_suffix("")
    inner.write_bytes(content)
    done = _line(inner, chance)
    path.write_bytes(gzip.compress(inner.read_bytes(), mtime=0))
    os.unlink(inner)
    return done
