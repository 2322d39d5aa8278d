"""The documented SLURM script, with stand-ins for what a cluster has: two nodes on one machine."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from seizure.cloud import fleet
from seizure.cloud.fleet import on_host
from seizure.cloud.job import Job

PAGE = Path(__file__).parents[1] / "docs" / "cluster.md"

# Starts the tasks as srun does; once one says the line, SLURM's warning goes to all of them.
SRUN = """#!{python}
import os, signal, subprocess, sys
n = int(os.environ["SLURM_NTASKS"])
tasks = []
for rank in range(n):
    own = dict(SLURM_PROCID=str(rank), SLURM_NODEID=str(rank), SLURM_LOCALID="0")
    # Only the first speaks: what nobody reads would fill up, and stop its task.
    said = subprocess.DEVNULL if rank else subprocess.PIPE
    tasks.append(
        subprocess.Popen(
            [sys.executable, *sys.argv[2:]], env=os.environ | own, stdout=said, text=True
        )
    )
for line in tasks[0].stdout:
    print(line, end="", flush=True)
    if os.environ["WARN_AT"] in line:
        for task in tasks:
            task.send_signal(signal.SIGINT)
sys.exit(max(task.wait() for task in tasks))
"""
SCONTROL = """#!/bin/bash
echo "$@" >> "$ASKED"
"""


def free_port():
    """A port that nothing listens at; other tests of other people may run on this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def cluster(tmp_path):
    """Runs the script of the page as SLURM would: its exit code, and what it said."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in (("srun", SRUN.format(python=sys.executable)), ("scontrol", SCONTROL)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    script = re.search(r"```bash\n(#!/bin/bash.*?)```", PAGE.read_text(), re.DOTALL)
    assert script is not None
    (tmp_path / "train.sh").write_text(script[1])
    slurm = {
        "SLURM_JOB_ID": "4242",
        "SLURM_JOB_NAME": "on-two-nodes",
        "SLURM_NNODES": "2",
        "SLURM_NTASKS": "2",
        "SLURM_NTASKS_PER_NODE": "1",
        "SLURM_NODELIST": "127.0.0.1",
        "MASTER_ADDR": "127.0.0.1",
    }

    def submitted(*overrides, warn_at):
        return subprocess.run(
            ["bash", str(tmp_path / "train.sh"), *overrides],
            env={
                **os.environ,
                **slurm,
                "PATH": f"{folder}:{os.environ['PATH']}",
                "ASKED": str(tmp_path / "asked"),
                "WARN_AT": warn_at,
                "MASTER_PORT": str(free_port()),
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return submitted


@pytest.mark.slow
def test_two_nodes_stop_before_their_time_is_over_and_go_on(cluster, quick, trained, tmp_path):
    # Epochs enough that the warning comes before the end, however long it takes.
    overrides = quick.overrides("loader.batch_size=2", "trainer.max_epochs=5")
    stopped = cluster(*overrides, warn_at="training, epoch 2 of 5 starts")
    assert stopped.returncode == 130, stopped.stdout + stopped.stderr
    assert (tmp_path / "asked").read_text() == "requeue 4242\n"
    run = quick.runs / "on-two-nodes"
    assert not (run / "finished").exists()

    ended = cluster(*overrides, warn_at="nothing like this")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"continuing from {run / 'checkpoints' / 'last.ckpt'}" in ended.stdout
    assert (run / "finished").is_file()
    assert (tmp_path / "asked").read_text().count("requeue") == 1


MEETING = """
import os
import torch.distributed as dist
dist.init_process_group("gloo")
ranks = [None] * dist.get_world_size()
dist.all_gather_object(ranks, dist.get_rank())
print(f"rank {os.environ['RANK']} of", *ranks, flush=True)
dist.destroy_process_group()
"""


def test_hosts_that_the_launcher_starts_find_each_other(tmp_path, monkeypatch):
    monkeypatch.setattr(fleet, "_PORT", free_port())
    (tmp_path / "meeting.py").write_text(MEETING)
    job = Job("meeting", (str(tmp_path / "meeting.py"),), tmp_path / "meeting.json", 60.0, 60.0)
    hosts = [
        subprocess.Popen(
            [sys.executable, *on_host(job, rank, ["127.0.0.1"] * 2, 1).command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in (0, 1)
    ]
    try:
        said = [host.communicate(timeout=500)[0] for host in hosts]
    finally:
        for host in hosts:
            host.kill()
    assert [host.returncode for host in hosts] == [0, 0], said
    assert "rank 0 of 0 1" in said[0]
    assert "rank 1 of 0 1" in said[1]
