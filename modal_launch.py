"""Prepare, train, score and predict on rented machines: the one file that knows Modal.

    modal run --detach modal_launch.py::prepare --hw cpu --bucket eeg -- corpus=tusz
    modal run modal_launch.py::doctor --hw a100 --run tusz-v1 -- corpus=tusz model=base
    modal run --detach modal_launch.py::train --hw a100 --run tusz-v1 -- corpus=tusz model=base
    modal run --detach modal_launch.py::sweep --hw a100 --run lr -- optimisation.lr=1e-4,3e-4
    modal run modal_launch.py::evaluate --hw t4 --run tusz-v1 -- corpus=tusz
    modal run modal_launch.py::predict --hw t4 --run tusz-v1 -- input=/data/clinic
    modal run modal_launch.py::ls
    modal run modal_launch.py::fetch --run tusz-v1

What follows `--` goes to `python -m seizure.<verb>` unchanged. To see checks and price without an
account: `python modal_launch.py train --hw a100 --run tusz-v1 -- corpus=tusz`. A first run step by
step: docs/cloud.md. What decides anything is in `seizure/cloud/`.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import modal
from modal.types import FileEntryType

from seizure.cloud.attempt import sit
from seizure.cloud.fleet import Fleet, Machines, conduct, sit_on_host
from seizure.cloud.job import Job, Unfinished, Verdict
from seizure.cloud.launch import Plan, make_plan
from seizure.cloud.request import ACTIONS, Request, read_request
from seizure.cloud.storage import BUCKET, RESULTS, run_lines, wanted
from seizure.hardware import HOSTS_TOGETHER, Hardware

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
    return finished_or_again(sit(job, results))


# Untested on real hosts: written to Modal's documented interface, which wants whole hosts.
@app.function(image=image, volumes={str(RESULTS): results}, gpu="H100:8")
@modal.clustered(size=HOSTS_TOGETHER)
def attempt_together(job: Job, n_processes: int) -> Verdict:
    """One attempt of a job that several hosts do together; the first host's verdict counts."""
    cluster = modal.Cluster.from_context()
    rank, addresses = cluster.container_rank(), cluster.container_ips()
    return finished_or_again(sit_on_host(job, rank, addresses, n_processes, results))


# Lives while its jobs do, on an eighth of a core; after a day its next attempt finds them again.
@app.function(
    image=image,
    volumes={str(RESULTS): results},
    timeout=24 * 3600,
    retries=modal.Retries(max_retries=10, initial_delay=10.0, backoff_coefficient=1.0),
    single_use_containers=True,
    nonpreemptible=True,
)
def conductor(fleet: Fleet, options: tuple[Hardware, str | None, tuple[str, ...]]) -> Verdict:
    """Every job of a fleet on a machine of its own, so many at a time, and what they came to."""
    worker = attempt.with_options(**function_options(*options), max_containers=fleet.at_once)
    # Spawned, as by `start`: the retries of a job must not end with this container.
    machines = Machines(
        start=lambda job: worker.spawn(job).object_id,
        end=lambda call: modal.FunctionCall.from_id(call).get(),
    )
    return conduct(fleet, machines, results)


def finished_or_again(verdict: Verdict) -> Verdict:
    """The verdict of an attempt; raises `Unfinished` if the next may come further."""
    if verdict.goes_on:
        raise Unfinished(verdict.reason)
    return verdict


def plan_or_refuse(action: str, arguments: Sequence[str]) -> tuple[Request, Plan]:
    """The plan of a launch, printed with its price; ends the process with 2 if it cannot work."""
    request = read_request(action, arguments)
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


def start(request: Request, plan: Plan) -> modal.FunctionCall[Verdict]:
    """Start what is planned, and do not wait.

    Spawned, not called: of a call the client does the retries, and a closed laptop does none.
    """
    options = (plan.hardware, request.bucket, request.secrets)
    if not plan.fleet.is_one_job:
        return conductor.spawn(plan.fleet, options)
    (job,) = plan.fleet.jobs
    if plan.hardware.hosts > 1:
        hosts = attempt_together.with_options(**function_options(*options))
        return hosts.spawn(job, plan.hardware.n_gpus)
    return attempt.with_options(**function_options(*options)).spawn(job)


def launch(action: str, arguments: Sequence[str]) -> None:
    """Check, say what it costs, start and wait; ends the process with 1 if it is not all done."""
    request, plan = plan_or_refuse(action, arguments)
    call = start(request, plan)
    print(f"started {plan.name}, call {call.object_id}", flush=True)
    try:
        verdict = call.get()
    except (Unfinished, modal.exception.Error) as error:
        said = str(error) or type(error).__name__
        verdict = Verdict(False, False, f"{said}; give the same command again")
    spent = f"; {plan.fleet.jobs[0].spent(verdict.spent_s)}" if verdict.spent_s else ""
    print(f"{plan.name}: {verdict.reason}{spent}")
    if not verdict.done:
        raise SystemExit(1)


@app.local_entrypoint()
def prepare(*arguments: str) -> None:
    """Prepare a corpus into the Volume's cache, its recordings shared by several machines."""
    launch("prepare", arguments)


@app.local_entrypoint()
def doctor(*arguments: str) -> None:
    """Check machine, cache and settings of a run, and time a step of each stage."""
    launch("doctor", arguments)


@app.local_entrypoint()
def train(*arguments: str) -> None:
    """Train a run, or go on with it."""
    launch("train", arguments)


@app.local_entrypoint()
def sweep(*arguments: str) -> None:
    """Train every combination of the values given, a machine each, and tabulate what came out."""
    launch("sweep", arguments)


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
    entries = results.iterdir("/", recursive=True)
    print(*run_lines(e for e in entries if e.type == FileEntryType.FILE), sep="\n")


@desk.local_entrypoint()
def fetch(run: str, to: str = "runs") -> None:
    """Copy a run's folder from the Volume, leaving out what is here unchanged."""
    entries = results.iterdir(f"/runs/{run}", recursive=True)
    for entry, target in wanted((e for e in entries if e.type == FileEntryType.FILE), Path(to)):
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.fetching")
        with temporary.open("wb") as file:
            for block in results.read_file(entry.path):
                file.write(block)
        temporary.replace(target)
        print(f"{target}  {entry.size / 2**20:.1f} MiB")


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in ACTIONS:
        print(
            f"usage: python modal_launch.py {{{','.join(ACTIONS)}}} --hw … says what it would do; "
            "ls and fetch need an account: modal run modal_launch.py::ls",
            file=sys.stderr,
        )
        raise SystemExit(2)
    plan_or_refuse(sys.argv[1], [a for a in sys.argv[2:] if a != "--"])
    print("nothing was started; `modal run modal_launch.py::…` does")
