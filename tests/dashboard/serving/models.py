"""Models that the worker's process can load at once, for its tests."""

import os
import signal
import time
from pathlib import Path

from drivegrid.errors import ConfigError, ModelError


class Toy:
    """Does what its query says, and answers with it."""

    def __init__(self, checkpoint):
        self.checkpoint = checkpoint

    def ask(self, image, query, rounds):
        if query.startswith("sleep"):
            time.sleep(float(query.split()[1]))
        if query.startswith("hold"):
            Path(query.split(maxsplit=1)[1]).touch()
            time.sleep(1000)
        if query == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if query == "refuse":
            raise ConfigError("query must hold words, got ''.")
        if query == "break":
            raise RuntimeError("a secret at 0x7f0000")
        if query == "odd":
            return lambda: None  # does not travel between processes
        return query, rounds, image.shape, str(self.checkpoint)

    def segment(self, image, query, rounds):
        return "masks", query, rounds, image.shape

    def detect(self, image, tasks, rounds):
        return tasks, rounds, image.shape

    def classify(self, image, region, task):
        return {task: 1.0, region.kind: 0.0}


def load_toy(checkpoint):
    return Toy(checkpoint)


def load_nothing(checkpoint):
    raise ModelError(f"checkpoint must hold weights, got none ({checkpoint}).")


def die_loading(checkpoint):
    os.kill(os.getpid(), signal.SIGKILL)
