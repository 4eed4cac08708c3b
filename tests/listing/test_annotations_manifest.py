"""`rectool list --manifest`: boxes, a class or several from SageMaker Ground Truth's jobs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from helpers.annotating import Runner, faults, listed, write_images


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds `images` with a.jpg, 100x50, and sub/b.jpg, 40x80."""
    write_images(tmp_path / "images", a_jpg=(100, 50), sub__b_jpg=(40, 80))
    return tmp_path


def write(folder: Path, *lines: dict[str, Any] | str) -> str:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    (folder / "m.manifest").write_text("\n".join(texts) + "\n")
    return "m.manifest"


def line(path: str, result: Any, kind: str = "", **metadata: Any) -> dict[str, Any]:
    about = {"type": f"groundtruth/{kind}", **metadata} if kind else metadata
    return {"source-ref": f"s3://bucket/set/{path}", "job": result, "job-metadata": about}


def boxes(size: tuple[int, int] | None, *rows: tuple[Any, ...]) -> dict[str, Any]:
    names = ("class_id", "left", "top", "width", "height")
    found = {"annotations": [dict(zip(names, row, strict=False)) for row in rows]}
    size_ = {"image_size": [{"width": size[0], "height": size[1], "depth": 3}]} if size else {}
    return {**found, **size_}


DETECTION = "object-detection"
ONE = "image-classification"
SEVERAL = "image-classification-multilabel"


def test_boxes(run: Runner, folder: Path) -> None:
    names = {"0": "cat", "1": "dog"}
    name = write(
        folder,
        line("a.jpg", boxes((100, 50), (1, 10, 5, 40, 20)), DETECTION, **{"class-map": names}),
        line("sub/b.jpg", boxes(None), DETECTION, **{"class-map": {}}),
    )
    entries, err = listed(run, "--manifest", name)
    assert [(entry.key, entry.labels, entry.path) for entry in entries] == [
        (0, (2, 5, 1, 0.1, 0.1, 0.5, 0.5), "a.jpg"),
        (1, (2, 5, -1, -1, -1, -1, -1), "sub/b.jpg"),
    ]
    assert err[:3] == ["label  class", "    0  cat", "    1  dog"]
    (folder / "c.txt").write_text("dog 0\ncat 4\n")
    entries, _ = listed(run, "--manifest", name, "--classes", "c.txt", "--skip-empty")
    assert [entry.labels[2] for entry in entries] == [0]


def test_a_class_for_each_image(run: Runner, folder: Path) -> None:
    name = write(
        folder,
        line("a.jpg", 3, ONE, **{"class-name": "dog", "confidence": 0.9}),
        line("sub/b.jpg", 0, ONE, **{"class-name": "cat"}),
    )
    entries, _ = listed(run, "--manifest", name, "--classes-out", "c.txt")
    assert [entry.labels for entry in entries] == [(3.0,), (0.0,)]
    assert (folder / "c.txt").read_text() == "cat 0\ndog 3\n"


def test_results_without_metadata(run: Runner, folder: Path) -> None:
    """As SageMaker's algorithms take them."""
    name = write(
        folder,
        {"source-ref": "s3://x/a.jpg", "class": "1"},
        {"source-ref": "s3://x/sub/b.jpg", "class": 0},
    )
    entries, _ = listed(run, "--manifest", name)
    assert [entry.labels for entry in entries] == [(1.0,), (0.0,)]


def test_several_classes_for_each_image(run: Runner, folder: Path) -> None:
    """A label for each class, whichever image has it."""
    name = write(
        folder,
        line("a.jpg", [2, 0], SEVERAL, **{"class-map": {"0": "x", "2": "z"}}),
        line("sub/b.jpg", [], SEVERAL, **{"class-map": {}}),
    )
    entries, err = listed(run, "--manifest", name)
    assert [entry.labels for entry in entries] == [(1, 0, 1), (0, 0, 0)]
    assert err[:3] == ["label  class", "    0  x", "    2  z"]


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ("{", "2: no JSON object"),
        ("[1]", "2: no JSON object"),
        ({"job": 1}, "2: source-ref should be a text, found none"),
        ({"source-ref": "s3://x/sub/b.jpg"}, "2: no result of a job"),
        ({"source-ref": "s3://x/sub/b.jpg", "u": 1, "v": 2}, "2: results of several jobs, u and v"),
        (line("no.jpg", boxes(None), DETECTION), "2: no such file"),
        (line("a.jpg", boxes(None), DETECTION), "2: a.jpg is in m.manifest:1 already"),
        (line("sub/b.jpg", boxes((80, 40)), DETECTION), "2: the annotations are of 80x40 pixels"),
        (line("sub/b.jpg", boxes(None, (0, 1, 2, 3)), DETECTION), "2: a box should have left, top"),
        (line("sub/b.jpg", boxes(None, (0, 1, 2, -3, 4)), DETECTION), "2: a box -3 wide"),
        (line("sub/b.jpg", boxes(None, (-1, 1, 2, 3, 4)), DETECTION), "2: a class should be"),
        (line("sub/b.jpg", 1, "semantic-segmentation"), "2: rectool cannot read a job of the type"),
        (line("sub/b.jpg", boxes(None), DETECTION, **{"failure-reason": "x"}), "2: it could not"),
    ],
)  # fmt: skip
def test_faults(run: Runner, folder: Path, bad: dict[str, Any] | str, says: str) -> None:
    name = write(folder, line("a.jpg", boxes(None, (0, 10, 5, 40, 20)), DETECTION), bad)
    result = run("list", "images", "--manifest", name)
    assert result.status == 1
    assert f"rectool: m.manifest:{says}" in result.err
    assert result.out.count("\n") == ("already" not in says)


def test_lines_of_several_jobs_are_no_list(folder: Path) -> None:
    first = line("a.jpg", boxes(None, (0, 10, 5, 40, 20)), DETECTION)
    for other in (
        line("sub/b.jpg", 1, ONE),
        {"source-ref": "s3://x/sub/b.jpg", "k": boxes(None), "k-metadata": {}},
    ):
        says = faults("--manifest", write(folder, first, other), folder=folder)
        assert "the lines belong to several jobs" in says[0]
    names = [line(path, 0, ONE, **{"class-name": path}) for path in ("a.jpg", "sub/b.jpg")]
    says = faults("--manifest", write(folder, *names), folder=folder)
    assert "class 0 is both a.jpg and sub/b.jpg" in says[0]


def test_options_of_boxes_are_refused_for_classes(folder: Path) -> None:
    name = write(folder, line("a.jpg", 0, ONE))
    for option in ("--skip-empty", "--stored-boxes"):
        assert option in faults("--manifest", name, option, folder=folder)[0]
