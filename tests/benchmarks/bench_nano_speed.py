"""What a query costs, and what the refine turn saves by going on from the proposal's cache.

python tests/benchmarks/bench_nano_speed.py [--frames 8] [--threads 2]
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from drivegrid.inference.decoding import Dialogue, propose, refine
from drivegrid.inference.predictor import Predictor
from drivegrid.scenes.render import render_scene
from drivegrid.tasks.refine import QUESTION as REFINE
from drivegrid.tasks.table import TASKS
from drivegrid.tokens.automaton import AnswerAutomaton
from drivegrid.tokens.grammar import parse_answer
from drivegrid.tokens.template import offset_template

QUERY = TASKS["lanes"].question


def literal_refine(predictor: Predictor, image: np.ndarray, first: list[int], prompt: list[int]):
    """The refine turn from scratch: picture and text read anew, offsets token by token."""
    predictor._encoded.clear()
    dialogue = Dialogue(predictor.model, predictor.encode(image))
    processor = predictor.processor
    parsed = parse_answer(processor.text_of(first), processor.grid)
    template = offset_template([i.geometry for i in parsed.items], processor.vocabulary)
    end = processor.special_ids["end"]
    scores = dialogue.feed([*processor.prompt_ids(QUERY), *first, end, *prompt])[-1]
    slots, offsets = set(template.slots.tolist()), []
    for place, forced in enumerate(template.ids.tolist()):
        token = forced
        if place in slots:
            offsets.append(int(scores[torch.from_numpy(template.choices)].argmax()))
            token = int(template.choices[offsets[-1]])
        scores = dialogue.feed([token])[-1]
    return offsets


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    predictor = Predictor.from_pretrained()
    processor, end = predictor.processor, predictor.processor.special_ids["end"]
    automaton = AnswerAutomaton(processor.token_classes)
    prompt = processor.prompt_ids(REFINE)
    rows = []
    for seed in range(500_000, 500_000 + args.frames):
        image = render_scene(seed, (1280, 720)).image
        start = time.perf_counter()
        predictor.encode(image)
        encoding = time.perf_counter() - start
        dialogue = Dialogue(predictor.model, predictor.encode(image))
        start = time.perf_counter()
        first = propose(dialogue, processor.prompt_ids(QUERY), automaton, end)
        proposing = time.perf_counter() - start
        parsed = parse_answer(processor.text_of(first.ids), processor.grid)
        if not parsed.items:
            continue
        template = offset_template([i.geometry for i in parsed.items], processor.vocabulary)
        start = time.perf_counter()
        moves = refine(dialogue, prompt, template, end)
        refining = time.perf_counter() - start
        start = time.perf_counter()
        literal = literal_refine(predictor, image, first.ids, prompt)
        scratch = time.perf_counter() - start
        same = literal == moves.offsets.tolist()
        rows.append((encoding, proposing, refining, scratch, moves.passes, same))
    mean = np.mean(np.array([row[:5] for row in rows]), axis=0)
    print(f"{len(rows)} frames, {args.threads} threads, {QUERY!r}")
    print(f"encode {mean[0]:.3f} s, propose {mean[1]:.3f} s, refine {mean[2]:.3f} s")
    print(f"whole query with one refine round: {mean[:3].sum():.3f} s")
    print(f"refine turn from scratch, token by token: {mean[3]:.3f} s")
    print(f"refine turn / from scratch: {mean[2] / mean[3]:.2f} ({mean[4]:.1f} passes a turn)")
    print(f"same offsets as token by token: {sum(row[5] for row in rows)}/{len(rows)} frames")


if __name__ == "__main__":
    main()
