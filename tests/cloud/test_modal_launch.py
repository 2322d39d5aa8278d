"""The launcher against Modal's own client, without an account: nothing here reaches a network."""

import contextlib
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import modal
import modal.exception
import pytest
from click.testing import CliRunner, Result
from modal.cli import run as modal_run
from modal.cli.entry_point import entrypoint_cli
from modal.types import FileEntry, FileEntryType

from seizure.cloud.job import Job, Unfinished, Verdict
from seizure.hardware import read_profile

ROOT = Path(__file__).parents[2]
PROFILES = sorted(p.stem for p in (ROOT / "conf" / "hw").glob("*.yaml"))
RENTED = [name for name in PROFILES if name not in ("local", "rtx4090")]
pytestmark = pytest.mark.filterwarnings("error::modal.exception.DeprecationError")


def test_importing_needs_no_token_and_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; import modal_launch;"
        "print(*{'torch', 'hydra', 'lightning', 'scipy', 'mne'} & set(sys.modules))"
    )
    clean = {k: v for k, v in os.environ.items() if not k.startswith("MODAL_")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**clean, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("name", RENTED)
def test_options_have_the_keys_and_types_that_modal_takes(name: str, launcher: ModuleType) -> None:
    hardware = read_profile(ROOT / "conf" / "hw", name).hardware
    options = launcher.function_options(hardware, "bucket", ("wandb",))
    for taker in (modal.App.function, modal.Function.with_options):
        assert set(options) <= set(inspect.signature(taker).parameters)
    assert options["gpu"] == hardware.gpu
    assert options["cpu"] == (hardware.cores, hardware.cores_limit)
    assert options["memory"][0] == (hardware.memory_gib or 0) * 1024
    assert options["timeout"] <= 24 * 3600
    assert set(options["volumes"]) == {"/results", "/data"}
    # Modal checks names, types and limits here, before it needs a server.
    launcher.attempt.with_options(**options)
    launcher.attempt_together.with_options(**options)
    launcher.attempt.with_options(**options, max_containers=4)


def test_the_bucket_is_mounted_read_only(
    launcher: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr(modal, "CloudBucketMount", lambda name, **how: asked.update(how, name=name))
    launcher.function_options(read_profile(ROOT / "conf" / "hw", "cpu").hardware, "eeg")
    assert asked["name"] == "eeg"
    assert asked["read_only"] is True


def test_the_a100_is_asked_for_as_its_profile_says(launcher: ModuleType) -> None:
    options = launcher.function_options(read_profile(ROOT / "conf" / "hw", "a100").hardware)
    assert options["gpu"] == "A100-80GB"
    assert options["cpu"] == (16.0, 32.0)
    assert options["memory"] == (65536, 131072)
    assert options["timeout"] == 86400
    assert options["retries"].max_retries == 2
    assert set(options["volumes"]) == {"/results"}
    assert options["secrets"] == []


def test_torch_kernels_and_python_of_the_image_fit_each_other(launcher: ModuleType) -> None:
    lock = (ROOT / "modal_requirements.txt").read_text()
    (torch_version,) = re.findall(r"^torch==([\d.]+)", lock, re.MULTILINE)
    (cuda,) = re.findall(r"^nvidia-cuda-runtime-cu(\d+)==", lock, re.MULTILINE)
    python = launcher.PYTHON.replace(".", "")
    pair = f"+cu{cuda}torch{torch_version.rpartition('.')[0]}cxx11abiTRUE-cp{python}-cp{python}-"
    for wheel in launcher.KERNELS:
        assert pair in wheel
        assert re.search(r"#sha256=[0-9a-f]{64}$", wheel)


def test_the_lock_has_everything_the_package_needs_with_hashes() -> None:
    import tomllib

    lock = (ROOT / "modal_requirements.txt").read_text()
    locked = dict(re.findall(r"^([\w.-]+)==([\w.]+)", lock, re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = [re.split(r"[<>=!~;\[ ]", d)[0] for d in project["dependencies"]]
    assert set(needed) <= set(locked)
    assert locked["lightning"] not in ("2.6.2", "2.6.3")
    assert lock.count("--hash=sha256:") >= len(locked)


class FakeCloud:
    """Stands in for Modal's servers: what was started with which options, and its end."""

    object_id = "fc-test"

    def __init__(self, end: Verdict | Exception) -> None:
        self.options: dict[str, Any] = {}
        self.jobs: list[Job] = []
        self.spawned: list[tuple[Any, ...]] = []
        self._end = end

    def with_options(self, **options: Any) -> "FakeCloud":
        self.options = options
        return self

    def spawn(self, job: Job, *more: Any) -> "FakeCloud":
        self.jobs.append(job)
        self.spawned.append((job, *more))
        return self

    def get(self) -> Verdict:
        if isinstance(self._end, Exception):
            raise self._end
        return self._end


ModalRun = Callable[..., Result]


@pytest.fixture
def modal_cli(launcher: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModalRun:
    """`modal run modal_launch.py::…` through Modal's own command line, up to its servers."""

    @contextlib.contextmanager
    def run_app(app: Any, **settings: Any) -> Iterator[Any]:
        yield app

    monkeypatch.setattr(modal_run, "run_app", run_app)
    monkeypatch.setattr("modal.cli.import_refs.import_file_or_module", lambda *_, **__: launcher)
    monkeypatch.chdir(ROOT)

    def run(entrypoint: str, *arguments: str) -> Result:
        return CliRunner().invoke(
            entrypoint_cli, ["run", f"modal_launch.py::{entrypoint}", *arguments]
        )

    return run


def test_the_spelling_of_the_documents_starts_a_run(
    launcher: ModuleType, modal_cli: ModalRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = FakeCloud(Verdict(True, False, "finished", spent_s=7200.0))
    monkeypatch.setattr(launcher, "attempt", cloud)
    ended = modal_cli(
        "train", "--hw", "a100", "--run", "tusz-v1", "--", "corpus=tusz", "model=base"
    )
    assert ended.exit_code == 0, ended.output
    assert cloud.options["gpu"] == "A100-80GB"
    (job,) = cloud.jobs
    assert job.command[-2:] == ("corpus=tusz", "model=base")
    # The price stands before the start.
    assert ended.output.index("worst case") < ended.output.index("started train-tusz-v1")
    assert re.search(r"finished; 2\.00 h in all, about \d+\.\d\d USD", ended.output)


def test_faults_stop_a_launch_unless_it_is_forced(
    launcher: ModuleType, modal_cli: ModalRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = FakeCloud(Verdict(True, False, "finished"))
    monkeypatch.setattr(launcher, "attempt", cloud)
    arguments = ("--hw", "a100", "--run", "r", "--", "loader.num_workers=9")
    stopped = modal_cli("train", *arguments)
    assert stopped.exit_code == 2
    assert "check: 9 loader workers" in stopped.output
    assert cloud.jobs == []
    assert modal_cli("train", "--force", *arguments).exit_code == 0
    assert len(cloud.jobs) == 1


def test_a_sweep_goes_to_the_conductor_with_the_machine_of_its_jobs(
    launcher: ModuleType, modal_cli: ModalRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = FakeCloud(Verdict(True, False, "2 of 2 jobs done", spent_s=3600.0))
    monkeypatch.setattr(launcher, "conductor", cloud)
    ended = modal_cli(
        *("sweep", "--hw", "t4", "--run", "lr", "--secret", "wandb"), *("--", "seed=1,2")
    )
    assert ended.exit_code == 0, ended.output
    ((fleet, options),) = cloud.spawned
    assert [job.command[-1] for job in fleet.jobs] == ["seed=1", "seed=2"]
    assert launcher.function_options(*options)["gpu"] == "T4"
    assert options[2] == ("wandb",)
    assert ended.output.index("worst case of all") < ended.output.index("started sweep-lr")
    assert "2 of 2 jobs done; 1.00 h in all" in ended.output


def test_several_hosts_are_started_together(
    launcher: ModuleType, modal_cli: ModalRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = FakeCloud(Verdict(True, False, "finished"))
    monkeypatch.setattr(launcher, "attempt_together", cloud)
    assert modal_cli("train", "--hw", "h100x16", "--run", "big").exit_code == 0
    ((job, n_processes),) = cloud.spawned
    assert job.name.startswith("train-big")
    assert n_processes == 8
    assert cloud.options["gpu"] == "H100:8"


def test_bad_input_is_refused_before_anything_starts(
    launcher: ModuleType, modal_cli: ModalRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = FakeCloud(Verdict(True, False, "finished"))
    monkeypatch.setattr(launcher, "attempt", cloud)
    for arguments in (("modle=base",), ("--prices", "none.yaml"), ("run=other",)):
        ended = modal_cli("train", "--hw", "a100", "--run", "r", *arguments)
        assert ended.exit_code == 2
    assert cloud.jobs == []


@pytest.mark.parametrize(
    "end",
    [
        Verdict(False, False, "refused, and would be again: no corpus"),
        Unfinished("ended by SIGKILL"),
        modal.exception.FunctionTimeoutError("took more than 14400 s"),
    ],
)
def test_a_job_that_is_not_done_ends_with_1_and_why(
    end: Verdict | Exception,
    launcher: ModuleType,
    modal_cli: ModalRun,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(launcher, "attempt", FakeCloud(end))
    ended = modal_cli("prepare", "--hw", "cpu")
    assert ended.exit_code == 1
    assert (end.reason if isinstance(end, Verdict) else str(end)) in ended.output


def file_alone(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`python modal_launch.py …`, with Modal's deprecation warnings as errors."""
    code = """
import runpy, warnings
import modal
warnings.simplefilter("error", modal.exception.DeprecationError)
runpy.run_path("modal_launch.py", run_name="__main__")
"""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_file_alone_says_what_it_would_do() -> None:
    done = file_alone("train", "--hw", "a100", "--run", "r", "--", "seed=1")
    assert done.returncode == 0, done.stderr
    assert "worst case" in done.stdout
    assert "seed=1" in done.stdout
    assert "nothing was started" in done.stdout


@pytest.mark.parametrize("arguments", [(), ("trian", "--hw", "a100"), ("ls",)])
def test_an_action_that_cannot_be_planned_ends_with_2_and_those_that_can(
    arguments: tuple[str, ...],
) -> None:
    done = file_alone(*arguments)
    assert done.returncode == 2
    assert "{prepare,doctor,train,sweep,evaluate,predict}" in done.stderr


def entry(path: str, size: int = 100, mtime: int = 1_800_000_000) -> FileEntry:
    """A file on the Volume."""
    return FileEntry(path, FileEntryType.FILE, mtime, size)


def test_fetching_copies_what_is_new_and_only_that(
    launcher: ModuleType,
    modal_cli: ModalRun,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    content = {"runs/r/report.md": b"fine", "runs/r/checkpoints/best.ckpt": b"weights"}
    entries = [entry(path, size=len(data), mtime=1) for path, data in content.items()]
    read: list[str] = []

    def read_file(path: str) -> Iterator[bytes]:
        read.append(path)
        yield content[path]

    entries.append(FileEntry("runs/r/checkpoints", FileEntryType.DIRECTORY, 0, 0))
    volume = SimpleNamespace(iterdir=lambda *_, **__: iter(entries), read_file=read_file)
    monkeypatch.setattr(launcher, "results", volume)
    listed = modal_cli("ls")
    assert re.search(r"^r +unfinished +0\.0 MiB", listed.output, re.MULTILINE)
    assert modal_cli("fetch", "--run", "r", "--to", str(tmp_path)).exit_code == 0
    assert (tmp_path / "r" / "checkpoints" / "best.ckpt").read_bytes() == b"weights"
    assert len(read) == 2
    assert modal_cli("fetch", "--run", "r", "--to", str(tmp_path)).exit_code == 0
    assert len(read) == 2
