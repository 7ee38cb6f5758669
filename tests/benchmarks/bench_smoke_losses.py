"""Held-out loss of a cached nano run before and after, beside the best constants.

Run: python tests/benchmarks/bench_smoke_losses.py runs/smoke
"""

import json
import sys
from pathlib import Path

from drivegrid.training.config import load_config
from drivegrid.training.constants import constant_losses
from drivegrid.training.nano_student import NanoStudent
from drivegrid.training.sft import make_student

from drivegrid.data.store import load_scenes
from drivegrid.metrics.report import format_table


def main(run: Path) -> None:
    """Print the table."""
    config = load_config(run / "config.yaml")
    cache = config.data.cache
    student = make_student(config)
    assert cache is not None and isinstance(student, NanoStudent)
    training, held_out = (
        [
            scene
            for file in sorted(folder.glob("chunk-*/scenes.jsonl"))
            for scene in load_scenes(file)
        ]
        for folder in (cache, cache.with_name(f"{cache.name}-held-out"))
    )
    constants = constant_losses(config, student, training[: config.data.num_scenes], held_out)
    judged = json.loads((run / "judged.json").read_text())
    first, best = judged[0], min(judged, key=lambda entry: entry["mean"])
    rows = {
        kind: {
            "before": f"{first['losses'][kind]:.2f}",
            "best": f"{loss:.2f}",
            "constant": f"{constants[kind]:.2f}" if kind in constants else "-",
        }
        for kind, loss in best["losses"].items()
    }
    print("\n".join(format_table(rows)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
