"""Results as text and as JSON, for the commands."""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING

from ..errors import plural, shown
from ..format.boxes import BOX_WIDTH
from ..inspection.label_stats import MOST_DIFFERENT, Range
from ..listing.lst import format_label

if TYPE_CHECKING:
    from ..inspection.compare_masks import Pair
    from ..inspection.label_stats import Column, LabelSummary
    from ..inspection.rows_and_summary import Row, Summary
    from ..listing.box_stats import BoxCounts
    from ..packing.result import PackResult

ROW_TITLES = (
    "key", "offset", "size", "flag", "label", "id", "id2", "payload", "holds", "width", "height"
)  # fmt: skip
_MOST_RUNS = 20
_BLOCK = 1 << 16  # texts that are joined at once
_MOST_NUMBERS = 256
_MOST_CLASSES = 12


def human_size(size: float) -> str:
    """A number of bytes for people: "996 B", "1.2 MB"."""
    if size < 1000:
        return f"{size:.0f} B"
    for unit in ("kB", "MB", "GB", "TB"):
        size /= 1000
        if size < 999.95 or unit == "TB":
            break
    return f"{size:.1f} {unit}"


def label_text(label: float) -> str:
    """A label without decimals that say nothing."""
    if abs(label) >= 1e9:
        return f"{label:.9g}"
    return f"{label:.0f}" if label == math.floor(label) else format_label(label).rstrip("0")


def _finite_label_text(label: float) -> str:
    return label_text(label) if math.isfinite(label) else str(label)


def row_text(row: Row) -> str:
    """A row as fields with tabs between; several labels with commas; "-" for what there is not.

    A row of a set has its file as one more field at the end.
    """
    labels = _joined(map(_finite_label_text, row.labels), ",")
    fields = [*row[:4], labels, *row[5:-1], *([] if row.rec is None else [shown(row.rec)])]
    return "\t".join("-" if field in (None, "") else str(field) for field in fields)


def row_json(row: Row) -> str:
    """A row as a JSON object on one line; NaN and infinite labels as strings; "rec" for a set's."""
    fields: dict[str, object] = dict(zip(ROW_TITLES, row[:-1], strict=True))
    fields["label"] = None if not row.labels or row.flag else _json_label(row.labels[0])
    if row.rec is not None:
        fields["rec"] = row.rec
    text = json.dumps(fields)
    if not row.flag:
        return text
    labels = _joined((json.dumps(_json_label(label)) for label in row.labels), ", ")
    return text.replace('"label": null', f'"label": [{labels}]', 1)


def _joined(texts: Iterator[str], between: str) -> str:
    """Many short texts as one, without all of them in memory at once."""
    blocks = iter(lambda: between.join(islice(texts, _BLOCK)), "")
    return between.join(blocks)


def _json_label(label: float) -> float | str:
    return float(format_label(label)) if math.isfinite(label) else str(label)


def _range_text(values: Range, write: Callable[[float], str] = _finite_label_text) -> str:
    low, high = values.low, values.high
    if low is None or high is None:
        return "none"
    return write(low) if low == high else f"{write(low)} to {write(high)}"


_KEYS_FROM = {
    "idx": "",
    "id": " (the records' ids; there is no usable index)",
    "position": " (positions; there is no usable index)",
    "mixed": " (of indexes, ids or positions, as each shard has)",
}


def summary_text(summary: Summary, pair: Pair | None = None) -> str:
    """What `rectool inspect` prints of a file, or of a set of shards.

    `pair` is what there is to say of it as the masks of other files' images.
    """
    holds = ", ".join(f"{count} {what}" for what, count in summary.holds.most_common())
    lines = [shown(summary.rec)]
    if summary.shards_in_all:
        read, total = len(summary.shards), summary.shards_in_all
        lines.append(f"  shards   {total if read == total else f'{read} of {total}'}")
    lines.append(f"  records  {summary.records}, {human_size(summary.size)}")
    if summary.records:
        size = f"{_range_text(summary.payload, human_size)} each"
        lines.append(f"  keys     {_range_text(summary.key, str)}{_KEYS_FROM[summary.keys_from]}")
        lines.append(f"  holds    {holds}; {size}")
    if summary.width.low is not None:
        width, height = _range_text(summary.width), _range_text(summary.height)
        lines.append(f"  pixels   {width} wide, {height} high")
    if summary.labels.widths:
        lines.append(f"  labels   {_widths_text(summary.labels.widths)}")
        lines += _labels_text(summary.labels)
    if pair is not None:
        lines.append(f"  pairs    with {shown(pair.images)}: {_pair_text(pair)}")
        if pair.decoded:
            lines.append(f"  numbers  {_numbers_text(pair)}")
    lines.append(f"  index    {_index_text(summary)}")
    lines += [f"           {note}" for note in summary.notes]
    return "\n".join(lines)


