"""Colour and texture of each class, real and rendered.

python tests/benchmarks/bench_realism_statistics.py [N] prints tables for CamVid's frames by day
(mean level above 70) and for N rendered frames by day, all 480 px wide.
"""

import sys

from realism import frames, statistics

from drivegrid.scenes.seeds import TEST_SEEDS
from drivegrid.scenes.segments import SEGMENTS


def main():
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    lines = (frames.real_root() / "camvid11/classes.txt").read_text().splitlines()
    names = [line.split()[1] for line in lines]
    real = frames.camvid_frames("train", "val", "test")
    real = [(f.image, f.segments) for f in real if f.image.mean() > 70]
    print(f"CamVid, {len(real)} frames by day\n{statistics.table(real, names[:11])}")
    rendered = [
        (f.image, f.segments)
        for f in frames.rendered_frames(TEST_SEEDS[:number], 480)
        if f.scene.frame.attributes["time"] == "day"
    ]
    print(f"{len(rendered)} rendered frames by day\n{statistics.table(rendered, SEGMENTS)}")


if __name__ == "__main__":
    main()
