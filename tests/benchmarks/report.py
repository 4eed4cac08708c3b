"""The results: measured, as Markdown tables, and as JSON."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from measure import UNIT, FailedError, Pass, Peak, Run, Tool, repeated, sampled, timed
from tables import Comparison, Course, Growth, Repeated, Table

MB = 1e6


@dataclass
class Result:
    """What was measured of a tool; `failed` says why the rest was not."""

    tool: Tool
    runs: list[Run] = field(default_factory=list)
    passes: list[Pass] = field(default_factory=list)
    peak: Peak | None = None
    failed: str | None = None

    @property
    def wall(self) -> float:
        return statistics.median(run.wall for run in self.runs or self.passes)

    @property
    def cpu(self) -> float:
        return statistics.median(run.cpu for run in self.runs or self.passes)

    def json(self) -> dict[str, Any]:
        return {
            "tool": self.tool.name,
            "command": list(map(str, self.tool.command)),
            "items": self.tool.items,
            "failed": self.failed,
            "runs": list(map(dataclasses.asdict, self.runs)),
            "passes": list(map(dataclasses.asdict, self.passes)),
            "peak": self.peak and dataclasses.asdict(self.peak),
        }


def measure(table: Table, rounds: int, tell: Callable[[str], None]) -> list[Result]:
    """What was measured of each tool, the tools in turn round by round.

    In round 0 of a Comparison memory is measured. A Growth has only that, a Course one round. A
    tool that fails is measured no further.
    """
    results = [Result(tool) for tool in table.tools]
    first = 0 if isinstance(table, Comparison | Growth) else 1
    last = {Growth: 0, Course: 1}.get(type(table), rounds)
    for turn in range(first, last + 1):
        for result in results:
            if result.failed is not None:
                continue
            try:
                if isinstance(table, Repeated | Course):
                    said = _repeated(table, result)
                elif turn == 0:
                    result.peak = sampled(result.tool)
                    said = f"{result.peak.tree / MB:.1f} MB"
                else:
                    result.runs.append(timed(result.tool))
                    said = f"{result.runs[-1].wall:.2f} s"
            except FailedError as error:
                result.failed = said = f"failed: {error}"
            tell(f"    round {turn} of {last}: {result.tool.name}: {said}")
    return results


def _repeated(table: Repeated | Course, result: Result) -> str:
    warm_up = isinstance(table, Repeated) and table.warm_up
    passes, peak = repeated(result.tool, warm_up=warm_up)
    result.passes += passes
    if peak is not None and (result.peak is None or peak.tree > result.peak.tree):
        result.peak = peak
    return ", ".join(f"{found.wall:.2f}" for found in passes) + " s"


def text(table: Table, results: list[Result]) -> str:
    if isinstance(table, Comparison):
        rows = _comparison(table, results)
    elif isinstance(table, Growth):
        rows = _growth(table, results)
    elif isinstance(table, Repeated):
        rows = _repetitions(table, results)
    else:
        rows = _course(results)
    return f"{table.title}\n\n{_aligned(rows)}\n"


def _comparison(table: Comparison, results: list[Result]) -> list[list[str]]:
    ours = next(result for result in results if result.tool.name == table.ours)
    heads = ["wall s", "min-max", "CPU s", f"peak {UNIT} MB", f"{table.unit}/s"]
    rows = [["", *heads, "wall x", "CPU x", f"{UNIT} x"]]
    for result in results:
        name = f"**{result.tool.name}**" if result is ours else result.tool.name
        if result.failed is not None or result.peak is None:
            rows.append([name, result.failed or "failed"])
            continue
        walls = [run.wall for run in result.runs]
        row = [
            name,
            f"{result.wall:.2f}",
            f"{min(walls):.2f}-{max(walls):.2f}",
            f"{result.cpu:.2f}",
            f"{result.peak.tree / MB:.1f}",
            f"{result.tool.items / result.wall:,.0f}",
        ]
        rows.append(row + _ratios(result, ours))
    return rows


def _ratios(result: Result, ours: Result) -> list[str]:
    """Wall, CPU and memory, as many times what ours takes."""
    if ours.failed is not None:
        return ["-", "-", "-"]
    ratios = [f"{result.wall / ours.wall:.2f}", f"{result.cpu / ours.cpu:.2f}"]
    if result.peak and ours.peak:
        ratios.append(f"{result.peak.tree / ours.peak.tree:.2f}")
    return ratios


def _growth(table: Growth, results: list[Result]) -> list[list[str]]:
    heads = ["process MB", "largest worker MB", f"tree {UNIT} MB"]
    rows = [["", *heads, f"process, bytes per {table.unit}", f"worker, bytes per {table.unit}"]]
    first = results[0]
    for result in results:
        peak = result.peak
        if peak is None:
            rows.append([result.tool.name, result.failed or "failed"])
            continue
        sizes = (peak.process, peak.worker, peak.tree)
        row = [result.tool.name, *(f"{size / MB:.1f}" if size else "-" for size in sizes)]
        grown = ["-", "-"]
        more = result.tool.items - first.tool.items
        if first.peak is not None and more:
            grown[0] = f"{(peak.process - first.peak.process) / more:.1f}"
            if peak.worker:
                grown[1] = f"{(peak.worker - first.peak.worker) / more:.1f}"
        row += grown
        rows.append(row)
    return rows


def _repetitions(table: Repeated, results: list[Result]) -> list[list[str]]:
    """A row a tool, of the medians over the passes of all rounds."""
    ours = next(result for result in results if result.tool.name == table.ours)
    scale = {"ms": 1e3, "µs": 1e6}[table.each]
    heads = [
        f"{table.unit}s/s",
        "min-max",
        "pass s",
        f"{table.each} each",
        f"CPU {table.each} each",
    ]
    peaks = ([f"peak {UNIT} MB"], [f"{UNIT} x"]) if table.warm_up else ([], [])
    measured = [result for result in results if result.failed is None]
    more = list(measured[0].passes[0].more) if measured else []
    rows = [["", *heads, *peaks[0], *more, "wall x", "CPU x", *peaks[1]]]
    for result in results:
        name = f"**{result.tool.name}**" if result is ours else result.tool.name
        if result.failed is not None:
            rows.append([name, result.failed])
            continue
        items = result.tool.items
        rates = [items / found.wall for found in result.passes]
        row = [
            name,
            f"{items / result.wall:,.0f}",
            f"{min(rates):,.0f}-{max(rates):,.0f}",
            f"{result.wall:.3g}",
            f"{result.wall / items * scale:.3g}",
            f"{result.cpu / items * scale:.3g}",
        ]
        if result.peak:
            row.append(f"{result.peak.tree / MB:.1f}")
        row += [
            f"{statistics.median(found.more[what] for found in result.passes):.1f}" for what in more
        ]
        rows.append(row + _ratios(result, ours)[: 2 + bool(result.peak)])
    return rows


def _course(results: list[Result]) -> list[list[str]]:
    """A row for each thing that a tool says of its passes, a column for some of them."""
    count = max(len(result.passes) for result in results)
    shown = [number for number in (1, 2, 3, 5, 10, 15, 20) if number <= count]
    rows = [["", *map(str, shown)]]
    for result in results:
        if result.failed is not None:
            rows.append([result.tool.name, result.failed])
            continue
        for what in result.passes[0].more:
            said = (f"{result.passes[number - 1].more[what]:g}" for number in shown)
            rows.append([f"{result.tool.name}: {what}", *said])
    return rows


def _aligned(rows: list[list[str]]) -> str:
    """A Markdown table; the row of a tool that failed has one long cell, which says why."""
    full = [row for row in rows if len(row) == len(rows[0])]
    widths = [max(len(row[at]) for row in full) for at in range(len(rows[0]))]
    widths[0] = max(len(row[0]) for row in rows)
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = []
    for row in [rows[0], rule, *rows[1:]]:
        cells = [row[0].ljust(widths[0])]
        if len(row) == 2:
            cells.append(row[1])
        else:
            cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=False)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
