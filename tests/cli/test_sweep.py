"""What a sweep's jobs came to, kept and tabulated."""

import csv
import json
import math

import pytest

from seizure.cli.run_folder import RunFolder
from seizure.cli.sweep import Result, attend, leave_table, read_results, rows, table


def never(error):
    return False


def fails():
    raise ValueError("no such corpus")


def test_a_failed_job_is_kept_and_ends_nothing(tmp_path, caplog):
    assert attend(tmp_path / "0", ["seed=1"], fails, never) is None
    assert attend(tmp_path / "1", ["seed=2"], lambda: 0.25, never) == 0.25
    failed, finished = read_results(tmp_path)
    assert (failed.status, failed.objective) == ("failed", None)
    assert failed.error == "ValueError: no such corpus"
    assert (finished.status, finished.objective) == ("finished", 0.25)
    assert "Traceback" in caplog.text


def test_an_error_that_explains_itself_is_said_without_a_traceback(tmp_path, caplog):
    attend(tmp_path / "0", [], fails, lambda error: True)
    assert "job 0 failed: no such corpus" in caplog.text
    assert "Traceback" not in caplog.text


def test_what_is_asked_to_stop_stops_and_says_so(tmp_path):
    def stop():
        raise SystemExit(130)

    with pytest.raises(SystemExit):
        attend(tmp_path / "0", [], stop, never)
    assert [result.status for result in read_results(tmp_path)] == ["stopped"]


def test_a_job_that_vanishes_is_seen_as_running(tmp_path):
    def look():
        seen.extend(read_results(tmp_path))

    seen = []
    attend(tmp_path / "0", [], look, never)
    assert [result.status for result in seen] == ["running"]


def test_an_objective_that_is_no_number_judges_nothing(tmp_path):
    assert attend(tmp_path / "0", [], lambda: math.nan, never) is None
    assert "best" not in "\n".join(table(read_results(tmp_path)))


def test_jobs_come_in_the_order_in_which_they_were_started(tmp_path):
    for number in (10, 9, 2):
        attend(tmp_path / str(number), [], lambda: 0.0, never)
    assert [result.job for result in read_results(tmp_path)] == ["2", "9", "10"]


RESULTS = [
    Result("0", ("seed=1", "model=pico", "+sweep=parallel"), "finished", 0.5, 1.0),
    Result("1", ("seed=2", "model=pico", "+sweep=parallel"), "finished", 0.75, 2.0),
    Result("2", ("seed=3", "model=pico", "+sweep=parallel"), "failed", error="ValueError: odd"),
]


def test_the_table_has_a_column_for_what_differs_and_names_the_best():
    lines = table(RESULTS)
    assert lines[0].split() == ["job", "status", "objective", "minutes", "seed"]
    assert lines[2].split() == ["1", "finished", "0.7500", "2.0", "2"]
    assert lines[-2:] == ["best: job 1 with 0.7500: seed=2", "job 2 failed: ValueError: odd"]


def test_a_tie_is_said():
    lines = table([Result("0", ("seed=1",), "finished", 0.0), Result("1", (), "finished", 0.0)])
    assert "best: job 0 with 0.0000, level with 1 more: seed=1" in lines


def test_a_sweep_without_jobs_has_a_table_too(tmp_path):
    assert table([]) == ["no job of the sweep was started"]
    leave_table(tmp_path, [])
    assert json.loads((tmp_path / "results.json").read_text()) == []


def test_the_files_say_what_the_table_says(tmp_path):
    leave_table(tmp_path, RESULTS)
    with (tmp_path / "results.csv").open() as file:
        assert list(csv.DictReader(file)) == rows(RESULTS)
    kept = json.loads((tmp_path / "results.json").read_text())
    assert [entry["objective"] for entry in kept] == [0.5, 0.75, None]
    assert kept[0]["overrides"] == list(RESULTS[0].overrides)


def test_a_finished_run_says_again_what_it_is_judged_by(tmp_path):
    folder = RunFolder(tmp_path)
    for objective in (0.1 + 0.2, 0.0, None):
        folder.finish(objective)
        assert folder.is_finished
        assert folder.objective == objective
