"""One file of metrics through all sittings, whatever cut it off."""

import csv

from seizure.callbacks.metrics_file import MetricsFile, drop_rows_from


def rows_of(folder):
    with (folder / "metrics.csv").open(newline="", encoding="utf-8") as file:
        return [{k: v for k, v in row.items() if v} for row in csv.DictReader(file)]


def written(folder, *rows):
    metrics = MetricsFile(folder, flush_every_n_steps=1)
    for step, figures in rows:
        metrics.log_metrics(figures, step=step)
        metrics.save()


def test_a_second_sitting_goes_on_in_the_same_file(tmp_path):
    written(tmp_path, (0, {"loss": 1.0}), (1, {"loss": 0.5}))
    drop_rows_from(tmp_path / "metrics.csv", step=1)
    written(tmp_path, (1, {"loss": 0.4}), (1, {"auroc": 0.9}))
    assert rows_of(tmp_path) == [
        {"step": "0", "loss": "1.0"},
        {"step": "1", "loss": "0.4"},
        {"step": "1", "auroc": "0.9"},
    ]


def test_a_row_that_was_cut_off_is_dropped(tmp_path):
    written(tmp_path, (10, {"loss": 1.0}), (120, {"loss": 0.5}))
    path = tmp_path / "metrics.csv"
    # What is left of step 120 would pass for step 12.
    path.write_bytes(path.read_bytes()[: -len("0\r\n")])
    drop_rows_from(path, step=200)
    assert rows_of(tmp_path) == [{"step": "10", "loss": "1.0"}]


def test_what_was_never_written_needs_no_dropping(tmp_path):
    drop_rows_from(tmp_path / "metrics.csv", step=3)
    assert not list(tmp_path.iterdir())
