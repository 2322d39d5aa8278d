"""What a preflight found, for people and for programs."""

import json
import logging
from pathlib import Path

import pytest
from rich.console import Console

from seizure.preflight.check import Check
from seizure.preflight.report import say, table, write_json
from seizure.schema import ConfigError

CHECKS = [
    Check("disk [local]", "ok", "ext4 on [/dev/sda]"),
    Check("cores", "fail", "8 workers on 8 cores", "loader.num_workers=4"),
]


def test_a_log_has_a_line_for_each_check_and_for_each_fix(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, "seizure"):
        say(CHECKS, 2.0)
    assert caplog.messages == [
        "ok    disk [local]: ext4 on [/dev/sda]",
        "fail  cores: 8 workers on 8 cores",
        "      fix: loader.num_workers=4",
        "doctor: 1 ok, 0 to look at, 1 that would fail, in 2 s",
    ]


def test_a_terminal_has_a_table_in_which_text_is_text() -> None:
    console = Console(width=80, record=True, file=Path("/dev/null").open("w"))  # noqa: SIM115
    console.print(table(CHECKS))
    shown = console.export_text()
    assert "disk [local]" in shown
    assert "ext4 on [/dev/sda]" in shown
    assert "→ loader.num_workers=4" in shown


def test_json_holds_the_status_and_every_check(tmp_path: Path) -> None:
    write_json(tmp_path / "doctor.json", CHECKS, {"step": None})
    content = json.loads((tmp_path / "doctor.json").read_text())
    assert content["status"] == "fail"
    assert [c["name"] for c in content["checks"]] == ["disk [local]", "cores"]
    assert content["checks"][1]["fix"] == "loader.num_workers=4"
    with pytest.raises(ConfigError, match="output"):
        write_json(tmp_path / "nowhere" / "doctor.json", CHECKS, {})
