"""Speed and memory of rectool and of its peers; from the repository's root:

    python tests/benchmarks [--quick] [--only CASE] [--json FILE]

With a warm page cache, all tools doing the same work and each result checked. RECTOOL_MXNET_PYTHON
names the Python of an environment with MXNet 1.9.1 and OpenCV, RECTOOL_PEERS_PYTHON that of one
with torch, webdataset, nvidia-dali-cuda120 and Pillow; what is not there is left out.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

import report
from data import Data
from measure import UNIT
from pack_cases import PACK_CASES
from read_cases import READ_CASES
from tools import MXNET, PEERS, REPOSITORY, Bench, SkipError, checkout, output_of

CASES = {**PACK_CASES, **READ_CASES}
HOW = f"""\
Medians, with a warm page cache; the tools in turn, round by round. Packing: of whole processes,
start-up included. Reading: of passes within a process, after one that is a warm-up; each round a
process. CPU: of the process and all its descendants. Peak: the sum of {UNIT} over the process
and its descendants, sampled in a run of its own, of reading in the warm-up. MB: 1,000,000 bytes.
"x": as many times what rectool (in bold) takes; above 1, rectool takes less."""

_VERSIONS = """
import platform
from importlib.metadata import distributions
wanted = ('mxnet', 'numpy', 'nvidia-dali', 'opencv', 'pillow', 'simplejpeg', 'torch', 'webdataset')
found = {(d.metadata['Name'].lower(), d.version) for d in distributions()}
named = [' '.join(each) for each in sorted(found) if each[0].startswith(wanted)]
print(', '.join(['Python ' + platform.python_version(), *named]), end='')
"""


def main() -> int:
    options = _options()
    about = _about(options)
    _print("\n".join(f"{name}: {value}" for name, value in about.items()) + f"\n\n{HOW}\n")
    data = Data(options.data, quick=options.quick)
    cases: dict[str, Any] = {}
    for name in options.only or CASES:
        _tell(name)
        said: list[str] = []
        with tempfile.TemporaryDirectory(prefix="work-", dir=data.folder) as work:
            cases[name] = {"left_out": said, "tables": []}
            _print(f"## {name}\n")
            try:
                tables = CASES[name](Bench(data, Path(work), said.append))
            except SkipError as error:
                said.append(f"skipped: {error}")
                tables = []
            for note in said:
                _print(f"{note}\n")
            for table in tables:
                results = report.measure(table, options.rounds, _tell)
                _print(report.text(table, results))
                cases[name]["tables"].append(
                    {"title": table.title, "results": [result.json() for result in results]}
                )
        if options.json:  # after each case, for all of them take long
            text = json.dumps({"about": about, "cases": cases}, indent=1)
            options.json.write_text(text + "\n")
    measured = [table["results"] for case in cases.values() for table in case["tables"]]
    return int(any(result["failed"] for results in measured for result in results))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    usual = Path(tempfile.gettempdir(), "rectool-benchmarks")
    parser.add_argument(
        "--data", type=Path, default=usual, help=f"folder for the files, kept; default {usual}"
    )
    parser.add_argument("--quick", action="store_true", help="20 times fewer files of everything")
    parser.add_argument("--rounds", type=int, help="runs of each tool; default 3, of --quick 1")
    parser.add_argument(
        "--only", action="append", choices=CASES, metavar="CASE", help=", ".join(CASES)
    )
    parser.add_argument("--json", type=Path, help="write all numbers to this file")
    options = parser.parse_args()
    if options.rounds is None:
        options.rounds = 1 if options.quick else 3
    if options.rounds < 1:
        parser.error("--rounds must be 1 or more")
    options.data = options.data.absolute()
    return options


def _about(options: argparse.Namespace) -> dict[str, str]:
    commit = output_of(["git", "-C", str(REPOSITORY), "describe", "--always", "--dirty"]).strip()
    version = output_of([sys.executable, "-m", "rectool", "--version"], checkout()).strip()
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    return {
        "Date": datetime.datetime.now().astimezone().isoformat(" ", "seconds"),
        "Machine": f"{len(os.sched_getaffinity(0))} CPUs ({_processor()}), {platform.platform()}",
        "Load before": load,
        "rectool": f"{version}, commit {commit or 'unknown'}",
        "Here": _versions(sys.executable),
        "MXNet": _versions(os.environ.get(MXNET)),
        "Peers": _versions(os.environ.get(PEERS)),
        "Rounds": f"{options.rounds}{', --quick' if options.quick else ''}",
    }


def _versions(python: str | None) -> str:
    return output_of([python, "-c", _VERSIONS]) if python else "left out"


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _tell(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    if sys.platform != "linux":
        sys.exit("the benchmarks need Linux")
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
