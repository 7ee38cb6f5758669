"""Times of the review store on SQLite: python bench_store.py [FRAMES], eight shapes a frame.

The million of the goal is ``bench_store.py 1000000``; it takes some minutes to fill and 5 GB.
Weather comes in stretches, as clips have it, and one label in a thousand frames is rare.
"""

import json
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from drivegrid.dashboard.database import Database
from drivegrid.dashboard.store.browse import count, frame, neighbours, page, shapes
from drivegrid.dashboard.store.conditions import Selection
from drivegrid.dashboard.store.facets import facets
from drivegrid.dashboard.store.query import Cell, OfEvaluation, Query

WEATHERS = ("clear", "cloudy", "rain", "fog")
LABELS = ("object/vehicle/car", "lane/line", "sign", "light", "obstacle/cone", "area/drivable")
RARE = "obstacle/animal"
STATUSES = ("new",) * 17 + ("accepted", "corrected", "rejected")
SHAPES, CLIP, STRETCH, ROUNDS = 8, 100, 2_000, 11
RUN = OfEvaluation(id=1)
BOX = json.dumps({"kind": "box", "points": [[100.5, 200.25], [300.125, 400.0]]})


def frame_rows(num: int) -> Iterator[tuple[object, ...]]:
    rng = random.Random(0)
    for i in range(1, num + 1):
        status = rng.choice(STATUSES)
        clip = f"clip{i // CLIP:06d}"
        seen = None if status == "new" else 1_700_000_000_000 + rng.randrange(10**9)
        image = f"{clip}/frame{i:08d}.jpg"
        yield i, 1, image, 1920, 1080, clip, i - 1, None, "{}", "{}", status, 0, seen


