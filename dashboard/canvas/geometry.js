// Shapes in image pixels. Nothing here knows of the screen or of zoom.

/** @typedef {[number, number]} XY */
/** @typedef {{proposed: XY[], rounds: XY[][], deleted: boolean[]}} TokenTrace */
/**
 * @typedef {object} CanvasShape
 * @property {string} id
 * @property {"point"|"box"|"line"|"poly"|"seg"} kind
 * @property {XY[][]} parts vertex lists: one for most kinds, one for each ring of a polygon
 * @property {string} label
 * @property {Object<string, string>} attributes
 * @property {number|null} confidence
 * @property {TokenTrace|null} trace
 */
/** @typedef {{part: number, index: number}} Place where a vertex stands in a shape */

const LEAST_POINTS = { point: 1, box: 2, line: 2, poly: 3, seg: 1 };

/** @param {number} value */
const rounded = (value) => Math.round(value * 100) / 100;

/** @param {XY} a @param {XY} b */
const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);

/** @param {XY} a @param {XY} b @returns {XY} */
const middle = (a, b) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];

/** @param {XY} point @param {XY} size @returns {XY} the nearest place inside the frame, rounded */
const insideFrame = ([x, y], [width, height]) => [
  rounded(Math.min(Math.max(x, 0), width)),
  rounded(Math.min(Math.max(y, 0), height)),
];

/** @returns {XY} the centre of the lattice cell that holds the point */
function cellCenter([x, y], [width, height], [cols, rows]) {
  const col = Math.min(Math.max(Math.floor((x * cols) / width), 0), cols - 1);
  const row = Math.min(Math.max(Math.floor((y * rows) / height), 0), rows - 1);
  return [rounded(((col + 0.5) * width) / cols), rounded(((row + 0.5) * height) / rows)];
}

/** @param {XY} point @param {XY} a @param {XY} b distance from a point to a segment */
function distanceToEdge(point, a, b) {
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const square = dx * dx + dy * dy;
  const along = square ? ((point[0] - a[0]) * dx + (point[1] - a[1]) * dy) / square : 0;
  const t = Math.min(Math.max(along, 0), 1);
  return distance(point, [a[0] + t * dx, a[1] + t * dy]);
}

/** @param {XY[]} corners two opposite ones @returns {XY[]} all four, clockwise from top left */
const fourCorners = ([[x0, y0], [x1, y1]]) => [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];

/** @param {CanvasShape} shape @returns {XY[][]} its outlines; boxes have four corners there */
const outlines = (shape) => (shape.kind === "box" ? [fourCorners(shape.parts[0])] : shape.parts);

/** @param {CanvasShape} shape whether its outlines are closed */
const isClosed = (shape) => shape.kind === "box" || shape.kind === "poly";

/** @param {CanvasShape} shape @returns {{part: number, index: number, a: XY, b: XY}[]} */
function edgesOf(shape) {
  if (shape.kind === "point" || shape.kind === "seg") return [];
  return outlines(shape).flatMap((points, part) =>
    points
      .map((a, index) => ({ part, index, a, b: points[(index + 1) % points.length] }))
      .slice(0, isClosed(shape) ? undefined : -1),
  );
}

/** @param {XY} point @param {XY[][]} rings even-odd, as rings are filled */
function insideRings([x, y], rings) {
  let inside = false;
  for (const ring of rings) {
    ring.forEach(([xa, ya], index) => {
      const [xb, yb] = ring[(index + 1) % ring.length];
      if (ya > y !== yb > y && x < xa + ((y - ya) * (xb - xa)) / (yb - ya)) inside = !inside;
    });
  }
  return inside;
}

/** @param {CanvasShape} shape @param {XY} point distance to vertices and edges */
function distanceToShape(shape, point) {
  const edges = edgesOf(shape).map(({ a, b }) => distanceToEdge(point, a, b));
  return Math.min(...shape.parts.flat().map((vertex) => distance(point, vertex)), ...edges);
}

/** @param {CanvasShape} shape size of its bounds in square pixels */
function extent(shape) {
  const xs = shape.parts.flat().map(([x]) => x);
  const ys = shape.parts.flat().map(([, y]) => y);
  return (Math.max(...xs) - Math.min(...xs)) * (Math.max(...ys) - Math.min(...ys));
}

/** @param {CanvasShape} shape @param {XY} point */
const holds = (shape, point) => isClosed(shape) && insideRings(point, outlines(shape));

/**
 * The shape that a click means: the nearest outline in reach, else the smallest area around it.
 * @param {CanvasShape[]} shapes @param {XY} point @param {number} reach in image pixels
 * @returns {CanvasShape|null}
 */
function shapeAt(shapes, point, reach) {
  let [best, least] = [null, reach];
  for (const shape of shapes) {
    const away = distanceToShape(shape, point);
    if (away <= least) [best, least] = [shape, away];
  }
  if (best) return best;
  const around = shapes.filter((shape) => holds(shape, point));
  return around.sort((a, b) => extent(a) - extent(b))[0] ?? null;
}

/** @param {CanvasShape} shape @param {XY[][]} parts @returns {CanvasShape} */
const withParts = (shape, parts) => ({ ...shape, parts, confidence: null, trace: null });

/** @param {CanvasShape} shape @param {Place} place @param {XY} point @returns {CanvasShape} */
function moveVertex(shape, { part, index }, point) {
  if (shape.kind === "box") {
    const opposite = fourCorners(shape.parts[0])[(index + 2) % 4];
    return withParts(shape, [[opposite, point]]);
  }
  return withParts(shape, replaceIn(shape.parts, part, (points) => points.with(index, point)));
}

/** @param {CanvasShape} shape @param {Place} place after it @param {XY} point */
const addVertex = (shape, { part, index }, point) =>
  withParts(shape, replaceIn(shape.parts, part, (points) => points.toSpliced(index + 1, 0, point)));

/**
 * Take a vertex away, or its ring where too few are left; a box keeps its corners.
 * @param {CanvasShape} shape @param {Place} place @returns {CanvasShape|null} null: none is left
 */
function removeVertex(shape, { part, index }) {
  if (shape.kind === "box") return shape;
  const fewer = shape.parts[part].toSpliced(index, 1);
  const parts =
    fewer.length < LEAST_POINTS[shape.kind]
      ? shape.parts.toSpliced(part, 1)
      : shape.parts.with(part, fewer);
  return parts.length ? withParts(shape, parts) : null;
}

/** Move a whole shape; what is inside the frame stays inside, as far as it was. */
function moveShape(shape, [dx, dy], size) {
  const allowed = [dx, dy].map((step, axis) => {
    const values = shape.parts.flat().map((point) => point[axis]);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return Math.max(Math.min(step, Math.max(size[axis] - high, 0)), Math.min(-low, 0));
  });
  const move = ([x, y]) => [rounded(x + allowed[0]), rounded(y + allowed[1])];
  return withParts(shape, shape.parts.map((points) => points.map(move)));
}

/** @param {CanvasShape} shape corners of a box in order, as Python has them */
function tidy(shape) {
  if (shape.kind !== "box") return shape;
  const corners = fourCorners(shape.parts[0]);
  const [xs, ys] = [0, 1].map((axis) => corners.map((corner) => corner[axis]));
  const low = [Math.min(...xs), Math.min(...ys)];
  return { ...shape, parts: [[low, [Math.max(...xs), Math.max(...ys)]]] };
}

/** @template T @param {T[]} list @param {number} index @param {(item: T) => T} change */
const replaceIn = (list, index, change) => list.with(index, change(list[index]));
