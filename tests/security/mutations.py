"""Damages the bytes of a file as chance has it, and as somebody would who means harm."""

import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

HUGE = (b"\xff" * 4, b"\xff" * 8, b"\x7f" + b"\xff" * 3, (10**12).to_bytes(8, "little"),
        (10**12).to_bytes(8, "big"), b"\x00" * 8)  # fmt: skip
"""In the place of numbers in headers."""
NUMBERS = (b"-1", b"0", b"999999999999", b"1e400", b"9" * 5000, b"NaN")
"""In the place of numbers in texts."""
VALUES: tuple[Any, ...] = (
    None, True, -1, 10**12, 10**400, 1e308, "x", "", "../../outside", "a\nb\x1b[2J", "x" * 1000,
    [], {}, [[]], {"a": 1},
)  # fmt: skip
"""In the place of parts of JSON."""
NESTED = b"[" * 100_000


def flip_bits(data: bytes, chance: random.Random) -> bytes:
    """Change up to eight bits."""
    damaged = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def cut_off(data: bytes, chance: random.Random) -> bytes:
    """Keep the beginning, of any length."""
    return data[: chance.randrange(len(data))]


def enlarge_header(data: bytes, chance: random.Random) -> bytes:
    """Write a huge number near the beginning, or near the end, where directories are."""
    at = chance.randrange(min(200, len(data)))
    at = at if chance.random() < 0.5 else max(0, len(data) - at - 8)
    huge = chance.choice(HUGE)
    return data[:at] + huge + data[at + len(huge) :]


def repeat_block(data: bytes, chance: random.Random) -> bytes:
    """Repeat a part of it."""
    at = chance.randrange(len(data))
    return data[:at] + data[at : at + chance.randint(1, 500)] * 3 + data[at:]


def remove_block(data: bytes, chance: random.Random) -> bytes:
    """Leave a part of it out."""
    at = chance.randrange(len(data))
    return data[:at] + data[at + chance.randint(1, 100) :]


def change_number(data: bytes, chance: random.Random) -> bytes:
    """Write another number into a text."""
    found = list(re.finditer(rb"\d+", data))
    if not found:
        return flip_bits(data, chance)
    one = chance.choice(found)
    return data[: one.start()] + chance.choice(NUMBERS) + data[one.end() :]


def change_json(data: bytes, chance: random.Random) -> bytes:
    """Change a part of one of the lines of JSON, or of the whole."""
    lines = data.splitlines() if data.count(b"\n{") else [data]
    at = chance.randrange(len(lines))
    try:
        told = json.loads(lines[at])
    except ValueError:
        return flip_bits(data, chance)
    places = [*_places(told)]
    if not places or chance.random() < 0.05:
        lines[at] = NESTED
    else:
        holder, key = chance.choice(places)
        if chance.random() < 0.3:
            del holder[key]
        else:
            holder[key] = chance.choice(VALUES)
        lines[at] = json.dumps(told).encode()
    return b"\n".join(lines) + b"\n"


def change_attribute(data: bytes, chance: random.Random) -> bytes:
    """Change a part of what one of the lines of a ledger tells of a sweep, or of a trial."""
    lines = data.splitlines()
    at = chance.choice([n for n, line in enumerate(lines) if b'"user_attr":' in line])
    told = json.loads(lines[at])
    holder, key = chance.choice([*_places(told["user_attr"])])
    holder[key] = chance.choice(VALUES)
    if chance.random() < 0.3:
        del holder[key]
    lines[at] = json.dumps(told).encode()
    return b"\n".join(lines) + b"\n"


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every part of JSON, as what holds it and under which key."""
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in parts if isinstance(value, dict | list) else ():
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


Mutation = Callable[[bytes, random.Random], bytes]
BINARY: tuple[Mutation, ...] = (flip_bits, cut_off, enlarge_header, repeat_block, remove_block)
TEXT: tuple[Mutation, ...] = (change_json, change_json, change_number, flip_bits, cut_off)
LEDGER: tuple[Mutation, ...] = (*TEXT, *[change_attribute] * 5)
