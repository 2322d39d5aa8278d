"""Prepare, train, score and predict on rented machines: the one file that knows Modal.

    modal run modal_launch.py::prepare --hw cpu -- corpus=tusz
    modal run --detach modal_launch.py::train --hw a100 --run tusz-v1 -- corpus=tusz model=base
    modal run modal_launch.py::evaluate --hw t4 --run tusz-v1 -- corpus=tusz
    modal run modal_launch.py::predict --hw t4 --run tusz-v1 -- input=/data/clinic
    modal run modal_launch.py::ls
    modal run modal_launch.py::fetch --run tusz-v1

What follows `--` goes to `python -m seizure.<verb>` unchanged. To see checks and price without an
account: `python modal_launch.py train --hw a100 --run tusz-v1 -- corpus=tusz`. A first run step by
step: docs/cloud.md.
"""

import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import modal
from modal.types import FileEntry, FileEntryType

from seizure.attempt import Job, Unfinished, Verdict, sit
from seizure.hardware import Hardware
from seizure.launch import BUCKET, RESULTS, VERBS, Plan, Request, make_plan, read_request

HERE = Path(__file__).parent
CONF = HERE / "conf"
# Wheels exist for exact pairs only: these are for torch 2.10 with CUDA 12 and this Python. pip
# installs them: uv refuses a file whose name says more of its version than its content does.
PYTHON = "3.12"
KERNELS = (
    "https://github.com/state-spaces/mamba/releases/download/v2.3.2.post1/"
    "mamba_ssm-2.3.2.post1+cu12torch2.10cxx11abiTRUE-cp312-cp312-linux_x86_64.whl"
    "#sha256=7a67070c1e7e99c95abd1319623f044e8a1b3fb46f774bfdea949f0a4fc79638",
    "https://github.com/Dao-AILab/causal-conv1d/releases/download/v1.6.2.post1/"
    "causal_conv1d-1.6.2.post1+cu12torch2.10cxx11abiTRUE-cp312-cp312-linux_x86_64.whl"
    "#sha256=c16c1c48d4fa63415cc797e02d69f97248c57c04627d99e394d5bb0ef266e288",
)
KERNEL_TEST = "import causal_conv1d, mamba_ssm.ops.triton.ssd_combined"

image = (
    modal.Image.debian_slim(python_version=PYTHON)
    .apt_install("build-essential")  # Triton compiles its launchers when a kernel first runs
    .uv_pip_install(
        requirements=[str(HERE / "modal_requirements.txt")], extra_options="--require-hashes"
    )
    .pip_install(*KERNELS, extra_options="--no-deps")
    # The kernels do not import without a card; a pair of wheels that does not fit stops here.
    .run_commands(f"python -c '{KERNEL_TEST}'", gpu="T4")
    .env({"PYTHONUNBUFFERED": "1", "MPLBACKEND": "Agg"})
    # Last, so that an edit of ours rebuilds nothing; the synthetic EEG needs its .npz files.
    .add_local_python_source("seizure", ignore=["**/__pycache__", "**/*.pyc"])
    .add_local_dir(CONF, "/root/conf")
)
results = modal.Volume.from_name("seizure-results", create_if_missing=True)
app = modal.App("seizure")
# Listing and fetching belong to an app without functions, for which no image is built.
desk = modal.App("seizure-desk")


def function_options(
    hardware: Hardware, bucket: str | None = None, secrets: Sequence[str] = ()
) -> dict[str, Any]:
    """A machine as `@app.function` and `Function.with_options` take it; memory in MiB.

    Cores and memory are (reserved, limit): without limits what is used beyond has no bound on cost.
    """
    volumes: dict[str, Any] = {str(RESULTS): results}
    if bucket is not None:
        volumes[str(BUCKET)] = modal.CloudBucketMount(
            bucket, secret=modal.Secret.from_name("aws"), read_only=True
        )
    cores, memory_mib = hardware.cores or 0, (hardware.memory_gib or 0) * 1024
    return {
        "gpu": hardware.gpu,
        "cpu": (float(cores), float(hardware.cores_limit or cores)),
        "memory": (memory_mib, (hardware.memory_limit_gib or 0) * 1024 or memory_mib),
        "timeout": round((hardware.timeout_h or 0.0) * 3600),
        "retries": modal.Retries(
            max_retries=(hardware.attempts or 1) - 1, initial_delay=10.0, backoff_coefficient=2.0
        ),
        "volumes": volumes,
        "secrets": [modal.Secret.from_name(name) for name in secrets],
    }