def _labels_text(labels: LabelSummary) -> list[str]:
    if labels.boxes is not None:
        return _boxes_text(labels.boxes)
    if labels.box_widths:
        return [f"           {note}" for note in _label_notes(labels)]
    notes = [f"           {note}" for note in labels.notes]
    if labels.columns:
        return [f"           {line}" for line in _columns_text(labels.columns)] + notes
    which = "different " + ("" if list(labels.widths) == [1] else "first ") + "label"
    return [f"           {plural(labels.different, which)}, {_range_text(labels.first)}", *notes]


def _label_notes(labels: LabelSummary) -> list[str]:
    if labels.boxes is not None:
        return labels.boxes.notes()
    if labels.box_widths:
        widths = " and ".join(f"of {width}" for width in labels.box_widths[:_MOST_CLASSES])
        return [f"boxes {widths} numbers, which cannot be read as one set"]
    return labels.notes


def _boxes_text(boxes: BoxCounts) -> list[str]:
    each = "" if boxes.width == BOX_WIDTH else f" of {boxes.width} numbers each"
    records = plural(boxes.records, "record")
    without = f", {plural(boxes.without, 'record')} without" if boxes.without else ""
    per_record = _range_text(Range(boxes.least, boxes.most))
    lines = [f"  boxes    {boxes.boxes}{each} in {records}{without}; {per_record} in a record"]
    if boxes.classes:
        counts = [f"{cls}: {count}" for cls, count in sorted(boxes.classes.items())]
        more = len(counts) - _MOST_CLASSES
        also = f" and {plural(more, 'more class')} (--json has all)" if more > 0 else ""
        lines.append(f"  classes  {', '.join(counts[:_MOST_CLASSES])}{also}")
    return lines + [f"           {note}" for note in boxes.notes()]


def _columns_text(columns: list[Column]) -> list[str]:
    rows = [("column", "not 0", "different", "range")]
    for number, column in enumerate(columns[:_MOST_CLASSES]):
        exact = column.different <= MOST_DIFFERENT
        different = str(column.different) if exact else f"over {MOST_DIFFERENT}"
        rows.append((str(number), str(column.not_zero), different, _range_text(column.range)))
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)][:3]
    lines = ["  ".join([*(map(str.rjust, row[:3], widths)), row[3]]) for row in rows]
    more = len(columns) - _MOST_CLASSES
    return lines + ([f"and {more} more (--json has all)"] if more > 0 else [])


def _widths_text(widths: Counter[int]) -> str:
    if len(widths) > 4:
        return f"{plural(widths.total(), 'record')} with {min(widths)} to {max(widths)} labels"
    return ", ".join(
        f"{plural(count, 'record')} with {plural(width, 'label')}"
        for width, count in sorted(widths.items())
    )


