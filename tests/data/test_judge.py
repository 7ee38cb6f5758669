"""Queries on scenes, each test of the form by hand, and where doubt begins; their JSON."""

import pytest

from drivegrid.data.judge import Judge
from drivegrid.data.queries import (
    Before,
    Between,
    Blocks,
    Either,
    Except,
    Has,
    IsA,
    Lies,
    Not,
    Order,
    Query,
    Shares,
    Within,
    query_from_json,
)
from drivegrid.errors import FormatError
from tests.data.toy_world import line, scene, sign, thing

CAR, TRUCK, VAN, CONE = (
    "object/vehicle/car",
    "object/vehicle/truck",
    "object/vehicle/van",
    "obstacle/cone",
)
CARS, CONES, STOP = IsA(CAR), IsA(CONE), IsA("sign/regulatory/stop")
TRUCK_ = Query((IsA(TRUCK),), None, "one")
LINE, OURS = IsA("lane/line"), Query((IsA("lane/line"), Lies("bounding our lane on the left")))
FAR_TRUCK = thing(TRUCK, distance_m=40)
LANES = [line(20, 0, "left"), line(110, 1, "ego-left"), line(200, 2, "ego-right")]


def cars(*distances, **more):
    return [thing(CAR, x=10 + 60 * k, distance_m=d, **more) for k, d in enumerate(distances)]


@pytest.mark.parametrize(
    ("query", "things", "targets"),
    [
        (Query((CARS,)), [], ()),
        (Query((CARS,)), cars(20, 30), (0, 1)),
        (Query((CARS,), None, "one"), cars(20, 30), None),
        (Query((CARS,), None, "exactly", 2), cars(20, 30), (0, 1)),
        (Query((CARS,), None, "exactly", 3), cars(20, 30), None),
        (Query((CARS,), None, "exactly", 3), [], ()),
        (Query((CARS,), None, "at least", 2), cars(20, 30), (0, 1)),
        (Query((CARS,), None, "at least", 3), cars(20, 30), ()),
        (Query((CARS,), None, "at least", 3), [*cars(20, 30), thing(VAN)], None),
        (Query((CARS,), Order("nearest", 0, 2), "exactly", 2), cars(50, 20, 35), (1, 2)),
        (Query((CARS,), Order("nearest", 0, 2), "exactly", 2), cars(20, 30, 31), None),
        (Query((CARS,), Order("nearest", 0, 2), "exactly", 2), cars(20), None),
        (Query((CARS,), Order("nearest", 1), "one"), cars(20, 21, 40), None),
        (Query((CARS,), Order("nearest", 2), "one"), cars(20, 21, 40), (2,)),
        (Query((CARS,), Order("nearest", 3), "one"), cars(20, 21, 40), ()),
        (Query((CARS, Within(30))), cars(20, 40), (0,)),
        (Query((CARS, Within(30))), cars(20, 29), None),
        (Query((CARS, Not(Within(30)))), cars(20, 40), (1,)),
        (Query((CARS, Not(Lies("in our lane")))), [*cars(20), thing(CAR, lane=1)], (1,)),
        (Query((CONES, Not(Has("color", "red")))), [thing(CONE, color="blue"), thing(CONE)], None),
        (Query((CONES, Not(Has("color", "red")))), [thing(CONE, color="blue")], (0,)),
        (Query((CONES, Not(Has("color", "red")))), [thing(CONE, color="orange")], None),
        (Query((Either((CARS, CONES)),)), [*cars(20), thing(CONE), sign("sign")], (0, 1)),
        (Query((Either((CARS, IsA(VAN))),)), [*cars(20), thing(VAN)], (0, 1)),
        (Query((CARS, Except(Query((CARS,), Order("nearest"))))), cars(20, 40), (1,)),
        (Query((CARS, Except(Query((CONES,))))), cars(20), None),
        (Query((CARS, Before("nearest", TRUCK_))), [*cars(20, 60), FAR_TRUCK], (0,)),
        (Query((CARS, Before("nearest", TRUCK_))), [*cars(20, 41), FAR_TRUCK], None),
        (Query((CARS, Before("nearest", TRUCK_))), cars(20), None),
        (Query((CARS, Before("nearest", TRUCK_))), [thing(TRUCK)], ()),
        (Query((IsA("object/vehicle"), Before("left", TRUCK_))),
         [thing(TRUCK, x=90), *cars(20)], (1,)),
        (Query((CARS, Before("left", TRUCK_))), [thing(TRUCK, x=35), *cars(20)], None),
        (Query((LINE, Before("left", OURS))), LANES, (0,)),
        (Query((CARS, Before("left", OURS))), [*LANES, *cars(20)], None),
        (Query((CARS, Between(TRUCK_, Query((CONES,))))),
         [*cars(9, 9, 9), thing(TRUCK, x=150), thing(CONE, x=40)], None),
        (Query((CARS, Between(TRUCK_, Query((CONES,))))),
         [*cars(9, 9, 9), thing(TRUCK, x=220), thing(CONE, x=40)], (1, 2)),
        (Query((CONES, Shares("color", Query((STOP,))))),
         [thing(CONE, color="red"), thing(CONE, color="blue"),
          sign("sign/regulatory/stop", color="red")], (0,)),
        (Query((CARS, Shares("lane", TRUCK_))),
         [thing(CAR, lane=1), thing(CAR, lane=0), thing(TRUCK, lane=1)], (0,)),
        (Query((CARS, Shares("lane", TRUCK_))), [*cars(9), thing(TRUCK, lane=None)], None),
        (Query((Blocks(),)), [thing(CONE), thing(CAR, lane=1)], (0,)),
        (Query((Blocks(),)), cars(20), None),
        (Query((STOP,), Order("highest"), "one"), [sign("sign/regulatory/stop")], (0,)),
        (Query((CARS,), Order("largest"), "one"), cars(20, 40), None),
    ],
)  # fmt: skip
def test_what_a_query_means(query, things, targets) -> None:
    assert Judge(scene(*things)).targets(query) == targets
    assert query_from_json(query.to_json()) == query


def deep(depth):
    form = {"where": [], "order": None, "number": "all", "count": 0}
    for _ in range(depth):
        form = {**form, "where": [{"test": "except", "other": form}]}
    return form


GOOD = Query((CARS,), Order("nearest"), "one").to_json()


@pytest.mark.parametrize(
    ("form", "named"),
    [
        (None, "form must be an object"),
        ({}, "where must be there"),
        ({**GOOD, "where": 3}, "must be a list"),
        ({**GOOD, "where": [3]}, "must be an object"),
        ({**GOOD, "where": [{"test": "is"}]}, "tests that are known"),
        ({**GOOD, "where": [{"test": "not", "of": {"test": "blocks"}}]}, "tests that are known"),
        ({**GOOD, "where": [{"test": "lies", "place": "on the moon"}]}, "must name one of"),
        ({**GOOD, "where": [{"test": "between", "first": GOOD}]}, "must be an object"),
        ({**GOOD, "number": "few"}, "number must be one of"),
        ({**GOOD, "count": "2"}, "whole number"),
        ({**GOOD, "order": {"by": "age", "place": 0, "count": 1}}, "must name one of"),
        ({**GOOD, "order": {"by": "left", "place": -1, "count": 1}}, "place >= 0"),
        (deep(50), "deep"),
    ],
)
def test_other_json_is_refused(form, named) -> None:
    with pytest.raises(FormatError, match=named):
        query_from_json(form)
