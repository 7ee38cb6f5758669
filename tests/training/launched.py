"""The command line in processes of their own, without paying for torch's import in each."""

import os
import socket
import sys
from importlib.resources import files
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


def start(argv, env=None, *, sharded=False):
    """Start ``drivegrid`` with some arguments and return the process."""
    process = CONTEXT.Process(target=_run, args=([str(a) for a in argv], env or {}, sharded))
    process.start()
    return process


def launch(name, argv, processes=2):
    """Start ``drivegrid`` as `accelerate launch` does with a packaged file."""
    path = files("drivegrid.training.launch") / f"{name}.yaml"
    given = ["--config_file", str(path), "--num_processes", str(processes), "drivegrid"]
    settings, *_ = _validate_launch_command(launch_command_parser().parse_args(given))
    kept = {key: text for key, text in os.environ.items() if key not in {"RANK", "WORLD_SIZE"}}
    env = {k: v for k, v in prepare_multi_gpu_env(settings).items() if kept.get(k) != v}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        env |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    env |= {"WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes)}
    return [
        start(argv, {**env, "RANK": str(i), "LOCAL_RANK": str(i)}, sharded=name == "fsdp2")
        for i in range(processes)
    ]


def ended(processes):
    """Wait for processes and return their exit codes."""
    for process in processes:
        process.join()
    return [process.exitcode for process in processes]


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