# A container serves one attempt: a Volume on which an earlier one left files open cannot reload.
@app.function(image=image, volumes={str(RESULTS): results}, single_use_containers=True)
def attempt(job: Job) -> Verdict:
    """One attempt of a job; raises `Unfinished` where Modal's retry should start the next."""
    verdict = sit(job, results)
    if verdict.goes_on:
        raise Unfinished(verdict.reason)
    return verdict


def plan_or_refuse(verb: str, arguments: Sequence[str]) -> tuple[Request, Plan]:
    """The plan of a launch, printed with its price; ends the process with 2 if it cannot work."""
    request = read_request(verb, arguments)
    try:
        plan = make_plan(request, CONF, time.time())
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from error
    print(*plan.lines, *(f"check: {fault}" for fault in plan.faults), sep="\n", flush=True)
    if plan.faults and not request.force:
        print("not started: mend what is named above, or add --force", file=sys.stderr)
        raise SystemExit(2)
    return request, plan


def launch(verb: str, arguments: Sequence[str]) -> None:
    """Check, say what it costs, start and wait; ends the process with 1 if the job is not done."""
    request, plan = plan_or_refuse(verb, arguments)
    options = function_options(plan.hardware, request.bucket, request.secrets)
    # Spawned, not called: of a call the client does the retries, and a closed laptop does none.
    call = attempt.with_options(**options).spawn(plan.job)
    print(f"started {plan.job.name}, call {call.object_id}", flush=True)
    try:
        verdict = call.get()
    except Unfinished as error:
        verdict = Verdict(False, False, f"{error}; the same command goes on")
    spent = f"; {plan.spent(verdict.spent_s)}" if verdict.spent_s else ""
    print(f"{plan.job.name}: {verdict.reason}{spent}")
    if not verdict.done:
        raise SystemExit(1)


@app.local_entrypoint()
def prepare(*arguments: str) -> None:
    """Prepare a corpus into the Volume's cache."""
    launch("prepare", arguments)


@app.local_entrypoint()
def train(*arguments: str) -> None:
    """Train a run, or go on with it."""
    launch("train", arguments)


@app.local_entrypoint()
def evaluate(*arguments: str) -> None:
    """Score the best checkpoint of a run."""
    launch("evaluate", arguments)


@app.local_entrypoint()
def predict(*arguments: str) -> None:
    """Find seizures in EDF files with the best checkpoint of a run."""
    launch("predict", arguments)


@desk.local_entrypoint()
def ls() -> None:
    """The runs on the Volume: finished or not, size, last change."""
    print(*run_lines(results.iterdir("/", recursive=True)), sep="\n")


@desk.local_entrypoint()
def fetch(run: str, to: str = "runs") -> None:
    """Copy a run's folder from the Volume, leaving out what is here unchanged."""
    for entry, target in wanted(results.iterdir(f"/runs/{run}", recursive=True), Path(to)):
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.fetching")
        with temporary.open("wb") as file:
            for block in results.read_file(entry.path):
                file.write(block)
        temporary.replace(target)
        print(f"{target}  {entry.size / 2**20:.1f} MiB")


def run_lines(entries: Iterable[FileEntry]) -> list[str]:
    """A line for each run among the Volume's files, newest last."""
    runs: dict[str, list[FileEntry]] = defaultdict(list)
    for entry in entries:
        parts = Path(entry.path.lstrip("/")).parts
        if entry.type == FileEntryType.FILE and len(parts) > 2 and parts[0] == "runs":
            runs[parts[1]].append(entry)
    lines = []
    for name, files in sorted(runs.items(), key=lambda item: max(e.mtime for e in item[1])):
        changed = datetime.fromtimestamp(max(e.mtime for e in files), UTC)
        is_finished = any(Path(e.path).name == "finished" for e in files)
        size_mib = sum(e.size for e in files) / 2**20
        lines.append(
            f"{name:32} {'finished' if is_finished else 'unfinished':10} {size_mib:9.1f} MiB  "
            f"last change {changed:%Y-%m-%d %H:%M} UTC"
        )
    return lines or ["no runs yet"]


def wanted(entries: Iterable[FileEntry], to: Path) -> list[tuple[FileEntry, Path]]:
    """The files of a run that are not here yet, or are larger, smaller or newer on the Volume."""
    files = []
    for entry in entries:
        target = to / Path(entry.path.lstrip("/")).relative_to("runs")
        here = target.stat() if target.is_file() else None
        if entry.type == FileEntryType.FILE and (
            here is None or here.st_size != entry.size or here.st_mtime < entry.mtime
        ):
            files.append((entry, target))
    return files


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in VERBS:
        raise SystemExit(
            f"python modal_launch.py {{{','.join(VERBS)}}} --hw … says what it would do"
        )
    plan_or_refuse(sys.argv[1], [a for a in sys.argv[2:] if a != "--"])
    print("nothing was started; `modal run modal_launch.py::…` does")