def _numbers_text(pair: Pair) -> str:
    """The numbers in masks, runs of them as such: "0 to 20 and 255 in the 24 masks"."""
    runs: list[list[int]] = []
    for number in sorted(pair.numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    texts = [f"{first}" if first == last else f"{first} to {last}" for first, last in runs]
    if len(texts) > _MOST_RUNS:
        texts = [*texts[:_MOST_RUNS], f"{len(texts) - _MOST_RUNS} more"]
    some = pair.decoded < pair.masks.total()
    where = f"{pair.decoded} of {pair.masks.total()} masks" if some else "all masks"
    return f"{', '.join(texts)} in {where}"


def _pair_text(pair: Pair) -> str:
    if pair.matches:
        kinds = pair.masks.most_common()
        masks = ", ".join(f"{count} of {kind}" if len(kinds) > 1 else kind for kind, count in kinds)
        of = f"; masks {'' if len(kinds) > 1 else 'of '}" if kinds else ""
        return f"all {pair.records} match in key, id, label and size{of}{masks}"
    if not pair.different:
        return f"all {pair.records} match, but in another order"
    order = "" if pair.ordered else ", and the keys are in another order"
    return f"{pair.different} of {pair.records} do not match{order}"


def _index_text(summary: Summary) -> str:
    if summary.idx is None:
        return "none"
    if summary.keys_from not in ("idx", "mixed"):
        return f"{shown(summary.idx)} is not used"
    fine = not summary.notes and not summary.damaged
    return shown(summary.idx) + (", every record in the order of the file" if fine else "")


def summary_json(summary: Summary, problems: list[str], pair: Pair | None = None) -> str:
    """The same on one line, with what is wrong."""
    labels = summary.labels
    notes = [*summary.notes, *_label_notes(labels)]
    return json.dumps(
        {
            "rec": summary.rec,
            **({"shards": summary.shards} if summary.shards_in_all else {}),
            "size": summary.size,
            "idx": summary.idx,
            "keys_from": summary.keys_from,
            "records": summary.records,
            "keys": _range_json(summary.key),
            "holds": dict(summary.holds.most_common()),
            "width": _range_json(summary.width),
            "height": _range_json(summary.height),
            "payload": _range_json(summary.payload),
            "label_widths": {str(width): n for width, n in sorted(labels.widths.items())},
            "labels": labels.different,
            "label": _range_json(labels.first),
            **({"boxes": _boxes_json(labels.boxes)} if labels.boxes else {}),
            **({"columns": list(map(_column_json, labels.columns))} if labels.columns else {}),
            **({"pairs": _pair_json(pair)} if pair else {}),
            "notes": notes,
            "problems": problems,
        }
    )


def _boxes_json(boxes: BoxCounts) -> dict[str, object]:
    return {
        "boxes": boxes.boxes,
        "records": boxes.records,
        "without": boxes.without,
        "in_a_record": [boxes.least, boxes.most],
        "width": boxes.width,
        "classes": {str(cls): count for cls, count in sorted(boxes.classes.items())},
        "suspect": boxes.suspect,
    }


def _column_json(column: Column) -> dict[str, object]:
    return {
        "not_zero": column.not_zero,
        "different": min(column.different, MOST_DIFFERENT),
        "more": column.different > MOST_DIFFERENT,
        "range": _range_json(column.range),
    }


def _pair_json(pair: Pair) -> dict[str, object]:
    return {
        "with": pair.images,
        "records": pair.records,
        "different": pair.different,
        "ordered": pair.ordered,
        "masks": dict(pair.masks.most_common()),
        "numbers": sorted(pair.numbers)[:_MOST_NUMBERS],
        "different_numbers": len(pair.numbers),
        "decoded": pair.decoded,
    }


def _range_json(values: Range) -> list[float | str] | None:
    if values.low is None or values.high is None:
        return None
    return [
        value if isinstance(value, int) else _json_label(value)
        for value in (values.low, values.high)
    ]


def pack_text(result: PackResult, noun: str) -> str:
    """The closing line of `rectool pack`."""
    total = result.images + len(result.failures)
    rate = result.images / result.seconds if result.seconds else 0.0
    indexes = [rec.removesuffix(".rec") + ".idx" for rec in (*result.recs, *result.masks)]
    beside = [*([] if result.sharded else indexes), result.lst]
    into = _files_text(result.recs, sharded=result.sharded)
    size = human_size(result.bytes)
    what = plural(total, noun)
    if result.masks:
        what += f", and {'its mask' if total == 1 else 'their masks'},"
        into += f" and {_files_text(result.masks, sharded=result.sharded)}"
        size += f" and {human_size(result.mask_bytes)}"
    also = ", ".join(shown(os.path.basename(path)) for path in beside if path)
    also = f"; with {also}" if also else ""
    speed = f"; {plural(result.kept, 'shard')} kept" if result.kept else f", {rate:.0f} {noun}s/s"
    return f"packed {result.images} of {what} into {into} ({size}{also}){speed}"


def _files_text(recs: tuple[str, ...], *, sharded: bool) -> str:
    if not sharded:
        return shown(recs[0])
    last = shown(os.path.basename(recs[-1]))
    return f"{plural(len(recs), 'shard')}: {shown(recs[0])} to {last}"


def pack_json(result: PackResult) -> str:
    fields = {**vars(result), "failures": [failure._asdict() for failure in result.failures]}
    return json.dumps(fields)


def classes_text(classes: Mapping[str, int], title: str = "folder") -> str:
    """The class table, cut after a dozen; `title` says what a class is."""
    ordered = sorted(classes.items(), key=lambda item: item[1])
    lines = [f"label  {title}"]
    lines += [f"{label:>5}  {shown(name)}" for name, label in ordered[:_MOST_CLASSES]]
    if len(ordered) > _MOST_CLASSES:
        lines.append(f"       and {len(ordered) - _MOST_CLASSES} more (--classes-out FILE has all)")
    return "\n".join(lines)
