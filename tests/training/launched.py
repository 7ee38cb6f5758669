"""The command line in processes of their own, without paying for torch's import in each."""

import atexit
import os
import socket
import sys
import time
from importlib.resources import files
from itertools import count
from multiprocessing import get_context

import torch
from accelerate.commands.launch import (
    _validate_launch_command,
    launch_command_parser,
    prepare_multi_gpu_env,
)
from accelerate.state import PartialState
from accelerate.utils import DistributedType

CONTEXT = get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.training.launched", "drivegrid.training.sft"])


PATIENCE_S = 240
STARTED = []
PORTS = count(20_000 + os.getpid() % 1000 * 10)


@atexit.register
def _kill_all():
    """Leave none behind: Python would wait for it before it exits."""
    for process in STARTED:
        process.kill()


def start_process(target, *args):
    """Start a process that does not outlive this one."""
    process = CONTEXT.Process(target=target, args=args)
    process.start()
    STARTED.append(process)
    return process


def start(argv, env=None, *, sharded=False):
    """Start ``drivegrid`` with some arguments and return the process."""
    return start_process(_run, [str(a) for a in argv], env or {}, sharded)


def launch(name, argv, processes=2):
    """Start ``drivegrid`` as `accelerate launch` does with a packaged file."""
    path = files("drivegrid.training.launch") / f"{name}.yaml"
    given = ["--config_file", str(path), "--num_processes", str(processes), "drivegrid"]
    settings, *_ = _validate_launch_command(launch_command_parser().parse_args(given))
    kept = {key: text for key, text in os.environ.items() if key not in {"RANK", "WORLD_SIZE"}}
    env = {k: v for k, v in prepare_multi_gpu_env(settings).items() if kept.get(k) != v}
    env |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port())}
    env |= {"WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes)}
    return [
        start(argv, {**env, "RANK": str(i), "LOCAL_RANK": str(i)}, sharded=name == "fsdp2")
        for i in range(processes)
    ]


def ended(processes):
    """Wait for processes and return their exit codes; once one fails, the others are killed."""
    end = time.monotonic() + PATIENCE_S
    while any(process.is_alive() for process in processes):
        if time.monotonic() > end or any(process.exitcode for process in processes):
            # Without the one that failed the others wait for hours.
            for process in processes:
                process.join(10)
                process.kill()
        time.sleep(0.01)
    return [process.exitcode for process in processes]


def _free_port():
    """Return a port, never the same twice, that the system gives to nothing else meanwhile."""
    for port in PORTS:
        with socket.socket() as peer:
            if peer.connect_ex(("127.0.0.1", port)):
                return port
    raise AssertionError


def _run(argv, env, sharded):
    os.environ |= env | {"OMP_NUM_THREADS": "1"}
    sys.argv = ["drivegrid", *argv]
    torch.set_num_threads(1)
    if sharded:
        _shard_on_the_cpu()
    from drivegrid.training import pictures

    from drivegrid.cli.main import main

    pictures.MOST_TOKENS = 8
    main()


def _shard_on_the_cpu():
    """Make accelerate take these processes for GPUs: it shards on nothing else."""
    from drivegrid.training import sft

    PartialState._prepare_backend = lambda *_, **__: ("gloo", DistributedType.MULTI_GPU)
    PartialState.set_device = lambda state: setattr(state, "device", torch.device("cpu"))
    arguments = sft.TrainingArguments
    sft.TrainingArguments = lambda **given: arguments(**{**given, "use_cpu": False})