def fact_rows(num: int) -> Iterator[tuple[object, ...]]:
    rng = random.Random(1)
    for i in range(1, num + 1):
        # the last stretch alone has fog: what is rare and far away costs most
        weather = "fog" if i > num - STRETCH else WEATHERS[i // STRETCH % 3]
        yield 1, "weather", weather, i
        yield 1, "split", "val" if i // CLIP % 10 == 0 else "train", i
        yield 1, "density", rng.choice(("1-4", "5-9", "10-19")), i
        for label in rng.sample(LABELS, 3):
            yield 1, "label", label, i
        if i % 1000 == 7:
            yield 1, "label", RARE, i


def shape_rows(num: int) -> Iterator[tuple[object, ...]]:
    for i in range(1, num + 1):
        for number in range(SHAPES):
            yield i, 1, number, LABELS[number % 6], "box", BOX, "{}", "label", "{}"


def match_rows(num: int) -> Iterator[tuple[object, ...]]:
    rng = random.Random(2)
    for i in range(1, num + 1):
        for number in range(SHAPES):
            true = LABELS[number % 6]
            pred = true if rng.random() < 0.97 else rng.choice((*LABELS, None))
            yield 1, i, number, number, pred, true, rng.random(), pred == true


def score_rows(num: int) -> Iterator[tuple[object, ...]]:
    rng = random.Random(3)
    for i in range(1, num + 1):
        misses, false_alarms = int(rng.random() < 0.2), int(rng.random() < 0.2)
        yield 1, i, rng.random(), SHAPES, false_alarms, misses


def fill(path: Path, num: int) -> None:
    store = sqlite3.connect(path, isolation_level=None)
    store.execute("PRAGMA synchronous = OFF")
    store.execute("BEGIN")
    store.execute("INSERT INTO datasets VALUES (1, 'bench', '/nowhere', 0, 0)")
    for key, kind in ((1, "label"), (2, "model")):
        store.execute("INSERT INTO sources VALUES (?, 1, ?, ?, '{}', 0)", (key, kind, kind))
    store.execute("INSERT INTO evaluations VALUES (1, 1, 2, 1, 'boxes', '{}', '{}', 0, 0, NULL)")
    tables = {
        "frames (id, dataset_id, image, width, height, clip, number, split, attributes, extra, "
        "status, version, reviewed_at)": frame_rows,
        "facts (dataset_id, name, value, frame_id)": fact_rows,
        "shapes (frame_id, source_id, number, label, kind, geometry, attributes, provenance, "
        "extra)": shape_rows,
        "matches (evaluation_id, frame_id, pred_number, true_number, pred_label, true_label, "
        "overlap, hit)": match_rows,
        "scores (evaluation_id, frame_id, score, hits, false_alarms, misses)": score_rows,
    }
    for table, rows in tables.items():
        marks = ", ".join("?" * (table.count(",") + 1))
        store.executemany(f"INSERT INTO {table} VALUES ({marks})", rows(num))
    store.execute(
        "INSERT INTO fact_counts SELECT dataset_id, name, value, count(*) FROM facts "
        "GROUP BY dataset_id, name, value"
    )
    store.execute("COMMIT")
    store.close()


QUERIES = {
    "all": Query(),
    "status": Query(status=("accepted", "rejected")),
    "status, last reviewed first": Query(
        status=("accepted",), order="reviewed_at", descending=True
    ),
    "order by status": Query(order="status"),
    "weather": Query(facts={"weather": ("rain",)}),
    "weather, two values": Query(facts={"weather": ("rain", "fog")}),
    "weather far away": Query(facts={"weather": ("fog",)}),
    "weather, label, split, status": Query(
        facts={"weather": ("rain",), "label": ("sign",)}, split="val", status=("new",)
    ),
    "rare label": Query(facts={"label": (RARE,)}),
    "clip": Query(clip="clip000007"),
    "worst score": Query(evaluation=RUN, order="score"),
    "worst score, weather": Query(
        evaluation=RUN, order="score", facts={"weather": ("rain",)}, status=("new",)
    ),
    "worst score, weather far away": Query(
        evaluation=RUN, order="score", facts={"weather": ("fog",)}
    ),
    "misses": Query(evaluation=OfEvaluation(id=1, misses=True, score_to=0.5)),
    "confusion cell": Query(
        evaluation=OfEvaluation(id=1, cell=Cell(pred_label="sign", true_label="light"))
    ),
    "text: label": Query(text="cone"),
    "text: one name at the end": Query(text="frame{last:08d}"),
    "text: nothing": Query(text="nowhere to be found"),
}


def timed(work: Callable[[], object]) -> tuple[float, object]:
    """Return the median time in milliseconds and what came out."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        found = work()
        times.append(time.perf_counter() - start)
        if sum(times) > 3:
            break
    return statistics.median(times) * 1000, found


def scans(database: Database, query: Query) -> str:
    """Return the tables that the first page walks through without an index or sorts."""
    with database.read() as connection:
        selection = Selection(connection, query, 1)
        found = set()
        for branch in selection.branches:
            keys = selection.keys(branch)
            rows = selection.select(branch, keys).order_by(*keys).limit(50)
            text = rows.compile(database.engine, compile_kwargs={"literal_binds": True})
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}".replace("%%", "%"))
            found |= {row[3] for row in plan if row[3].startswith(("SCAN", "USE TEMP"))}
    return ", ".join(sorted(found)) or "index only"


def main() -> None:
    num = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.db"
        database = Database(f"sqlite:///{path}")
        database.migrate()
        start = time.perf_counter()
        fill(path, num)
        took = time.perf_counter() - start
        size = path.stat().st_size / 2**20
        print(f"{num:,} frames, {SHAPES * num:,} shapes: {took:.0f} s, {size:,.0f} MiB")
        report(database, num)


def report(database: Database, num: int) -> None:
    print(f"{'ms':36}{'first':>9}{'next':>9}{'count':>9}{'facets':>9}  frames")
    for name, query in QUERIES.items():
        if "{" in query.text:
            query = Query(text=query.text.format(last=num - 3))
        first, found = timed(lambda q=query: page(database, q, 1))
        after = found.after
        behind = timed(lambda q=query, a=after: page(database, q, 1, a))[0] if after else 0.0
        counting, total = timed(lambda q=query: count(database, q, 1))
        rail, _ = timed(lambda q=query: facets(database, q, 1))
        print(
            f"{name:36}{first:9.1f}{behind:9.1f}{counting:9.1f}{rail:9.1f}  {total!s:>8}  "
            f"{scans(database, query)}"
        )
    # places of one order fit all its queries
    middle = page(database, Query(clip=f"clip{num // 2 // CLIP:06d}"), 1, limit=1).after
    print(f"page in the middle      {timed(lambda: page(database, Query(), 1, middle))[0]:9.1f}")
    print(f"a frame                 {timed(lambda: frame(database, num // 2))[0]:9.1f}")
    print(f"shapes of a frame       {timed(lambda: shapes(database, num // 2))[0]:9.1f}")
    print(f"neighbours of a frame   {timed(lambda: neighbours(database, num // 2))[0]:9.1f}")


if __name__ == "__main__":
    main()
