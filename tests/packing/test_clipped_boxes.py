"""`rectool pack --center-crop` refuses boxes: they would not lie on what is left of the images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from conftest import Run, encoded, picture

from rectool.format.boxes import box_labels

Runner = Callable[..., Run]
BOXES = box_labels([[0, 0.1, 0.2, 0.3, 0.4]])
TWO = box_labels([[0, 0.1, 0.2, 0.3, 0.4], [3, 0, 0, 1, 1]])
NONE = box_labels([[-1, 0, 0, 0, 0]])


@pytest.fixture
def listed(tmp_path: Path) -> Callable[..., None]:
    """Writes a.lst with these labels, a line each."""
    (tmp_path / "a.png").write_bytes(encoded(picture(1, 20, 12), "PNG"))

    def write(*labels: Sequence[float]) -> None:
        rows = ["\t".join(map(str, [key, *row, "a.png"])) + "\n" for key, row in enumerate(labels)]
        (tmp_path / "a.lst").write_text("".join(rows))

    return write


@pytest.mark.parametrize("source", ["a.lst", "a.rec"])
@pytest.mark.parametrize("labels", [[BOXES], [NONE, TWO], [[1.0], BOXES]])
def test_boxes_are_not_cut(
    run: Runner, tmp_path: Path, listed: Callable[..., None], source: str, labels: list[list[float]]
) -> None:
    listed(*labels)
    assert run("pack", "a.lst", "a").status == 0
    result = run("pack", source, "out", "--center-crop")
    assert result.status == 1
    assert result.err.startswith(f"rectool: {source}: the labels are boxes")
    assert not list(tmp_path.glob("out*"))
    assert run("pack", source, "out", "--resize", 8).status == 0


@pytest.mark.parametrize("labels", [[[2.0]], [[2.0, 5.5, 1.0]], [BOXES, [1.0, 7.0]], [[2.0, 5.0]]])
def test_other_labels_are(
    run: Runner, listed: Callable[..., None], labels: list[list[float]]
) -> None:
    listed(*labels)
    assert run("pack", "a.lst", "out", "--center-crop").status == 0
