"""The keywords that editors and type checkers see are those that iterators take."""

from __future__ import annotations

from inspect import Parameter, signature

from rectool import Augmentation, ImageRecordIter
from rectool.loading.parameters import AugmentationOptions, IteratorOptions


def keywords(of: object) -> set[str]:
    parameters = signature(of).parameters.values()  # type: ignore[arg-type]
    return {one.name for one in parameters if one.kind != Parameter.VAR_KEYWORD}


def test_options_of_augmentation() -> None:
    assert {*AugmentationOptions.__annotations__} == keywords(Augmentation) - {
        "data_shape",
        "dtype",
    }


def test_options_of_iterators() -> None:
    own = {"path_imgrec", "data_shape", "batch_size", "label_name", "label_width"}
    ours = {*IteratorOptions.__annotations__}
    assert ours == (keywords(ImageRecordIter) - own) | {*AugmentationOptions.__annotations__}
