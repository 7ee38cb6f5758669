"""What a query costs: its parts, the refine turn beside one from scratch, and batches.

python tests/benchmarks/bench_nano_speed.py [--frames 8] [--threads 1] [--batch 16]

Wall time, and time of the processor over all threads: on a busy machine only the latter counts.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from drivegrid.inference.choosing import greedy
from drivegrid.inference.decoding import Decoded, best_offsets, propose, refine
from drivegrid.inference.predictor import LIMITS, Predictor
from drivegrid.inference.talks import Talks
from drivegrid.scenes.render import render_scene
from drivegrid.scenes.seeds import TEST_SEEDS
from drivegrid.tasks.table import TASKS
from drivegrid.tokens.automaton import AnswerAutomaton
from drivegrid.tokens.grammar import parse_answer
from drivegrid.tokens.template import OffsetTemplate, offset_template

QUERY = TASKS["lanes"].question


def timed(work: Callable[[], Any]) -> tuple[Any, np.ndarray]:
    """Return what the work returns, and its wall and processor time in seconds."""
    wall, busy = time.perf_counter(), time.process_time()
    result = work()
    return result, np.array([time.perf_counter() - wall, time.process_time() - busy])


def literal_refine(
    predictor: Predictor, image: np.ndarray, first: Decoded, template: OffsetTemplate
) -> list[int]:
    """The refine turn from scratch: picture and text read anew, offsets token by token."""
    speaker = predictor.speaker
    talks = Talks.about(speaker, [speaker.encode(image)])
    scores = talks.feed([[*first.talk.ids, *speaker.refine_ids(QUERY, [], 0)]])[0, -1]
    slots, offsets = set(template.slots.tolist()), []
    for place, forced in enumerate(template.ids.tolist()):
        token = forced
        if place in slots:
            chances = scores[torch.from_numpy(template.choices)].softmax(-1)
            offsets.append(int(best_offsets(chances[None].double().numpy())[0]))
            token = int(template.choices[offsets[-1]])
        scores = talks.feed([[token]])[0, -1]
    return offsets


def print_parts(predictor: Predictor, images: list[np.ndarray]) -> None:
    """Print what encoding, proposing and refining take, one image at a time."""
    speaker, processor = predictor.speaker, predictor.processor
    automaton = AnswerAutomaton(processor.token_classes, limits=LIMITS)
    rows, same, passes, tokens = [], 0, [], []
    for image in images:
        view, encoding = timed(lambda image=image: speaker.encode(image))
        talks = Talks.about(speaker, [view])
        prompts = [processor.prompt_ids(QUERY)]
        (first,), proposing = timed(lambda t=talks, p=prompts: propose(t, p, automaton, [greedy]))
        items = parse_answer(processor.text_of(first.ids), processor.grid).items
        if not items:
            continue
        template = offset_template([i.geometry for i in items], processor.vocabulary)
        asked = [speaker.refine_ids(QUERY, items, 0)]
        talks = Talks(speaker, [first.talk])
        (moves,), refining = timed(lambda t=talks, a=asked, f=template: refine(t, a, [f]))
        literal, scratch = timed(
            lambda i=image, f=first, t=template: literal_refine(predictor, i, f, t)
        )
        rows.append([encoding, proposing, refining, scratch])
        same += literal == moves.offsets.tolist()
        passes.append(moves.passes)
        tokens.append(len(first.ids))
    print(f"{len(rows)} frames with lanes, {np.mean(tokens):.0f} tokens an answer")
    for name, (wall, busy) in zip(
        ("encode", "propose", "refine", "refine from scratch"), np.mean(rows, axis=0), strict=True
    ):
        print(f"{name:20} wall {wall:.3f} s  processor {busy:.3f} s")
    print(f"refine: {np.mean(passes):.1f} passes; token by token the same in {same}/{len(rows)}")


def print_batches(predictor: Predictor, images: list[np.ndarray]) -> None:
    """Print what an image costs alone, in one thread, and in a batch, in one or two."""
    queries = [QUERY] * len(images)

    def one_by_one() -> list[Any]:
        return [predictor.ask(image, QUERY) for image in images]

    def together() -> list[Any]:
        return predictor.ask_batch(images, queries)

    predictor.ask(images[0], QUERY)
    wanted = None
    for name, work, threads in (
        ("alone, 1 thread", one_by_one, 1),
        ("alone, 2 threads", one_by_one, 2),
        ("batch, 1 thread", together, 1),
        ("batch, 2 threads", together, 2),
    ):
        torch.set_num_threads(threads)
        predictor._encoded.clear()
        answers, spent = timed(work)
        texts = [answer.texts for answer in answers]
        wanted = wanted or texts
        wall, busy = spent / len(images)
        same = sum(a == b for a, b in zip(texts, wanted, strict=True))
        print(
            f"{name:18} {wall:.3f} s an image, processor {busy:.3f} s, "
            f"same answers {same}/{len(texts)}"
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=16)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    predictor = Predictor.from_pretrained()
    count = max(args.frames, args.batch)
    images = [render_scene(seed, (1280, 720)).image for seed in TEST_SEEDS[:count]]
    print_parts(predictor, images[: args.frames])
    print_batches(predictor, images[: args.batch])


if __name__ == "__main__":
    main()
