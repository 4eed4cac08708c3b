"""Bare loops that read: two threads, each taking the next image, and nothing but the work.

A mapped .rec, whose records are found before the first epoch; decode, cut, mirror, float32 into a
new array for each batch. Two batches are under way, so that no thread waits for the other. No
check, no label, no care for what goes wrong.
"""

from __future__ import annotations

import mmap
import random
import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any

import numpy as np
from checks import HEAD, find_records
from readers import SIDE, WORKERS, Epochs, Job, random_corner, resized_part, with_pillow

Decode = Callable[[bytes, int], Any]  # an encoded image, a shorter edge: an array no smaller


class Batch:
    def __init__(self, size: int) -> None:
        self.data = np.empty((size, 3, SIDE, SIDE), np.float32)
        self.left, self.lock = size, threading.Lock()

    def fill(self, row: int, image: Any) -> bool:
        """Whether this was the last row."""
        left, top = random_corner(image.shape[1], image.shape[0])
        image = image[top : top + SIDE, left : left + SIDE]
        if random.random() < 0.5:
            image = image[:, ::-1]
        self.data[row] = image.transpose(2, 0, 1)
        with self.lock:
            self.left -= 1
            return not self.left


def bare(kind: str, job: Job) -> Epochs:
    decode = DECODERS[kind]()
    with open(job.rec, "rb") as file:
        rec = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    records = find_records(rec)
    todo: SimpleQueue[tuple[Batch, int, int, int]] = SimpleQueue()
    done: SimpleQueue[Batch] = SimpleQueue()

    def work() -> None:
        while True:
            batch, row, offset, length = todo.get()
            image = decode(rec[offset + HEAD : offset + length], job.shorter)
            if batch.fill(row, image):
                done.put(batch)

    def epoch() -> Iterator[Any]:
        random.shuffle(records)
        for first in range(0, len(records), job.batch):
            batch = Batch(job.batch)
            for row, record in enumerate(records[first : first + job.batch]):
                todo.put((batch, row, *record))
            if first:
                yield done.get().data
        yield done.get().data

    for _ in range(WORKERS):
        threading.Thread(target=work, daemon=True).start()
    return epoch


def pillow() -> Decode:
    return with_pillow


def opencv() -> Decode:
    import cv2

    cv2.setNumThreads(1)

    def decode(data: bytes, shorter: int) -> Any:
        image: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        if shorter:
            height, width = image.shape[:2]
            edge = min(height, width)
            image = cv2.resize(image, (width * shorter // edge, height * shorter // edge))
        return image[:, :, ::-1]  # BGR

    return decode


def simplejpeg() -> Decode:
    """Where it has to resize, with Pillow."""
    from PIL import Image
    from simplejpeg import decode_jpeg

    def decode(data: bytes, shorter: int) -> Any:
        image = decode_jpeg(data)
        return resized_part(Image.fromarray(image), shorter) if shorter else image

    return decode


DECODERS: dict[str, Callable[[], Decode]] = {
    "pillow": pillow,
    "opencv": opencv,
    "simplejpeg": simplejpeg,
}
