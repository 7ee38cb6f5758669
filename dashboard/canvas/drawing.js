// Shapes as SVG, in image pixels; strokes and marks keep their size on the screen by CSS.

/** @param {XY[]} points @param {boolean} closed */
const pathOf = (points, closed) =>
  points.length ? `M${points.map((point) => point.join(" ")).join("L")}${closed ? "Z" : ""}` : "";

/**
 * @param {CanvasShape} shape
 * @param {{color: string, dash: string, marker: string}} style
 * @param {boolean} isSelected
 */
function drawShape(shape, style, isSelected) {
  const d = outlines(shape).map((points) => pathOf(points, isClosed(shape))).join("");
  const parts = [];
  if (shape.kind !== "point" && shape.kind !== "seg") {
    parts.push(svg("path", { d, class: "casing" }));
    parts.push(svg("path", { d, class: "stroke", "stroke-dasharray": style.dash }));
  }
  if (isClosed(shape)) parts.unshift(svg("path", { d, class: "area" }));
  const marked = shape.kind === "seg" ? shape.parts[0] : shape.parts[0].slice(0, 1);
  parts.push(...marked.map((point) => mark(point, MARKERS[style.marker], "dot")));
  const cls = isSelected ? "shape selected" : "shape";
  const group = svg("g", { class: cls, "data-id": shape.id }, parts);
  group.style.setProperty("--color", style.color);
  return group;
}

/** @param {CanvasShape} shape @param {XY} size of the frame: names stay inside on the right */
function drawName(shape, size) {
  const [x, y] = insideFrame(highest(shape.parts.flat()), size);
  const side = x > size[0] * 0.75 ? { x: -8, "text-anchor": "end" } : { x: 8 };
  const text = svg("text", { class: "mark name", y: y < size[1] * 0.05 ? 18 : -8, ...side });
  text.textContent = nameOf(shape);
  return svg("g", { transform: `translate(${x} ${y})` }, [text]);
}

/** @param {CanvasShape} shape label and confidence in words */
function nameOf(shape) {
  const share = shape.confidence;
  return share === null ? shape.label : `${shape.label} ${Math.round(share * 100)} %`;
}

/** @param {XY[]} points */
const highest = (points) => points.reduce((a, b) => (b[1] < a[1] ? b : a));

/**
 * Handles of the shape being edited: vertices, and midpoints of edges that a vertex can be put on.
 * @param {CanvasShape} shape @param {Place|null} chosen @param {number} zoom
 */
function drawHandles(shape, chosen, zoom) {
  const vertices = outlines(shape).flatMap((points, part) =>
    points.map((point, index) => {
      const isChosen = chosen?.part === part && chosen?.index === index;
      return mark(point, MARKERS.square, isChosen ? "vertex chosen" : "vertex");
    }),
  );
  return svg("g", { class: "handles" }, [
    ...midpoints(shape, zoom).map(({ point }) => mark(point, MARKERS.circle, "middle")),
    ...vertices,
  ]);
}

/** Screen pixels that an edge must have for a handle of its own. */
const ROOMY = 32;

/** @param {CanvasShape} shape @returns {{part: number, index: number, point: XY}[]} */
const midpoints = (shape, zoom) =>
  (shape.kind === "box" ? [] : edgesOf(shape))
    .filter(({ a, b }) => distance(a, b) * zoom >= ROOMY)
    .map(({ part, index, a, b }) => ({ part, index, point: middle(a, b) }));

/**
 * What is being drawn, with a rubber band to the pointer.
 * @param {string} tool @param {XY[]} points @param {XY|null} cursor
 */
function drawDraft(tool, points, cursor) {
  const all = cursor ? [...points, cursor] : points;
  const isBox = tool === "box" || tool === "region";
  const d = isBox && all.length > 1 ? pathOf(fourCorners([all[0], all.at(-1)]), true) : pathOf(all);
  return svg("g", { class: "draft" }, [
    svg("path", { d, class: "casing" }),
    svg("path", { d, class: "stroke" }),
    ...points.map((point) => mark(point, MARKERS.square, "vertex")),
  ]);
}

/** @param {XY} size of the frame @param {XY} lattice columns and rows */
function drawLattice([width, height], [cols, rows]) {
  const xs = Array.from({ length: cols + 1 }, (_, i) => rounded((i * width) / cols));
  const ys = Array.from({ length: rows + 1 }, (_, i) => rounded((i * height) / rows));
  const d = xs.map((x) => `M${x} 0V${height}`).join("") + ys.map((y) => `M0 ${y}H${width}`).join("");
  return svg("path", { d, class: "lattice" });
}

/** @param {unknown[]} a @param {unknown[]} b whether both hold the very same things */
const isSameList = (a, b) => a.length === b.length && a.every((item, index) => item === b[index]);
