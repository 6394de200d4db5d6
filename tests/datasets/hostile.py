"""Uploads that go wrong, one function each: it writes into a folder and returns what would be uploaded."""

import io
import struct
import wave
import zipfile
import zlib

import numpy as np
from PIL import Image

TABLE = "size,kind\n" + "\n".join(f"{number},{'xy'[number % 2]}" for number in range(40)) + "\n"


def table(text, name="rows.csv"):
    def make(folder):
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return folder / name

    return make


def picture(side=12, shade=100, kind="PNG", mode="L", **told):
    packed = io.BytesIO()
    Image.fromarray(np.random.default_rng(shade).integers(0, 255, (side, side), dtype=np.uint8)).convert(mode).save(
        packed, kind, **told
    )
    return packed.getvalue()


def pictures(count=12):
    return {f"{'cat' if number % 2 else 'dog'}/{number}.png": picture(shade=number) for number in range(count)}


def sound(seconds=0.5, level=9000, rate=8000):
    packed = io.BytesIO()
    with wave.open(packed, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        steps = np.arange(int(seconds * rate))
        file.writeframes((level * np.sin(steps / 5)).astype("<i2").tobytes())
    return packed.getvalue()


def sounds(count=12):
    return {f"{'hum' if number % 2 else 'beep'}/{number}.wav": sound(0.4 + number / 50) for number in range(count)}


def archive(members, name="data.zip", method=zipfile.ZIP_DEFLATED):
    def make(folder):
        with zipfile.ZipFile(folder / name, "w", method) as packed:
            for inside, content in members.items():
                packed.writestr(
                    inside if isinstance(inside, zipfile.ZipInfo) else zipfile.ZipInfo(inside), content, method
                )
        return folder / name

    return make


def link(name="cat/link.png", to="/etc/passwd"):
    told = zipfile.ZipInfo(name)
    told.create_system, told.external_attr = 3, 0o120777 << 16
    return {told: to}


def flagged(make, bit):
    """Set a flag of every entry in the directory of a zip, such as the one for a password."""

    def made(folder):
        file = make(folder)
        data = bytearray(file.read_bytes())
        for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            at = data.find(mark)
            while at >= 0:
                data[at + place] |= bit
                at = data.find(mark, at + 1)
        file.write_bytes(data)
        return file

    return made


def lying_bomb(folder):
    """A zip that says its one entry is small, and holds much."""
    file = archive({"cat/big.png": bytes(50_000_000), **pictures(40)})(folder)
    data = bytearray(file.read_bytes())
    for mark, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.find(mark)
        data[at + place : at + place + 4] = struct.pack("<I", 1000)
    file.write_bytes(data)
    return file


def overlapping(folder):
    """Many entries that are the same bytes of the file: small to send, large to unpack."""
    file = archive({"cat/1.png": bytes(90_000_000)})(folder)
    data = file.read_bytes()
    start = data.index(b"PK\x01\x02")
    entry, body, end = (
        data[start : data.index(b"PK\x05\x06")],
        data[:start],
        bytearray(data[data.index(b"PK\x05\x06") :]),
    )
    entries = b"".join(entry.replace(b"cat/1.png", b"cat/%1x.png" % number) for number in range(16))
    end[8:12] = struct.pack("<HH", 16, 16)
    end[12:16] = struct.pack("<I", len(entries))
    file.write_bytes(body + entries + end)
    return file


def huge_picture(width=30_000, height=30_000):
    """A PNG whose head promises 900 megapixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def adpcm():
    head = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 1060, b"WAVE", b"fmt ", 20, 2, 1, 8000, 4000, 256, 4)
    return head + struct.pack("<HH", 2, 500) + b"data" + struct.pack("<I", 1024) + bytes(1024)
