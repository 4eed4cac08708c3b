"""The images of a folder in lists, with labels from folders or annotations."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Literal

from ..errors import ArgumentError, StrPath, check_choice, check_number, ignore, plural, strings_of

if TYPE_CHECKING:
    from .lst import ImageList


@dataclass(frozen=True)
class ListResult:
    """What `list_images` found and wrote.

    Attributes:
        images: The images in their final order: key, labels and path of each.
        classes: The label of each class.
        lists: The lists that were written, each with its number of images.
        remarks: What was passed over or changed, a line each.
        faults: Why images are not listed, a line each: the first ones, and how many more there are.
        unlisted: How many images are not listed.
    """

    images: ImageList
    classes: dict[str, int]
    lists: tuple[tuple[str, int], ...]
    remarks: tuple[str, ...]
    faults: tuple[str, ...]
    unlisted: int


def list_images(
    root: StrPath,
    out: StrPath | BinaryIO | None = None,
    *,
    csv: StrPath | None = None,
    csv_columns: Iterable[str] = (),
    csv_separator: str | None = None,
    csv_blank: float | None = None,
    coco: StrPath | None = None,
    voc: StrPath | None = None,
    yolo: StrPath | None = None,
    labelme: StrPath | None = None,
    manifest: StrPath | None = None,
    stored_boxes: bool = False,
    only: StrPath | None = None,
    no_difficult: bool = False,
    skip_empty: bool = False,
    recursive: bool = True,
    exts: Iterable[str] = (),
    hidden: bool = False,
    shuffle: bool = True,
    seed: int = 100,
    classes: StrPath | None = None,
    classes_out: StrPath | BinaryIO | None = None,
    chunks: int = 1,
    train_ratio: float | None = None,
    test_ratio: float = 0.0,
    on_error: Literal["report", "fail", "skip"] = "report",
    force: bool = False,
    on_classes: Callable[[dict[str, int]], None] = ignore,
    on_remark: Callable[[str], None] = ignore,
    on_fault: Callable[[str], None] = ignore,
) -> ListResult:
    """List the images of a folder.

    Each sub-folder with images is a class, or labels come from one file or folder of annotations.
    Boxes become labels in MXNet's detection layout.

    Args:
        root: The folder of images.
        out: The list to write, with or without `.lst`, or a binary stream; None writes none.
        csv: A table of labels or boxes: `path,label,label...` or `path,x1,y1,x2,y2,class`.
        csv_columns: The columns of the table to read, by name or by number from 1.
        csv_separator: Splits each label of the table into names of classes; "none": no split.
        csv_blank: The number for an empty label of the table.
        coco: An instances JSON of COCO; keys are image ids.
        voc: A folder of Pascal VOC's XML files.
        yolo: A folder of YOLO's .txt files, parallel to `root`.
        labelme: A folder of labelme's JSON files.
        manifest: An output.manifest of SageMaker Ground Truth.
        stored_boxes: Turn boxes as EXIF turns their images.
        only: A file that names the images to list, a name or path a line.
        no_difficult: Leave out `difficult`, the sixth number of VOC's boxes.
        skip_empty: Leave out images without boxes.
        recursive: List sub-folders too, each a class.
        exts: Endings of the files to list; empty for jpeg, jpg and png.
        hidden: List hidden files and folders too.
        shuffle: Shuffle the images, or keep their order.
        seed: What to shuffle by; 100 gives im2rec's order.
        classes: A file with the labels of classes, a class and its label a line.
        classes_out: The file, or a binary stream, to write the labels of classes to.
        chunks: How many lists to split the images into.
        train_ratio: The share of each chunk for OUT_train.lst; None for what `test_ratio` leaves.
        test_ratio: The share of each chunk for OUT_test.lst.
        on_error: "fail" raises where an image cannot be listed; otherwise the others are listed.
        force: Replace lists that exist.
        on_classes: Takes the label of each class, once the classes are known.
        on_remark: Takes each of the result's remarks at once.
        on_fault: Takes each of the result's faults at once.

    Returns:
        The images in their final order, the labels of classes, and the lists that were written.

    Raises:
        ArgumentError: An argument has a value that it cannot have, or arguments do not go together.
        ListError: There are no images, or annotations are malformed.
        FileExistsError: A list exists and `force` is false.

    Example:
        >>> list_images("images", "train").classes  # doctest: +SKIP
        {'cat': 0, 'dog': 1}
    """
    from .annotation_arguments import Annotations
    from .found import check_lists, named, remark_on, scan_folder, write_classes
    from .lst import shuffled_order
    from .split import split, write_lists

    check_choice("on_error", on_error, ("report", "fail", "skip"))
    check_number("chunks", chunks, 1)
    remarks: list[str] = []

    def say(remark: str) -> None:
        remarks.append(remark)
        on_remark(remark)

    labels = Annotations(
        csv=csv,
        csv_columns=strings_of(csv_columns),
        csv_separator=csv_separator,
        csv_blank=csv_blank,
        coco=coco,
        voc=voc,
        yolo=yolo,
        labelme=labelme,
        manifest=manifest,
        stored_boxes=stored_boxes,
        only=only,
        no_difficult=no_difficult,
        skip_empty=skip_empty,
        recursive=recursive,
        exts=strings_of(exts),
        hidden=hidden,
        classes=classes,
    )
    train = 1.0 - test_ratio if train_ratio is None else train_ratio
    prefix, ending = _check_names(named(out), chunks, train, test_ratio)
    kind = labels.format()
    inputs = [*labels.sources().values(), classes]
    single = [prefix + ending] if prefix and chunks == 1 and train == 1.0 else []
    check_lists(single, classes_out, inputs, force=force)
    strict = on_error == "fail"
    if kind is None:
        found = scan_folder(
            root,
            recursive=recursive,
            exts=labels.exts,
            hidden=hidden,
            shuffle=shuffle,
            seed=seed,
            classes=classes,
            classes_out=classes_out,
            strict=strict,
            only=only,
            say=say,
        )
        on_classes(found.classes)
        faults = remark_on(found, root, say, on_fault)
    else:
        annotated = found = labels.read(kind, root)
        source = labels.sources()[kind]
        if strict:
            found.faults.check(source)
        if classes_out and not found.classes:
            raise ArgumentError("{classes_out}: no names of classes are known")
        if shuffle:
            found.images = found.images.take(shuffled_order(len(found.images), seed))
        on_classes(found.classes)
        faults = remark_on(found, source, say, on_fault)
        for remark in annotated.remarks:
            say(remark)
    lists: tuple[tuple[str, int], ...] = ()
    if chunks > len(found.images):
        raise ArgumentError(
            "{chunks} {0}: too many for {1}", chunks, plural(len(found.images), "image")
        )
    if prefix:
        parts = split(found.images, chunks=chunks, train_ratio=train, test_ratio=test_ratio)
        names = [f"{prefix}{part.suffix}{ending}" for part in parts]
        check_lists(names, classes_out, inputs, force=force)
        write_lists(prefix, parts, ending=ending, force=force)
        lists = tuple(zip(names, (len(part.images) for part in parts), strict=True))
    elif out is not None:
        out.write(found.images.contents())  # type: ignore[union-attr]
    write_classes(found, classes_out, force=force)
    return ListResult(
        found.images, found.classes, lists, tuple(remarks), faults, found.faults.images
    )


def _check_names(out: str | None, chunks: int, train: float, test: float) -> tuple[str, str]:
    """The name of the lists without ending ("" where there is none), and their ending."""
    if out is None and (chunks > 1 or train != 1.0):
        raise ArgumentError("several lists need a name: give {out}")
    if not 0 <= test < 1:
        raise ArgumentError("{test_ratio} must be from 0 to less than 1, got {0}", test)
    if not 0 < train <= 1:
        raise ArgumentError("{train_ratio} must be more than 0 and at most 1, got {0}", train)
    if not train + test <= 1 + 1e-9:
        raise ArgumentError("{train_ratio} and {test_ratio} must not make more than 1")
    if out is None:
        return "", ""
    ending = out[-4:] if out.lower().endswith(".lst") else ".lst"
    prefix = out.removesuffix(ending)
    if os.path.basename(prefix) in ("", os.curdir, os.pardir):
        raise ArgumentError("{out} must be the name of a list, got a folder: {0}", out)
    return prefix, ending
