"""Annotations that are of another format than the option says are told for what they are."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from helpers.annotating import faults, write_images

from rectool.listing.annotations.detect_format import not_of_format

VOC = "<annotation><filename>a.jpg</filename></annotation>"
CVAT = '<?xml version="1.0" encoding="utf-8"?>\n<!-- x -->\n<annotations>\n<version>1.1</version>'
KITTI = "Car 0.00 0 -1.57 599.41 156.40 629.75 189.25 2.85 2.63 12.34 0.47 1.49 69.44 -1.56\n"
VIA = "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes\n"
TFRECORD = b"\x20\0\0\0\0\0\0\0abcd\x0a\x1e" + b"x" * 40


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (VOC, "--voc"),
        ('<?xml version="1.0"?>\n' + VOC, "--voc"),
        (CVAT, "CVAT"),
        (KITTI, "KITTI"),
        (VIA, "VIA"),
        (json.dumps({"_via_settings": {}, "_via_img_metadata": {}}), "VIA"),
        (json.dumps({"a.jpg1": {"filename": "a.jpg", "regions": []}}), "VIA"),
        (TFRECORD, "TFRecord"),
        (json.dumps({"version": "5", "flags": {}, "shapes": [], "imagePath": "a"}), "--labelme"),
        (json.dumps({"source-ref": "s3://x/a.jpg", "j": 1}), "--manifest"),
        (json.dumps([{"image_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]), "results"),
        (json.dumps({"annotations": [{"segments_info": []}], "images": []}), "panoptic"),
        (json.dumps([{"id": 1, "annotations": [], "data": {"image": "x"}}]), "Label Studio"),
        ("0 0.5 0.5 0.1 0.1\n", "--yolo"),
        (b"PK\x03\x04abcd", "a zip archive"),
        ("<!DOCTYPE html><html>", "an HTML page"),
        ("version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
    ],
)
def test_a_file_of_another_format_is_named_where_coco_is_expected(
    tmp_path: Path, content: str | bytes, says: str
) -> None:
    write_images(tmp_path / "images", a_jpg=(9, 9))
    (tmp_path / "a.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    lines = faults("--coco", "a.json", folder=tmp_path)
    assert len(lines) == 1
    assert lines[0].startswith("a.json: not COCO annotations, but ")
    assert says in lines[0]


@pytest.mark.parametrize("content", ["", "7", '"x"', "hello", "{", "[]", "\0\1\2"])
def test_a_file_of_no_known_format_is_not_coco(tmp_path: Path, content: str) -> None:
    write_images(tmp_path / "images", a_jpg=(9, 9))
    (tmp_path / "a.json").write_text(content)
    lines = faults("--coco", "a.json", folder=tmp_path)
    assert len(lines) == 1
    assert lines[0].startswith("a.json: not COCO annotations")


@pytest.mark.parametrize(
    ("option", "source"), [("--coco", "dir"), ("--manifest", "dir"), ("--only", "dir")]
)
def test_a_folder_where_a_file_is_meant(tmp_path: Path, option: str, source: str) -> None:
    write_images(tmp_path / "images", a_jpg=(9, 9))
    (tmp_path / "dir").mkdir()
    lines = faults(option, source, folder=tmp_path)
    assert "dir: this is a folder" in lines[0]
    assert option in lines[0]


@pytest.mark.parametrize("option", ["--voc", "--yolo", "--labelme"])
def test_a_file_where_a_folder_is_meant(tmp_path: Path, option: str) -> None:
    write_images(tmp_path / "images", a_jpg=(9, 9))
    (tmp_path / "a.xml").write_text(VOC)
    lines = faults(option, "a.xml", folder=tmp_path)
    assert "a.xml: this is a file (Pascal VOC's XML" in lines[0]


def test_voc_xml_that_is_cvat(tmp_path: Path) -> None:
    write_images(tmp_path / "images", a_jpg=(9, 9))
    (tmp_path / "xml").mkdir()
    (tmp_path / "xml" / "a.xml").write_text(CVAT + "</annotations>")
    assert "CVAT" in faults("--voc", "xml", folder=tmp_path)[0]


@pytest.mark.parametrize(
    "head", [b"{", b'{"a":', b" ", b"<", b"1 ", b"a ", b"<?", b'["image_id":', b"<!-- -->", b"1.1 "]
)
def test_looking_takes_little_time(tmp_path: Path, head: bytes) -> None:
    (tmp_path / "a").write_bytes(head * (100_000 // len(head)))
    begin = time.process_time()
    not_of_format(str(tmp_path / "a"), "x", "y")
    assert time.process_time() - begin < 2  # a hundredth of it is what it takes
