"""A second, plain reading of logical forms: JSON and a scene in, indices out.

Written from the words of the form alone: two-valued, without margins or doubt, and without any code
of the package that writes or judges expressions.
"""

import numpy as np


def read(form, scene):
    """Return the indices that a form means."""
    everything = range(len(scene.instances))
    found = [i for i in everything if all(passes(test, i, scene) for test in form["where"])]
    if form["order"] is not None:
        found = places(form["order"], found, scene)
    if form["number"] == "one":
        assert len(found) <= 1, form
    if form["number"] == "exactly":
        assert len(found) in (0, form["count"]), form
    if form["number"] == "at least" and len(found) < form["count"]:
        return []
    return sorted(found)


def places(order, found, scene):
    ordered = sorted(found, key=lambda i: measure(order["by"], scene.instances[i], scene))
    wanted = ordered[order["place"] : order["place"] + order["count"]]
    return wanted if len(wanted) == order["count"] else []


def measure(by, thing, scene):
    """Return a number that is smallest for the first in an order."""
    if by == "nearest":
        return thing.extra["ego"]["distance_m"]
    if by == "farthest":
        return -thing.extra["ego"]["distance_m"]
    if by == "largest":
        x0, y0, x1, y1 = thing.extra["visible_box"]
        return -(x1 - x0) * (y1 - y0)
    if by == "highest":
        return middle(thing, scene)[1]
    return middle(thing, scene)[0] if by == "left" else -middle(thing, scene)[0]


def middle(thing, scene):
    """Return x, y of a shape's middle; of a line, where its lower end runs into the bottom edge."""
    shape = thing.geometry
    if shape.kind == "box":
        x0, y0, x1, y1 = shape.xyxy
        return (x0 + x1) / 2, (y0 + y1) / 2
    if shape.kind == "line":
        (x0, y0), (x1, y1) = sorted(shape.xy.tolist(), key=lambda p: -p[1])[:2]
        bottom = scene.frame.size_wh[1]
        return x0 + (x1 - x0) / (y1 - y0) * (bottom - y0), bottom
    return tuple(np.mean(shape.vertices(), axis=0))


def passes(test, index, scene):
    thing = scene.instances[index]
    match test["test"]:
        case "not":
            return not passes(test["of"], index, scene)
        case "either":
            return any(passes(one, index, scene) for one in test["of"])
        case "except":
            return index not in read(test["other"], scene)
        case "before" | "shares":
            return compares(test, index, scene)
        case "between":
            x, ends = middle(thing, scene)[0], []
            for end in ("first", "second"):
                (other,) = read(test[end], scene)
                ends.append(middle(scene.instances[other], scene)[0])
            return min(ends) < x < max(ends)
    return passes_alone(test, thing)


def compares(test, index, scene):
    (other,) = read(test["other"], scene)
    if other == index:
        return False
    mine, theirs = scene.instances[index], scene.instances[other]
    if test["test"] == "before":
        return measure(test["by"], mine, scene) < measure(test["by"], theirs, scene)
    if test["what"] == "lane":
        return mine.extra["ego"]["lane"] == theirs.extra["ego"]["lane"]
    return mine.attributes["color"] == theirs.attributes["color"]


def passes_alone(test, thing):
    ego, names = thing.extra.get("ego"), thing.label.split("/")
    match test["test"]:
        case "is_a":
            asked = test["label"].split("/")
            return names[: len(asked)] == asked
        case "has":
            return thing.attributes.get(test["name"]) == test["value"]
        case "within":
            return ego["distance_m"] < test["metres"]
        case "blocks":
            return names[0] in ("obstacle", "object") and ego["lane"] == 0
    assert test["test"] == "lies", test
    match test["place"]:
        case "in our lane":
            return ego["lane"] == 0
        case "in the lane to our left":
            return ego["lane"] == -1
        case "in the lane to our right":
            return ego["lane"] == 1
        case "beside the road":
            return ego["lane"] is None
        case "to the left of our lane":
            return ego["side"] == "left"
        case "to the right of our lane":
            return ego["side"] == "right"
        case "bounding our lane":
            return thing.attributes.get("role") in ("ego-left", "ego-right")
        case "bounding our lane on the left":
            return thing.attributes.get("role") == "ego-left"
        case "bounding our lane on the right":
            return thing.attributes.get("role") == "ego-right"
    raise AssertionError(test)
