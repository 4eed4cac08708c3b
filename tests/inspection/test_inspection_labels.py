"""`rectool inspect` of labels that are more than a number: boxes, and several in columns."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from conftest import GOLDEN, Run, encoded, picture
from hypothesis import given
from hypothesis import strategies as st

from rectool import IRHeader, RecordWriter, pack
from rectool.format.boxes import are_boxes, box_labels, boxes_of
from rectool.inspection import label_stats as label_counts
from rectool.inspection.label_stats import LabelCounts, LabelSummary, Range

Runner = Callable[..., Run]
Labels = Sequence[float]
NAN = float("nan")
IMAGE = encoded(picture())


def write(rec: Path, labels: Sequence[float | Labels], payload: bytes = IMAGE) -> None:
    with RecordWriter(rec, force=True) as writer:
        for key, label in enumerate(labels):
            writer.write(pack(IRHeader(0, label, key, 0), payload), key)


def label_lines(run: Runner, rec: str = "a.rec") -> list[str]:
    """What the summary says between pixels and index."""
    result = run("inspect", rec)
    assert (result.status, result.err) == (0, "")
    lines = result.out.splitlines()
    first = next(at for at, line in enumerate(lines) if line.startswith("  labels"))
    last = next(at for at, line in enumerate(lines) if line.startswith("  index"))
    assert lines[last].endswith(", every record in the order of the file")
    return lines[first:last]


def counted(labels: Sequence[Labels]) -> LabelSummary:
    counts = LabelCounts()
    for one in labels:
        counts.add(one)
    return counts.finish()


BOXES = [
    [[0, 0.1, 0.1, 0.5, 0.5], [3, 0.2, 0.2, 0.9, 1.0]],
    [],
    [[3, 0.0, 0.0, 1.0, 1.0]],
    [[-1, 0.0, 0.0, 0.0, 0.0], [11, 0.25, 0.5, 0.75, 1.000001], [-1, 9, 9, -9, -9]],
]
"""Of four records: 4 boxes in 3 of them, besides three rows that are none."""


def test_boxes_are_counted(run: Runner, tmp_path: Path) -> None:
    write(tmp_path / "a.rec", [box_labels(np.reshape(boxes, (-1, 5))) for boxes in BOXES])
    assert label_lines(run) == [
        "  labels   2 records with 7 labels, 1 record with 12 labels, 1 record with 17 labels",
        "  boxes    4 in 3 records, 1 record without; 0 to 2 in a record",
        "  classes  0: 1, 3: 2, 11: 1",
    ]
    summary = json.loads(run("inspect", "a.rec", "--json").out)
    assert summary["boxes"] == {
        "boxes": 4,
        "records": 3,
        "without": 1,
        "in_a_record": [0, 2],
        "width": 5,
        "classes": {"0": 1, "3": 2, "11": 1},
        "suspect": {"outside": 0, "empty": 0, "nan": 0, "class": 0},
    }
    assert summary["label_widths"] == {"7": 2, "12": 1, "17": 1}
    assert summary["notes"] == []
    assert "columns" not in summary


def test_boxes_of_more_numbers_behind_a_longer_head(run: Runner, tmp_path: Path) -> None:
    box = [4, 0.1, 0.1, 0.5, 0.5, 99]
    write(tmp_path / "a.rec", [[4, 6, 640, 480, *box], [2, 6, *box, *box]])
    assert label_lines(run)[1:] == [
        "  boxes    3 of 6 numbers each in 2 records; 1 to 2 in a record",
        "  classes  4: 3",
    ]


def test_many_classes(run: Runner, tmp_path: Path) -> None:
    boxes = [[cls, 0, 0, 1, 1] for cls in range(80) for _ in range(1 + cls % 2)]
    write(tmp_path / "a.rec", [box_labels(boxes)])
    assert label_lines(run)[2] == (
        "  classes  0: 1, 1: 2, 2: 1, 3: 2, 4: 1, 5: 2, 6: 1, 7: 2, 8: 1, 9: 2, 10: 1, 11: 2"
        " and 68 more classes (--json has all)"
    )
    summary = json.loads(run("inspect", "a.rec", "--json").out)
    assert "columns" not in summary
    assert summary["boxes"]["classes"] == {str(cls): 1 + cls % 2 for cls in range(80)}
    write(tmp_path / "a.rec", [box_labels(boxes[:19])])  # classes 0 to 12
    assert label_lines(run)[2].endswith("11: 2 and 1 more class (--json has all)")
    write(tmp_path / "a.rec", [box_labels(boxes[:18])])
    assert label_lines(run)[2].endswith("10: 1, 11: 2")


def test_boxes_that_are_odd(run: Runner, tmp_path: Path) -> None:
    boxes = {
        "fine": [0, 0, 0, 1.000009, 1],
        "no box": [-1, NAN, 5, 0, 0],
        "left": [0, -0.5, 0, 0.5, 1],
        "below": [0, 0, 0, 0.5, 1.0001],
        "pixels": [0, 10, 20, 30, 40],
        "narrow": [0, 0.5, 0, 0.5, 1],
        "upside down": [0, 0, 1, 1, 0],
        "outside and empty": [0, 2, 2, 1, 1],
        "nan": [1, NAN, 0, 1, 1],
        "class nan": [NAN, 0, 0, 1, 1],
        "class": [1.5, 0, 0, 1, 1],
        "infinite": [float("inf"), 0, 0, 1, 1],
    }
    write(tmp_path / "a.rec", [box_labels(list(boxes.values()))])
    notes = [
        "4 boxes reaching out of the image (coordinates below 0 or above 1)",
        "3 boxes without an area (xmax <= xmin or ymax <= ymin)",
        "2 boxes with NaN",
        "2 boxes of a class that is no whole number",
    ]
    assert label_lines(run)[1:] == [
        "  boxes    10 in 1 record; 10 in a record",
        "  classes  0: 7, 1: 1",
        *(f"           {note}" for note in notes),
    ]
    summary = json.loads(run("inspect", "a.rec", "--json").out)
    assert summary["boxes"]["suspect"] == {"outside": 4, "empty": 3, "nan": 2, "class": 2}
    assert summary["notes"] == notes


@pytest.mark.parametrize(
    "odd",
    [
        [2, 5, 1, 0, 0, 1],
        [2, 5.5, 1, 0, 0, 1, 1],
        [1, 5, 1, 0, 0, 1],
        [-1, 5, 0, 0],
        [2, 4, 1, 0, 0, 1],
        [NAN, 5, 1, 0, 0, 1, 1],
        [12, 5, 1, 0, 0, 1, 1],
        [3],
    ],
    ids=str,
)
def test_one_record_that_is_of_another_layout(run: Runner, tmp_path: Path, odd: Labels) -> None:
    write(tmp_path / "a.rec", [[2, 5, 1, 0, 0, 1, 1], odd])
    assert "boxes" not in run("inspect", "a.rec").out
    assert "boxes" not in json.loads(run("inspect", "a.rec", "--json").out)


def test_no_box_at_all_is_no_reason_to_speak_of_boxes(run: Runner, tmp_path: Path) -> None:
    write(tmp_path / "a.rec", [[2, 5], [2, 5, -1, 0, 0, 0, 0]])
    assert label_lines(run) == [
        "  labels   1 record with 2 labels, 1 record with 7 labels",
        "           1 different first label, 2",
    ]


numbers = st.sampled_from([-1, 0, 1, 2, 3, 4, 5, 5.5, 6, 7, float("nan"), float("inf")])
loose = st.lists(numbers, min_size=1, max_size=14)
layout = st.builds(
    lambda head, rows: [2.0 + len(head), 5.0, *head, *(n for row in rows for n in row)],
    st.lists(numbers, max_size=2),
    st.lists(st.lists(numbers, min_size=5, max_size=5), max_size=3),
)


@given(st.lists(layout | loose, min_size=1, max_size=5))
def test_boxes_are_those_that_training_finds(records: list[list[float]]) -> None:
    summary = counted(records)
    widths = {labels[1] for labels in records if are_boxes(labels)}
    boxes = [boxes_of(labels) for labels in records] if all(map(are_boxes, records)) else []
    if not sum(map(len, boxes)) or len(widths) > 1:
        assert summary.boxes is None
        return
    assert summary.boxes is not None
    assert summary.boxes.boxes == sum(map(len, boxes))
    assert summary.boxes.records == sum(len(one) > 0 for one in boxes)
    assert summary.boxes.without == sum(len(one) == 0 for one in boxes)
    assert summary.boxes.least == min(map(len, boxes))
    assert summary.boxes.most == max(map(len, boxes))
    found = [float(box[0]) for one in boxes for box in one]
    wanted = Counter(cls for cls in found if cls in range(100))
    assert summary.boxes.classes == wanted


def test_columns(run: Runner, tmp_path: Path) -> None:
    write(tmp_path / "a.rec", [[1, 0, -2.5], [0, 0, 7], [1, 0, float("nan")]])
    assert label_lines(run) == [
        "  labels   3 records with 3 labels",
        "           column  not 0  different  range",
        "                0      2          2  0 to 1",
        "                1      0          1  0",
        "                2      3          3  -2.5 to 7",
    ]
    summary = json.loads(run("inspect", "a.rec", "--json").out)
    assert summary["columns"] == [
        {"not_zero": 2, "different": 2, "more": False, "range": [0, 1]},
        {"not_zero": 0, "different": 1, "more": False, "range": [0, 0]},
        {"not_zero": 3, "different": 3, "more": False, "range": [-2.5, 7]},
    ]
    assert (summary["labels"], summary["label"]) == (2, [0, 1])
    assert "boxes" not in summary


def test_many_columns(run: Runner, tmp_path: Path) -> None:
    write(tmp_path / "a.rec", np.eye(80).tolist())
    lines = label_lines(run)
    assert len(lines) == 1 + 1 + 12 + 1
    assert lines[-2:] == [
        "               11      1          2  0 to 1",
        "           and 68 more (--json has all)",
    ]
    assert len(json.loads(run("inspect", "a.rec", "--json").out)["columns"]) == 80
    write(tmp_path / "a.rec", np.eye(12).tolist())
    assert len(label_lines(run)) == 1 + 1 + 12


def test_many_values(run: Runner, tmp_path: Path) -> None:
    write(tmp_path / "a.rec", [[key, key % 1000] for key in range(1001)], b"")
    assert label_lines(run)[2:] == [
        "                0   1000  over 1000  0 to 1000",
        "                1    999       1000  0 to 999",
    ]
    columns = json.loads(run("inspect", "a.rec", "--json").out)["columns"]
    assert [(column["different"], column["more"]) for column in columns] == [
        (1000, True),
        (1000, False),
    ]


def test_labels_of_different_widths_have_no_columns(run: Runner, tmp_path: Path) -> None:
    write(tmp_path / "a.rec", [[1, 2], [1, 2], [3, 4, 5]])
    assert label_lines(run) == [
        "  labels   2 records with 2 labels, 1 record with 3 labels",
        "           2 different first labels, 1 to 3",
    ]
    assert "columns" not in json.loads(run("inspect", "a.rec", "--json").out)
    assert "columns" not in json.loads(run("inspect", GOLDEN / "images.rec", "--json").out)


def test_what_is_counted_does_not_depend_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    boxes = [box_labels(rng.integers(-1, 4, (rng.integers(1, 4), 6))) for _ in range(40)]
    boxes[0] = box_labels(rng.integers(0, 4, (9, 6)))
    boxes[17] = box_labels(np.empty((0, 6)))
    vectors = rng.integers(0, 3, (40, 5)).tolist()
    samples = {
        "boxes": boxes,
        "boxes of 5 and of 10": [box_labels(np.ones((4, 5))), box_labels(np.ones((3, 10)))],
        "boxes, and what is none": [*boxes, [1.0, 2.0]],
        "vectors": vectors,
        "vectors and a number": [*vectors[:20], [1.0], *vectors[20:]],
        "numbers": [[float(key)] for key in range(50)],
        "NaN for long": [*[[NAN]] * 20, *[[1.0]] * 20],
    }
    whole = {name: counted(labels) for name, labels in samples.items()}
    assert [name for name, found in whole.items() if found.boxes] == ["boxes"]
    assert [name for name, found in whole.items() if found.columns] == ["vectors"]
    assert whole["NaN for long"].first == Range(1.0, 1.0)
    monkeypatch.setattr(label_counts, "_BLOCK", 16)
    for name, labels in samples.items():
        found, wanted = counted(labels), whole[name]
        assert found._replace(boxes=None) == wanted._replace(boxes=None)
        assert (found.boxes and vars(found.boxes)) == (wanted.boxes and vars(wanted.boxes))


def test_boxes_of_several_widths(run: Runner, tmp_path: Path) -> None:
    """As where a set of VOC's, with `difficult`, is merged with one of COCO's."""
    five, six = [2, 5, 1, 0, 0, 0.5, 0.5], [2, 6, 1, 0, 0, 0.5, 0.5, 0]
    for labels, says in (([five, six, five], True), ([five, six, [2, 5, 1]], False)):
        with RecordWriter(tmp_path / "a.rec", force=True) as writer:
            for key, row in enumerate(labels):
                writer.write(pack(IRHeader(0, row, key, 0), b"no image"), key)
        note = "boxes of 5 and of 6 numbers, which cannot be read as one set"
        assert (f"           {note}\n" in run("inspect", "a.rec").out) == says
        assert (note in json.loads(run("inspect", "a.rec", "--json").out)["notes"]) == says
