"""Share of padding and cost of pictures in rows of Qwen2.5-VL: python bench_packing.py LABELS...

Real labels, real dialogues and the real tokenizer; no model and no picture. A batch is padded to
its longest row. "sorted" lays the 16 rows of a step in order of length before it is cut in batches.
"""

import sys
import tempfile
from itertools import islice
from pathlib import Path

import numpy as np
from drivegrid.training.config import load_config
from drivegrid.training.examples import DialogueDrawer
from drivegrid.training.packing import take
from drivegrid.training.qwen_student import QwenStudent
from transformers import AutoTokenizer

from drivegrid.data.scene import Scene
from drivegrid.data.sources import find_sources
from drivegrid.model.processor import QwenProcessor
from drivegrid.tasks.representation import representation
from drivegrid.tokens.grid import GridSpec
from drivegrid.tokens.vocabulary import Vocabulary
from tests.model.tiny_qwen import copy_qwen_tokenizer

STEP, ROWS = 16, 480


def main() -> None:
    student = bare_student()
    config = load_config("default", ["adapter.base=none"])
    way = representation("grid+offset", GridSpec())
    drawer = DialogueDrawer(config.data, way, in_context=False)
    print(
        "labels                rows of        dialogues mean text  padded in batches of 2, 8, 16"
        "  sorted 2, 8  tokens a dialogue"
    )
    for path in map(Path, sys.argv[1:]):
        scenes = [
            one
            for source in find_sources(path)
            for _, one in source.placed()
            if isinstance(one, Scene)
        ]
        for name, room, most in (
            ("one dialogue", 1, 1),
            ("256 tokens", 256, None),
            ("512 tokens", 512, None),
        ):
            rows = []
            for index in range(ROWS):
                rng = np.random.default_rng((0, index))
                dialogues = islice(drawer.draw(scenes[index % len(scenes)], rng), 200)
                pieces = take(map(student.write, dialogues), room, most)
                if pieces:
                    rows.append((sum(len(p.ids) for p in pieces), len(pieces)))
            report(f"{path.name:22}{name:15}", np.array(rows), len(student.processor.opening_ids))


def report(head: str, rows: np.ndarray, opening: int) -> None:
    lengths = rows[:, 0] + opening
    lengths = lengths[: len(lengths) // STEP * STEP].reshape(-1, STEP)
    ordered = np.sort(lengths, axis=1)
    shares = [padding(lengths, size) for size in (2, 8, 16)]
    grouped = [padding(ordered, size) for size in (2, 8)]
    padded = lengths.sum() / (1 - shares[0])
    print(
        f"{head}{rows[:, 1].mean():9.1f}{rows[:, 0].mean():11.0f}",
        "  ",
        *(f"{100 * share:7.1f} %" for share in shares),
        "  ",
        *(f"{100 * share:5.1f} %" for share in grouped),
        f"{padded / rows[: lengths.size, 1].sum():12.0f}",
    )


def padding(lengths: np.ndarray, size: int) -> float:
    batches = lengths.reshape(-1, size)
    return 1 - batches.sum() / (batches.max(axis=1) * size).sum()


def bare_student() -> QwenStudent:
    """Return a student that writes rows but has no model."""
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = AutoTokenizer.from_pretrained(copy_qwen_tokenizer(Path(folder)))
    base_id = len(tokenizer)
    vocabulary = Vocabulary(GridSpec(), base_id)
    tokenizer.add_tokens(list(vocabulary.tokens))
    student = object.__new__(QwenStudent)
    student.processor = QwenProcessor(tokenizer, vocabulary)
    return student


if __name__ == "__main__":
    main()
