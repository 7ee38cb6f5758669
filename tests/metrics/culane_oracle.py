"""A slow, literal CULane evaluator: full canvases, plain loops, every pair drawn afresh."""

import itertools
import math

import cv2
import numpy as np


def interpolate(lane, times=50):
    """Natural cubic spline over chord length of single-precision points."""
    x = [float(np.float32(p[0])) for p in lane]
    y = [float(np.float32(p[1])) for p in lane]
    n = len(lane)
    h = [math.hypot(x[i + 1] - x[i], y[i + 1] - y[i]) for i in range(n - 1)]
    system = np.zeros((n, n))
    system[0, 0] = system[-1, -1] = 1.0
    right = np.zeros((n, 2))
    for i in range(1, n - 1):
        system[i, i - 1 : i + 2] = h[i - 1], 2 * (h[i - 1] + h[i]), h[i]
        right[i, 0] = 6 * ((x[i + 1] - x[i]) / h[i] - (x[i] - x[i - 1]) / h[i - 1])
        right[i, 1] = 6 * ((y[i + 1] - y[i]) / h[i] - (y[i] - y[i - 1]) / h[i - 1])
    bend = np.linalg.solve(system, right)
    out = []
    for i in range(n - 1):
        for k in range(times):
            t = h[i] / times * k
            point = []
            for values, axis in ((x, 0), (y, 1)):
                m0, m1 = bend[i, axis], bend[i + 1, axis]
                slope = (values[i + 1] - values[i]) / h[i] - h[i] * (2 * m0 + m1) / 6
                value = values[i] + slope * t + m0 / 2 * t**2 + (m1 - m0) / (6 * h[i]) * t**3
                point.append(float(np.float32(value)))
            out.append(point)
    out.append([x[-1], y[-1]])
    return out


def draw(lane, size_wh, width):
    canvas = np.zeros((size_wh[1], size_wh[0]), np.uint8)
    joined = lane if len(lane) == 2 else interpolate(lane)
    pixels = [(round(float(np.float32(x))), round(float(np.float32(y)))) for x, y in joined]
    for start, end in itertools.pairwise(pixels):
        cv2.line(canvas, start, end, 1, width)
    return canvas


def similarity(first, second, size_wh, width):
    if len(first) < 2 or len(second) < 2:
        return 0.0
    one, two = draw(first, size_wh, width), draw(second, size_wh, width)
    inter = float((one * two).sum())
    union = float(one.sum()) + float(two.sum()) - inter
    return inter / union if union else 0.0


def best_matching(table):
    """Every one-to-one matching in turn; the pairs of the one with the largest sum."""
    rows, cols = len(table), len(table[0]) if table else 0
    if rows == 0 or cols == 0:
        return []
    if rows > cols:
        flipped = [[table[i][j] for i in range(rows)] for j in range(cols)]
        return [(i, j) for j, i in best_matching(flipped)]
    best = max(
        itertools.permutations(range(cols), rows),
        key=lambda order: sum(table[i][j] for i, j in enumerate(order)),
    )
    return list(enumerate(best))


def evaluate(pred, gt, thresholds, size_wh=(1640, 590), width=30):
    """(tp, fp, fn) by threshold of one frame whose lanes are lists of (x, y)."""
    table = [[similarity(a, b, size_wh, width) for b in gt] for a in pred]
    pairs = best_matching(table)
    out = {}
    for threshold in thresholds:
        tp = sum(table[i][j] > threshold for i, j in pairs)
        out[threshold] = (tp, len(pred) - tp, len(gt) - tp)
    return out
