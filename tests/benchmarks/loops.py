"""The bare loops that rectool is measured against: the same images, and nothing but the work.

No index, no checks, no care for what goes wrong; each record is a frame of one part.

    loops.py copy LST ROOT OUT [--fsync]
    loops.py pillow|opencv LST ROOT OUT RESIZE processes|threads [--draft]

`--draft` has libjpeg shrink pictures while it decodes them, to no less than what is wanted.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple

WORKERS, CHUNK = 2, 8
FRAME = struct.Struct("<IIIfQQ")


class Line(NamedTuple):
    key: int
    label: float
    path: str


class Encode(NamedTuple):
    """The work on one image, given its line; resized unless `resize` is 0."""

    function: Callable[[str, int, bool], bytes]
    root: str
    resize: int
    draft: bool

    def __call__(self, line: Line) -> tuple[Line, bytes]:
        return line, self.function(os.path.join(self.root, line.path), self.resize, self.draft)


def read_list(lst: str) -> Iterator[Line]:
    with open(lst) as file:
        for line in file:
            key, label, path = line.rstrip("\n").split("\t")
            yield Line(int(key), float(label), path)


def write(file: BinaryIO, line: Line, data: bytes) -> None:
    file.write(FRAME.pack(0xCED7230A, 24 + len(data), 0, line.label, line.key, 0))
    file.write(data)
    file.write(b"\0" * (-len(data) % 4))


def copy(lst: str, root: str, out: str, *options: str) -> None:
    with open(out, "wb") as file:
        for line in read_list(lst):
            with open(os.path.join(root, line.path), "rb") as image:
                write(file, line, image.read())
        if "--fsync" in options:
            file.flush()
            os.fsync(file.fileno())


def encode_all(kind: str, lst: str, root: str, out: str, resize: str, by: str, *opts: str) -> None:
    function = with_pillow if kind == "pillow" else with_opencv
    job = Encode(function, root, int(resize), "--draft" in opts)
    with open(out, "wb") as file, make_pool(by) as pool:
        for line, data in pool.imap(job, read_list(lst), CHUNK):
            write(file, line, data)
        pool.close()
        pool.join()


def make_pool(by: str) -> Any:
    if by == "threads":
        from multiprocessing.pool import ThreadPool

        return ThreadPool(WORKERS)
    from multiprocessing import Pool

    return Pool(WORKERS)


def target(width: int, height: int, resize: int) -> tuple[int, int]:
    if height > width:
        return resize, height * resize // width
    return width * resize // height, resize


def with_pillow(path: str, resize: int, draft: bool) -> bytes:
    from io import BytesIO

    from PIL import Image

    image: Image.Image = Image.open(path)
    size = target(*image.size, resize) if resize else image.size
    if draft:
        image.draft("RGB", size)
    image = image.convert("RGB")
    if resize:
        image = image.resize(size, Image.Resampling.BILINEAR)
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def with_opencv(path: str, resize: int, _: bool) -> bytes:
    import cv2
    import numpy as np

    cv2.setNumThreads(1)
    image: Any = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    if resize:
        size = target(image.shape[1], image.shape[0], resize)
        image = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    data: bytes = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    return data


if __name__ == "__main__":
    if sys.argv[1] == "copy":
        copy(*sys.argv[2:])
    else:
        encode_all(*sys.argv[1:])
