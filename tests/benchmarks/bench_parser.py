"""Speed of the parser, and a long fuzz: nothing a model writes may raise.

Times are CPU seconds, so that a busy machine does not blur them.

Run: python tests/benchmarks/bench_parser.py [number of fuzzed strings, default 1,000,000]
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Iterator

import numpy as np

from drivegrid.geometry import GeometryKind
from drivegrid.tokens.answer import AnswerItem
from drivegrid.tokens.automaton import AnswerAutomaton, TokenClasses
from drivegrid.tokens.grammar import format_answer, format_offsets, parse_answer, parse_offsets
from drivegrid.tokens.grid import GridGeometry, GridSpec
from drivegrid.tokens.vocabulary import ANCHOR_COUNTS, KINDS, Vocabulary

GRID = GridSpec()
SNIPPETS = (
    *"< > </ <box> </box> <bbox> <poly> <ring> </poly> <line> <seg> <point> <grid_ _ > {".split(),
    *"<grid_1_2> <grid_{1,2}> <gird_3_4> <grid_99_1> <OFF_0_1> <OFF_{2,0}> <DELETE>".split(),
    *"<offset> </offset> <think> </think> <answer> </answer> none : ( ) , \\ <\\box>".split(),
    "\n",
    " ",
)


def random_geometry(rng: np.random.Generator, kind: GeometryKind) -> GridGeometry:
    low, high = ANCHOR_COUNTS[kind]
    count = int(rng.integers(low, (high or low + 9) + 1))
    cells = rng.integers(0, 32, (count, 2))
    cells = np.sort(cells, axis=0) if kind == "box" else cells
    return GridGeometry(kind, (cells,), ((rng.integers(0, 10, count),),))


def random_items(rng: np.random.Generator) -> list[AnswerItem]:
    kinds = [KINDS[k] for k in rng.integers(0, len(KINDS), rng.integers(1, 4))]
    attributes = {"color": "red", "state": "parked"}
    return [
        AnswerItem("obstacle/car", attributes if rng.random() < 0.5 else {}, geometry)
        for geometry in (random_geometry(rng, kind) for kind in kinds)
    ]


def mutated(rng: random.Random, text: str) -> str:
    """Return text after a few cuts, insertions, repetitions and swaps."""
    for _ in range(rng.randint(1, 4)):
        a = rng.randint(0, len(text))
        b = min(len(text), a + rng.randint(0, 20))
        match rng.randrange(5):
            case 0:
                text = text[:a] + text[b:]
            case 1:
                text = text[:a] + rng.choice(SNIPPETS) + text[a:]
            case 2:
                text = text[:b] + text[a:]
            case 3:
                text = text[:a] + chr(rng.randrange(0x2FF)) + text[b:]
            case _ if rng.random() < 0.3:
                text = text[:a]
    return text


def fuzzed(count: int) -> Iterator[str]:
    """Yield mutations of valid texts; every fifth is random bytes."""
    shapes, rng = np.random.default_rng(0), random.Random(0)
    items = [random_items(shapes) for _ in range(500)]
    valid = [format_answer(i) for i in items]
    valid += [format_answer(i, think="see <box> there") for i in items[:100]]
    valid += [format_offsets([item.geometry for item in i]) for i in items[:200]]
    for number in range(count):
        if number % 5 == 4:
            yield rng.randbytes(rng.randrange(80)).decode("utf-8", "replace")
        else:
            yield mutated(rng, rng.choice(valid))


def fuzz(count: int) -> None:
    rng = np.random.default_rng(2)
    proposal = [random_geometry(rng, "line"), random_geometry(rng, "poly")]
    codes: Counter[str] = Counter()
    start, kept = time.process_time(), 0
    for text in fuzzed(count):
        parsed = parse_answer(text, GRID)
        refined = parse_offsets(text, proposal)
        codes.update(note.code for note in (*parsed.diagnostics, *refined.diagnostics))
        kept += len(parsed.items)
    seconds = time.process_time() - start
    print(f"fuzz: {count:,} strings, no exception, {kept:,} shapes read, {seconds:.0f} s")
    print("  " + ", ".join(f"{code} {number:,}" for code, number in codes.most_common()))


def best_of(texts: list[str], repeats: int = 7) -> float:
    times = []
    for _ in range(repeats):
        start = time.process_time()
        for text in texts:
            parse_answer(text, GRID)
        times.append(time.process_time() - start)
    return sum(map(len, texts)) / min(times) / 1e6


def speed() -> None:
    rng = np.random.default_rng(1)
    valid = [format_answer(random_items(rng)) for _ in range(2000)]
    broken = [mutated(random.Random(i), text) for i, text in enumerate(valid)]
    print(f"parse_answer: {best_of(valid):.1f} MB/s valid, {best_of(broken):.1f} MB/s mutated")
    hostile = ("<grid_1_2>" * 100_000, "<box>" * 200_000, "<" * 1_000_000, "(" * 1_000_000)
    for text in (*hostile, "a" * 1_000_000, "<poly>" + "<grid_1_2>" * 100_000, "\\" * 1_000_000):
        start = time.process_time()
        parse_answer(text + "<point>", GRID)
        print(f"  1 MB of {text[:10]!r}: {time.process_time() - start:.2f} s")


def masks() -> None:
    vocabulary = Vocabulary(GRID, base_id=151_665)
    texts = [":", *("word" for _ in range(vocabulary.base_id - 1)), *vocabulary.tokens]
    automaton = AnswerAutomaton(TokenClasses.from_texts(texts, vocabulary, newline=7, end=8))
    ids = vocabulary.encode("<line>" + "<grid_3_4>" * 20 + "</line>").tolist()
    start, rounds = time.process_time(), 200
    for _ in range(rounds):
        state = automaton.start_state()
        for token_id in ids:
            automaton.allowed(state)
            state = automaton.step(state, token_id)
    each = (time.process_time() - start) / rounds / len(ids)
    print(f"automaton, {len(texts):,} ids: {each * 1e6:.1f} us for a mask and a step")


if __name__ == "__main__":
    speed()
    masks()
    fuzz(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
