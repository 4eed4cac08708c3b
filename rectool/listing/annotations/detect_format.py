"""Says what annotations are, for messages where another format was expected."""

from __future__ import annotations

import os
import re

from ...errors import ListError, shown
from ...system.file_signatures import name_of_content

_HEAD = 1 << 14

_FORMATS: tuple[tuple[str, bytes], ...] = (
    ("CVAT's XML: export it as COCO, VOC or YOLO", rb"[^<]*(?:<[?!][^>]*>\s*)*<annotations\b"),
    ("Pascal VOC's XML: --voc takes its folder", rb"[^<]*(?:<[?!][^>]*>\s*)*<annotation\b"),
    ("Ground Truth's manifest: --manifest takes it", rb'\s*\{[^\n]*?"source(?:-ref)?"\s*:'),
    ("labelme's JSON: --labelme takes its folder", rb'\s*\{.*?"(?:shapes|imagePath)"\s*:'),
    ("VIA's JSON: export it as COCO", rb'\s*\{.*?"(?:_via_\w+|regions)"\s*:'),
    ("VIA's CSV: export it as COCO", rb"[^\n]*region_shape_attributes"),
    ("COCO's panoptic JSON, which has masks but no boxes", rb'\s*\{.*?"segments_info"\s*:'),
    ("COCO's captions, without boxes", rb'\s*\{.*?"caption"\s*:'),
    ("COCO's results, not its annotations", rb'\s*\[.*?"image_id"\s*:.*?"score"\s*:'),
    ("Label Studio's JSON: export it as COCO", rb'\s*\[.*?"(?:predictions|completions|data)"\s*:'),
    ("GeoJSON", rb'\s*\{.*?"FeatureCollection"'),
    ("COCO annotations: --coco takes it", rb'\s*\{.*?"(?:images|annotations|categories)"\s*:\s*\['),
    ("KITTI's labels: convert them to YOLO's", rb"(?:\w+ )(?:-?[\d.]+ ){13,14}-?[\d.]+ *[\r\n]"),
    ("YOLO's labels: --yolo takes their folder", rb"\d+(?: [\d.e-]+){4,}\s*(?:\n|\Z)"),
    ("a TFRecord file", rb".{4}\0{4}.{4}\x0a"),
)  # fmt: skip


def format_of(head: bytes) -> str:
    """What a file of annotations is by its first bytes, with what to do; or "" where not known."""
    text = head.removeprefix(b"\xef\xbb\xbf")
    for name, form in _FORMATS:
        if re.match(form, text, re.DOTALL):
            return name
    return name_of_content(head) or ""


def not_of_format(name: str, wanted: str, why: str) -> ListError:
    """The error for a file that is not what was `wanted`, with what it is if that is known."""
    try:
        with open(name, "rb") as file:
            found = format_of(file.read(_HEAD))
    except OSError:
        found = ""
    unsaid = found in ("", "a text file", "a JSON document") or found.startswith(wanted)
    what = f"not {wanted}: {why}" if unsaid else f"not {wanted}, but {found}"
    return ListError(what, path=name)


def check_is_file(name: str, option: str, others: str) -> None:
    """Raises ListError for a folder where an option takes a file."""
    if os.path.isdir(name):
        raise ListError(f"this is a folder, and {option} requires a file ({others})", path=name)


def check_is_folder(name: str, option: str) -> None:
    """Raises ListError for a file where an option takes a folder; says what the file is."""
    if os.path.isfile(name):
        with open(name, "rb") as file:
            found = format_of(file.read(_HEAD))
        is_ = f" ({found})" if found else ""
        raise ListError(
            f"this is a file{is_}, and {option} requires a folder,"
            f" e.g. {shown(os.path.dirname(name) or '.')}",
            path=name,
        )
