"""The results: measured, as Markdown tables, and as JSON."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cases import Comparison, Growth
from measure import UNIT, FailedError, Peak, Run, Tool, sampled, timed

MB = 1e6


@dataclass
class Result:
    """What was measured of a tool; `failed` says why the rest was not."""

    tool: Tool
    runs: list[Run] = field(default_factory=list)
    peak: Peak | None = None
    failed: str | None = None

    @property
    def wall(self) -> float:
        return statistics.median(run.wall for run in self.runs)

    @property
    def cpu(self) -> float:
        return statistics.median(run.cpu for run in self.runs)

    def json(self) -> dict[str, Any]:
        return {
            "tool": self.tool.name,
            "command": list(map(str, self.tool.command)),
            "items": self.tool.items,
            "failed": self.failed,
            "runs": list(map(dataclasses.asdict, self.runs)),
            "peak": self.peak and dataclasses.asdict(self.peak),
        }


def measure(table: Comparison | Growth, rounds: int, tell: Callable[[str], None]) -> list[Result]:
    """First each tool's memory, then its time, the tools in turn round by round.

    A tool that fails is measured no further. A Growth has no rounds.
    """
    results = [Result(tool) for tool in table.tools]
    for turn in range(rounds + 1 if isinstance(table, Comparison) else 1):
        for result in results:
            if result.failed is not None:
                continue
            try:
                if turn == 0:
                    result.peak = sampled(result.tool)
                    said = f"{result.peak.tree / MB:.1f} MB"
                else:
                    result.runs.append(timed(result.tool))
                    said = f"round {turn} of {rounds}: {result.runs[-1].wall:.2f} s"
            except FailedError as error:
                result.failed = said = f"failed: {error}"
            tell(f"    {result.tool.name}: {said}")
    return results


def text(table: Comparison | Growth, results: list[Result]) -> str:
    if isinstance(table, Growth):
        return f"{table.title}\n\n{_aligned(_growth(table, results))}\n"
    return f"{table.title}\n\n{_aligned(_comparison(table, results))}\n"


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
        ratios = ["-", "-", "-"]
        if ours.failed is None and ours.peak is not None:
            ratios[0] = f"{result.wall / ours.wall:.2f}"
            ratios[1] = f"{result.cpu / ours.cpu:.2f}"
            ratios[2] = f"{result.peak.tree / ours.peak.tree:.2f}"
        row += ratios
        rows.append(row)
    return rows


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
