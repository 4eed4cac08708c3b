"""`rectool inspect` of images and their masks: whether they match."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Run, encoded, photo, picture

from rectool import IRHeader, RecordWriter, pack
from rectool.format.shard_names import shard_name
from rectool.imaging.masks import encode_mask

Runner = Callable[..., Run]
Records = Mapping[int, bytes]
NAN = float("nan")


def write(rec: Path, records: Records) -> None:
    with RecordWriter(rec, force=True) as writer:
        for key, record in records.items():
            writer.write(record, key)


def image(key: int, label: Any = 1.0, payload: bytes | None = None) -> bytes:
    payload = encoded(picture(key, 20 + key, 18)) if payload is None else payload
    return pack(IRHeader(0, label, key, 0), payload)


def mask(key: int, label: Any = 1.0, payload: bytes | None = None, id_: int | None = None) -> bytes:
    numbers = np.full((18, 20 + key), key, np.uint8)
    payload = encode_mask(numbers) if payload is None else payload
    return pack(IRHeader(0, label, key if id_ is None else id_, 0), payload)


def pairs_line(result: Run) -> str:
    lines = [line for line in result.out.splitlines() if line.startswith("  pairs ")]
    assert len(lines) == 1, result
    return lines[0].removeprefix("  pairs    ")


@pytest.fixture
def pair(tmp_path: Path) -> tuple[dict[int, bytes], dict[int, bytes]]:
    """out.rec and out_mask.rec, with the records of both: keys 4, 1, 3."""
    images, masks = {key: image(key) for key in (4, 1, 3)}, {key: mask(key) for key in (4, 1, 3)}
    write(tmp_path / "out.rec", images)
    write(tmp_path / "out_mask.rec", masks)
    return images, masks


Pair = tuple[dict[int, bytes], dict[int, bytes]]


@pytest.mark.usefixtures("pair")
def test_a_pair_that_matches(run: Runner, tmp_path: Path) -> None:
    result = run("inspect", "out.rec", "--masks", "out_mask.rec")
    assert (result.status, result.err) == (0, "")
    assert result.out.splitlines()[-3:] == [
        "  pairs    with out.rec: all 3 match in key, id, label and size; masks of 8 bits",
        "  numbers  1, 3 to 4 in all masks",
        "  index    out_mask.idx, every record in the order of the file",
    ]
    assert result.out.count("pairs") == 1
    turned = run("inspect", tmp_path / "out.rec", "--masks", "./out_mask.rec", "--json")
    assert (turned.status, turned.err) == (0, "")
    images, masks = map(json.loads, turned.out.splitlines())
    assert masks["pairs"] == {
        "with": str(tmp_path / "out.rec"),
        "records": 3,
        "different": 0,
        "ordered": True,
        "masks": {"8 bits": 3},
        "numbers": [1, 3, 4],
        "different_numbers": 3,
        "decoded": 3,
    }
    assert masks["problems"] == []
    assert "pairs" not in images


@pytest.mark.usefixtures("pair")
def test_nothing_is_taken_for_masks_by_its_name(run: Runner) -> None:
    for option in ([], ["--json"], ["--records"], ["--keys"], ["--key", 1]):
        both = run("inspect", "out.rec", "out_mask.rec", *option)
        alone = [run("inspect", name, *option) for name in ("out.rec", "out_mask.rec")]
        assert (both.status, both.err) == (0, "")
        assert both.out == "".join(result.out for result in alone)
        assert "pairs" not in both.out


FAULTS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "id": ({}, {"id_": 8}, "id 8, and 1 in out.rec"),
    "label": ({}, {"label": 2.5}, "label 2.5, and 1 in out.rec"),
    "a label of several": (
        {"label": [1, NAN, 3]},
        {"label": [1, NAN, 4]},
        "label 2 4, and 3 in out.rec",
    ),
    "a label that is NaN": (
        {"label": [1, 2]},
        {"label": [1, NAN]},
        "label 1 nan, and 2 in out.rec",
    ),
    "number of labels": ({"label": [1, 2]}, {}, "1 label, and 2 in out.rec"),
    "size": (
        {},
        {"payload": encode_mask(np.zeros((18, 22), np.uint8))},
        "22x18 pixels, and 21x18 in out.rec",
    ),
    "turned by EXIF": (
        {"payload": photo(50, 100, orientation=6)},
        {"payload": encode_mask(np.zeros((50, 100), np.uint8))},
        "100x50 pixels, and 50x100 in out.rec",
    ),
    "JPEG": (
        {},
        {"payload": encoded(picture(1, 21, 18))},
        "a JPEG, which changes the numbers in a mask; masks are PNG, say",
    ),
    "lossy WebP": (
        {},
        {"payload": encoded(picture(1, 21, 18), "WEBP")},
        "a lossy WebP, which changes the numbers in a mask; masks are PNG, say",
    ),
    "no mask": ({}, {"payload": b""}, "holds nothing, and JPEG in out.rec"),
    "no image": ({"payload": b""}, {}, "holds PNG, and nothing in out.rec"),
    "text": ({"payload": b"text"}, {"payload": b"text"}, "holds no image"),
    "damaged": (
        {},
        {"payload": encode_mask(np.zeros((18, 21), np.uint8))[:20]},
        "holds damaged PNG, and JPEG in out.rec",
    ),
    "several": (
        {"label": 3.0},
        {"id_": 0, "payload": encoded(picture(1))},
        "id 0, and 1 in out.rec; label 1, and 3 in out.rec; 24x18 pixels, and 21x18 in out.rec;"
        " a JPEG, which changes the numbers in a mask; masks are PNG, say",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_record_that_does_not_match(run: Runner, tmp_path: Path, pair: Pair, name: str) -> None:
    of_image, of_mask, says = FAULTS[name]
    write(tmp_path / "out.rec", {**pair[0], 1: image(1, **of_image)})
    write(tmp_path / "out_mask.rec", {**pair[1], 1: mask(1, **of_mask)})
    result = run("inspect", "out.rec", "--masks", "out_mask.rec")
    problem = f"out_mask.rec: key 1: {says}"
    assert (result.status, result.err) == (1, f"rectool: {problem}\n")
    assert pairs_line(result) == "with out.rec: 1 of 3 do not match"
    as_json = run("inspect", "out.rec", "--masks", "out_mask.rec", "--json")
    assert (as_json.status, as_json.err) == (1, result.err)
    _, summary = map(json.loads, as_json.out.splitlines())
    assert (summary["pairs"]["records"], summary["pairs"]["different"]) == (3, 1)
    assert summary["problems"] == [problem]


def test_masks_without_loss_of_other_formats(run: Runner, tmp_path: Path, pair: Pair) -> None:
    numbers = picture(1, 21, 18, "L")
    tiff = io.BytesIO()
    numbers.save(tiff, "TIFF", compression="tiff_lzw")
    payloads = [encoded(numbers, "WEBP", lossless=True), tiff.getvalue(), encoded(numbers, "GIF")]
    for payload in payloads:
        write(tmp_path / "out_mask.rec", {**pair[1], 1: mask(1, payload=payload)})
        result = run("inspect", "out.rec", "--masks", "out_mask.rec")
        assert (result.status, result.err) == (0, "")
        assert pairs_line(result).startswith("with out.rec: all 3 match")


def test_what_is_stored_is_compared(run: Runner, tmp_path: Path, pair: Pair) -> None:
    """An image that its EXIF orientation turns has a mask as it lies, and NaN is the same label.

    Records without an image have none of a mask.
    """
    turned = encode_mask(np.zeros((100, 50), np.uint8))
    rows = {
        1: ([NAN, 1], photo(50, 100, orientation=6), turned),
        9: ([1, 2], b"", b""),
    }
    write(tmp_path / "out.rec", {key: image(key, row[0], row[1]) for key, row in rows.items()})
    write(tmp_path / "out_mask.rec", {key: mask(key, row[0], row[2]) for key, row in rows.items()})
    result = run("inspect", "out.rec", "--masks", "out_mask.rec")
    assert (result.status, result.err) == (0, "")
    assert pairs_line(result).startswith("with out.rec: all 2 match")


def test_keys_in_another_order(run: Runner, tmp_path: Path, pair: Pair) -> None:
    write(tmp_path / "out_mask.rec", {key: mask(key) for key in (1, 4, 3)})
    result = run("inspect", "out.rec", "--masks", "out_mask.rec")
    says = "rectool: out_mask.rec: its keys are in another order than those of out.rec\n"
    assert (result.status, result.err) == (1, says)
    assert pairs_line(result) == "with out.rec: all 3 match, but in another order"
    write(tmp_path / "out_mask.rec", {1: mask(1), 4: mask(4, 7.0), 3: mask(3)})
    result = run("inspect", "out.rec", "--masks", "out_mask.rec")
    assert result.err == says + "rectool: out_mask.rec: key 4: label 7, and 1 in out.rec\n"
    line = "with out.rec: 1 of 3 do not match, and the keys are in another order"
    assert pairs_line(result) == line


def test_keys_that_only_one_has(run: Runner, tmp_path: Path, pair: Pair) -> None:
    write(tmp_path / "out.rec", {4: image(4), 1: image(1), 3: image(3), 6: image(6)})
    write(tmp_path / "out_mask.rec", {4: mask(4), 9: mask(9), 3: mask(3, 5.0)})
    result = run("inspect", "out.rec", "--masks", "out_mask.rec")
    assert result.status == 1
    assert result.err.splitlines() == [
        "rectool: out_mask.rec: 3 records, and 4 in out.rec",
        "rectool: out_mask.rec: key 1: is in out.rec, and not here",
        "rectool: out_mask.rec: key 6: is in out.rec, and not here",
        "rectool: out_mask.rec: key 9: is not in out.rec",
        "rectool: out_mask.rec: key 3: label 5, and 1 in out.rec",
    ]
    assert pairs_line(result) == "with out.rec: 4 of 5 do not match"


def test_a_key_that_comes_again(run: Runner, tmp_path: Path, pair: Pair) -> None:
    with RecordWriter(tmp_path / "out_mask.rec", force=True) as writer:
        for key in (4, 1, 1, 3):
            writer.write(mask(key), key)
    result = run("inspect", "out.rec", "--masks", "out_mask.rec")
    assert result.status == 1
    assert result.err.splitlines() == [
        "rectool: out_mask.rec: 4 records, and 3 in out.rec",
        "rectool: out_mask.rec: its keys are in another order than those of out.rec",
    ]
    assert pairs_line(result) == "with out.rec: all 3 match, but in another order"


def test_of_many_differences_twenty_are_named(run: Runner, tmp_path: Path) -> None:
    write(tmp_path / "out.rec", {key: image(key, payload=b"") for key in range(50)})
    write(tmp_path / "out_mask.rec", {key: mask(key, key, b"") for key in range(50)})
    result = run("inspect", "out.rec", "--masks", "out_mask.rec")
    lines = result.err.splitlines()
    assert (result.status, len(lines)) == (1, 21)
    assert lines[0] == "rectool: out_mask.rec: key 0: label 0, and 1 in out.rec"
    assert lines[19] == "rectool: out_mask.rec: key 20: label 20, and 1 in out.rec"
    assert lines[20] == "rectool: out_mask.rec: 29 more faults"
    assert pairs_line(result) == "with out.rec: 49 of 50 do not match"
    as_json = run("inspect", "out.rec", "--masks", "out_mask.rec", "--json").out.splitlines()
    assert len(json.loads(as_json[1])["problems"]) == 20


def test_a_damaged_record_is_named_once(run: Runner, tmp_path: Path, pair: Pair) -> None:
    rec = tmp_path / "out.rec"
    content = bytearray(rec.read_bytes())
    at = int((tmp_path / "out.idx").read_text().splitlines()[1].split("\t")[1])
    content[at : at + 4] = bytes(4)
    rec.write_bytes(content)
    result = run("inspect", "out.rec", "--masks", "out_mask.rec")
    assert result.status == 1
    assert [line.split(": ")[1] for line in result.err.splitlines()] == ["out.rec"]
    assert pairs_line(result) == "with out.rec: 1 of 3 do not match"
    rec.unlink()
    gone = run("inspect", "out.rec", "--masks", "out_mask.rec")
    assert gone.status == 1
    assert gone.err == "rectool: out.rec: No such file or directory\n"
    assert "pairs" not in gone.out


def shards(tmp_path: Path, prefix: str, parts: Sequence[Records]) -> list[str]:
    names = [shard_name(prefix, number, len(parts)) for number in range(len(parts))]
    for name, records in zip(names, parts, strict=True):
        write(tmp_path / name, records)
    return names


def test_sets_of_shards(run: Runner, tmp_path: Path) -> None:
    parts = [(1, 2), (3,), (4, 5)]
    images = shards(tmp_path, "a", [{key: image(key) for key in keys} for keys in parts])
    masks = shards(tmp_path, "a_mask", [{key: mask(key) for key in keys} for keys in parts])
    result = run("inspect", *images, "--masks", "a_mask-*-of-00003.rec")
    assert (result.status, result.err) == (0, "")
    line = "with a-*-of-00003.rec: all 5 match in key, id, label and size; masks of 8 bits"
    assert pairs_line(result) == line
    write(tmp_path / masks[1], {3: mask(3, 0.0)})
    given = [word for name in masks for word in ("--masks", name)]
    result = run("inspect", *images, *given, "--json")
    problem = f"{masks[1]}: key 3: label 0, and 1 in a-*-of-00003.rec"
    assert (result.status, result.err) == (1, f"rectool: {problem}\n")
    summary = json.loads(result.out.splitlines()[1])
    assert summary["pairs"]["with"] == "a-*-of-00003.rec"
    assert summary["problems"] == [problem]
    one = run("inspect", images[0], "--masks", masks[0])
    assert (one.status, one.err) == (0, "")
    assert pairs_line(one).startswith(f"with {images[0]}: all 2 match")


def test_several_files_have_as_many_of_masks(run: Runner, tmp_path: Path, pair: Pair) -> None:
    write(tmp_path / "b.rec", {7: image(7)})
    write(tmp_path / "of_b.rec", {7: mask(7)})
    masks = ["--masks", "out_mask.rec", "--masks", "of_b.rec"]
    result = run("inspect", "out.rec", "b.rec", *masks, "--json")
    assert (result.status, result.err) == (0, "")
    found = [json.loads(line) for line in result.out.splitlines()]
    assert [one["rec"] for one in found] == ["out.rec", "out_mask.rec", "b.rec", "of_b.rec"]
    assert [one.get("pairs", {}).get("with") for one in found] == [None, "out.rec", None, "b.rec"]
    for options in (masks[:2], [*masks, "--masks", "of_b.rec"], ["--masks", "out.rec", *masks[2:]]):
        refused = run("inspect", "out.rec", "b.rec", *options)
        assert (refused.status, refused.out) == (2, "")
    for option in (["--records"], ["--keys"], ["--key", 1]):
        assert run("inspect", "out.rec", *masks[:2], *option).status == 2


def test_of_many_masks_some_are_decoded(run: Runner, tmp_path: Path) -> None:
    size = encoded(picture(1, 2, 2))
    write(tmp_path / "out.rec", {key: image(key, payload=size) for key in range(250)})
    masks = {key: np.full((2, 2), 2 * key, np.uint16) for key in range(250)}
    records = {key: mask(key, payload=encode_mask(numbers)) for key, numbers in masks.items()}
    write(tmp_path / "masks.rec", records)
    result = run("inspect", "out.rec", "--masks", "masks.rec")
    assert result.status == 0
    line = next(line for line in result.out.splitlines() if line.startswith("  numbers"))
    assert line.endswith(" more in 84 of 250 masks")
    assert line.startswith("  numbers  0, 6, 12, ")
    as_json = json.loads(
        run("inspect", "out.rec", "--masks", "masks.rec", "--json").out.splitlines()[1]
    )["pairs"]
    assert as_json["numbers"] == list(range(0, 500, 6))
    assert (as_json["different_numbers"], as_json["decoded"]) == (84, 84)


def test_a_mask_that_cannot_be_decoded_does_not_match(
    run: Runner, tmp_path: Path, pair: Pair
) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (18, 21), dtype=np.uint8)
    broken = bytearray(encode_mask(noise))
    broken[60] ^= 255
    write(tmp_path / "out_mask.rec", {**pair[1], 1: mask(1, payload=bytes(broken))})
    result = run("inspect", "out.rec", "--masks", "out_mask.rec")
    assert result.status == 1
    assert result.err.startswith("rectool: out_mask.rec: key 1: ")
    assert pairs_line(result) == "with out.rec: 1 of 3 do not match"
