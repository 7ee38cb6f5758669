"""Networks trained on real roads, run by onnxruntime."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime

from realism.frames import UInt8Array, peer_root

Mask = npt.NDArray[np.bool_]

PEERS = ("TwinLiteNet", "TwinLiteNet+ small", "adas-0001")
_ADAS_ROAD, _ADAS_MARK = 1, 3
_LSTR_WH = (640, 360)
_LSTR_MEAN = (0.40789654, 0.44719302, 0.47026115)
_LSTR_STD = (0.28863828, 0.27408164, 0.27809835)
_YOLOX_SIDE, _YOLOX_SCORE = 416, 0.35
_YOLOX_VEHICLES = (2, 5, 7)


def _session(path: str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        str(peer_root() / path), options, providers=["CPUExecutionProvider"]
    )


def _resized(mask: Mask, size_wh: tuple[int, int]) -> Mask:
    return cv2.resize(mask.astype(np.uint8), size_wh, interpolation=cv2.INTER_NEAREST) > 0


def road_peer(name: str) -> Callable[[UInt8Array], tuple[Mask, Mask]]:
    """Return a function from (H, W, 3) RGB to (H, W) masks: road or drivable area, lane marks.

    Args:
        name: One of ``PEERS``.
    """
    if name == "adas-0001":
        return _adas()
    plus = name != "TwinLiteNet"
    session = _session("twinlitenetplus/small.onnx" if plus else "twinlitenet/best.onnx")
    border = 12 if plus else 0

    def run(image: UInt8Array) -> tuple[Mask, Mask]:
        small = cv2.resize(image, (640, 360), interpolation=cv2.INTER_LINEAR)
        small = cv2.copyMakeBorder(
            small, border, border, 0, 0, cv2.BORDER_CONSTANT, value=(114, 114, 114)
        )
        x = small.transpose(2, 0, 1)[None].astype(np.float32) / 255
        area, lines = session.run(["da", "ll"], {"images": x})
        size_wh = (image.shape[1], image.shape[0])
        masks = [out[0].argmax(0)[border : border + 360] > 0 for out in (area, lines)]
        return _resized(masks[0], size_wh), _resized(masks[1], size_wh)

    return run


def _adas() -> Callable[[UInt8Array], tuple[Mask, Mask]]:
    session = _session("road_segmentation_adas_0001/model_float32.onnx")

    def run(image: UInt8Array) -> tuple[Mask, Mask]:
        x = cv2.resize(image[..., ::-1], (896, 512)).astype(np.float32)[None]
        found = session.run(None, {"data": x})[0][0].argmax(-1)
        size_wh = (image.shape[1], image.shape[0])
        mark = found == _ADAS_MARK
        return _resized((found == _ADAS_ROAD) | mark, size_wh), _resized(mark, size_wh)

    return run


def lane_peer() -> Callable[[UInt8Array], list[npt.NDArray[np.float64]]]:
    """Return LSTR (TuSimple weights): from (H, W, 3) RGB to lanes, each (N, 2) pixels."""
    session = _session("lstr/export/LSTR_tusimple.onnx")

    def run(image: UInt8Array) -> list[npt.NDArray[np.float64]]:
        height, width = image.shape[:2]
        small = cv2.resize(image[..., ::-1], _LSTR_WH).astype(np.float32) / 255
        x = ((small - _LSTR_MEAN) / _LSTR_STD).transpose(2, 0, 1)[None].astype(np.float32)
        logits, curves = session.run(["logits", "curves"], {"image": x})
        lanes = []
        for curve in curves[0][logits[0].argmax(-1) == 1]:
            y = np.linspace(min(curve[:2]), max(curve[:2]), 60)
            k, f, m, n, b, b2 = curve[2:]
            x_at = k / (y - f) ** 2 + m / (y - f) + n + b * y - b2
            inside = (x_at >= 0) & (x_at <= 1)
            if inside.sum() >= 2:
                lanes.append(np.stack([x_at * width, y * height], axis=1)[inside])
        return lanes

    return run


def vehicle_peer() -> Callable[[UInt8Array], npt.NDArray[np.float64]]:
    """Return YOLOX-Nano: from (H, W, 3) RGB to (N, 4) boxes of cars, buses and lorries, pixels."""
    session = _session("yolox_nano/yolox_nano.onnx")
    steps = [8, 16, 32]
    grids = [
        np.stack(np.meshgrid(*[np.arange(_YOLOX_SIDE // s)] * 2), -1).reshape(-1, 2) for s in steps
    ]
    cell = np.concatenate(grids)
    stride = np.concatenate([np.full(len(g), s) for g, s in zip(grids, steps, strict=True)])

    def run(image: UInt8Array) -> npt.NDArray[np.float64]:
        scale = _YOLOX_SIDE / max(image.shape[:2])
        side = [round(n * scale) for n in image.shape[:2]]
        x = np.full((_YOLOX_SIDE, _YOLOX_SIDE, 3), 114, np.float32)
        x[: side[0], : side[1]] = cv2.resize(image[..., ::-1], side[::-1])
        out = session.run(None, {"images": x.transpose(2, 0, 1)[None]})[0][0].astype(np.float64)
        center = (out[:, :2] + cell) * stride[:, None]
        size = np.exp(out[:, 2:4]) * stride[:, None]
        score = out[:, 4] * out[:, 5:][:, _YOLOX_VEHICLES].max(axis=1)
        boxes = np.concatenate([center - size / 2, size], axis=1)
        kept = np.array(
            cv2.dnn.NMSBoxes(boxes.tolist(), score.tolist(), _YOLOX_SCORE, 0.45), dtype=int
        )
        boxes = boxes[kept.ravel()] / scale
        boxes[:, 2:] += boxes[:, :2]
        return boxes

    return run
