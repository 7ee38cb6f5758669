"""Stands in for ``drivegrid train`` in the tests: leaves the files of a run without learning.

It takes as many steps as it is told, or stops as it is told by the seed.
"""

import json
import sys
import time
from pathlib import Path

BROKEN, BABBLING, ENDLESS = 1, 2, 3
STEP_S = 0.05


def main(arguments: list[str]) -> int:
    """Write a run; return the exit status."""
    asked = dict(one.split("=", 1) for one in arguments if "=" in one)
    out = Path(arguments[arguments.index("--out") + 1])
    steps, seed = int(asked["optim.steps"]), int(asked["optim.seed"])
    if seed == BROKEN:
        print("something else\nerror: optim.steps must be even, got 3.", file=sys.stderr)
        return 1
    if seed == BABBLING:
        print("Killed")
        return 137
    (out / "trainer").mkdir(parents=True, exist_ok=True)
    print("arguments", json.dumps(arguments))
    first = len((out / "log.jsonl").read_text().splitlines()) if "--resume" in arguments else 0
    try:
        for step in range(first + 1, (10**6 if seed == ENDLESS else steps) + 1):
            with (out / "log.jsonl").open("a") as log:
                log.write(json.dumps({"step": step, "loss": 1 / step}) + "\n")
            (out / "trainer" / f"checkpoint-{step}").mkdir(exist_ok=True)
            time.sleep(STEP_S)
    except KeyboardInterrupt:
        (out / "interrupted").touch()
        return 130
    judged = [{"step": 0, "mean": 2.0, "losses": {}}, {"step": steps, "mean": 1.0, "losses": {}}]
    (out / "judged.json").write_text(json.dumps(judged))
    (out / "checkpoint").mkdir()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
