"""What the harness for damaged inputs finds: each kind of harm, with the mutant that does it."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("needs fork and /proc", allow_module_level=True)

from helpers import fuzzing
from helpers.fuzzing import Area, Trial, try_all


def _harm(trial: Trial) -> None:
    number = int(trial.folder.joinpath("number").read_text())
    if number == 1:
        os.abort()
    if number == 3:
        time.sleep(600)
    if number == 4:
        bytearray(fuzzing.MEMORY)
    if number == 6:
        raise KeyError("a bug")
    if number == 7:
        trial.rectool("inspect", "missing.rec", "--no-such-option")
    trial.kind = "harmful"


def test_each_harm_is_told_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fuzzing, "SECONDS", 4)
    begin = fuzzing.trial_of

    def numbered(area: Area, number: int, folder: Path) -> Trial:
        trial = begin(area, number, folder)
        trial.path("number", str(number))
        return trial

    monkeypatch.setattr(fuzzing, "trial_of", numbered)
    kinds, failures = try_all(Area("harm", _harm), range(9), tmp_path / "mutants", 2)
    told = {failure.number: " ".join(failure.problems) for failure in failures}
    assert sorted(told) == [1, 3, 4, 6, 7]
    assert "ended by" in told[1]
    assert "hung" in told[3]
    assert "in _harm" in told[3]
    assert "took" in told[4]
    assert "KeyError" in told[6]
    assert "status 2" in told[7]
    assert kinds["harmful"] == 6
    assert all(f"RECTOOL_FUZZ=harm:{failure.number} " in str(failure) for failure in failures)


def test_a_mutant_is_the_same_each_time(tmp_path: Path) -> None:
    def draw(trial: Trial) -> None:
        trial.problem(str(trial.rng.random()))

    runs = [try_all(Area("a", draw), range(4), tmp_path / str(n), n)[1] for n in (1, 2)]
    drawn = [{failure.number: failure.problems for failure in run} for run in runs]
    assert drawn[0] == drawn[1]
    assert len({str(problems) for problems in drawn[0].values()}) == 4
