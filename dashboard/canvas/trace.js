// How tokens led to shapes, step by step: proposal, a round of offsets after another, result.

const CROSS = "M-5-5L5 5M5-5L-5 5";
const RING = "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z";
const ARROW_HEAD = "M-7-4L0 0-7 4z";

/** @param {CanvasShape[]} shapes number of the last step: the result after all rounds */
const lastStep = (shapes) => Math.max(0, ...shapes.map((shape) => shape.trace.rounds.length)) + 1;

/** @param {number} step @param {number} last what the slider says */
function stepName(step, last) {
  if (step === 0) return "Proposed cells";
  return step === last ? "Result, deletes" : `Offsets, round ${step}`;
}

/** @param {TokenTrace} trace @param {number} rounds @returns {XY[]} the anchors after some rounds */
const anchorsAfter = (trace, rounds) =>
  trace.proposed.map((point, index) =>
    trace.rounds
      .slice(0, rounds)
      .reduce(([x, y], vectors) => [x + vectors[index][0], y + vectors[index][1]], point),
  );

/**
 * @param {CanvasShape} shape with a trace @param {number} step @param {number} last
 * @param {XY} size of the frame @param {XY|null} lattice
 */
function drawTrace(shape, step, last, size, lattice) {
  const { trace } = shape;
  const parts = trace.proposed.map((point) => drawCell(point, size, lattice));
  for (let round = 1; round <= Math.min(step, trace.rounds.length); round++) {
    const [from, to] = [anchorsAfter(trace, round - 1), anchorsAfter(trace, round)];
    const latest = round === step || step === last;
    from.forEach((point, index) => {
      const gone = trace.deleted[index] && step === last;
      if (!gone) parts.push(drawArrow(point, to[index], latest ? "arrow" : "arrow past"));
    });
  }
  parts.push(...trace.proposed.map((point) => mark(point, RING, "proposed")));
  if (step === last) parts.push(...drawResult(shape));
  return svg("g", { class: "trace" }, parts);
}

/** @param {CanvasShape} shape the shape itself, and crosses where anchors were deleted */
function drawResult(shape) {
  const d = outlines(shape).map((points) => pathOf(points, isClosed(shape))).join("");
  const ends = anchorsAfter(shape.trace, shape.trace.rounds.length);
  const kept = ends.filter((_, index) => !shape.trace.deleted[index]);
  const gone = shape.trace.proposed.filter((_, index) => shape.trace.deleted[index]);
  const drawn = shape.kind === "seg" ? [] : [svg("path", { d, class: "result" })];
  return [
    ...drawn,
    ...kept.map((point) => mark(point, MARKERS.square, "kept")),
    ...gone.flatMap((point) => [mark(point, CROSS, "cross casing"), mark(point, CROSS, "cross")]),
  ];
}

/** @param {XY} point the lattice cell around it */
function drawCell(point, size, lattice) {
  const [width, height] = lattice ? size.map((side, axis) => side / lattice[axis]) : [0, 0];
  return svg("rect", { x: point[0] - width / 2, y: point[1] - height / 2, width, height, class: "cell" });
}

/** @param {XY} a @param {XY} b an arrow; one that stays where it is has no head */
function drawArrow(a, b, cls) {
  const shaft = svg("path", { d: pathOf([a, b], false), class: "shaft" });
  const degrees = (Math.atan2(b[1] - a[1], b[0] - a[0]) * 180) / Math.PI;
  const head = svg("g", { transform: `translate(${b[0]} ${b[1]}) rotate(${degrees})` }, [
    svg("path", { d: ARROW_HEAD, class: "mark head" }),
  ]);
  return svg("g", { class: cls }, distance(a, b) < 0.01 ? [] : [shaft, head]);
}
