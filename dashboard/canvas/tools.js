// What the pointer does: pan, pick, drag, draw. Gestures live from pointer down to pointer up.

/** Screen pixels within which a handle or outline is meant. */
const REACH = 9;
/** Screen pixels that a pointer must move before a shape moves with it. */
const DRAG = 3;

class Tools {
  /** @param {Canvas} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.gesture = null;
    this.spaceHeld = false;
    /** @type {XY[]} vertices of what is being drawn */
    this.draft = [];
    /** @type {XY|null} */
    this.cursor = null;
  }

  /** @param {PointerEvent} event */
  down(event) {
    const { canvas } = this;
    if (event.button === 1 || (event.button === 0 && (this.spaceHeld || canvas.tool === "hand"))) {
      this.gesture = { pan: [event.clientX, event.clientY] };
    } else if (event.button === 0) {
      this.cursor = this.pointOf(event);
      if (canvas.tool === "select") this.pick(event);
      else this.draw(event);
    }
    canvas.render();
  }

  /** @param {PointerEvent} event */
  move(event) {
    const { gesture, canvas } = this;
    this.cursor = this.pointOf(event);
    if (gesture?.pan) {
      canvas.view.pan(event.clientX - gesture.pan[0], event.clientY - gesture.pan[1]);
      gesture.pan = [event.clientX, event.clientY];
    } else if (gesture?.shape) {
      this.drag(event);
    } else if (canvas.tool === "select") {
      canvas.hovered = this.hit(event)?.id ?? null;
    }
    canvas.render();
  }

  /** @param {PointerEvent} event */
  up(event) {
    const { gesture, canvas } = this;
    this.gesture = null;
    if (gesture?.moved) {
      canvas.edits.show(tidy(canvas.edits.find(gesture.shape.id)));
      canvas.edits.keep(canvas.edits.shapes, gesture.before);
    } else if (gesture?.corner) {
      this.finishBox(event);
    }
    canvas.render();
  }

  /** The pointer is nowhere any more. */
  leave() {
    this.cursor = null;
    this.canvas.hovered = null;
    this.canvas.render();
  }

  /** Give up what is under way, as if it had not begun. */
  cancel() {
    if (this.gesture?.moved) this.canvas.edits.shapes = this.gesture.before;
    this.gesture = null;
    this.draft = [];
  }

  /** @param {PointerEvent} event @returns {XY} inside the frame, on the lattice if that is wished */
  pointOf(event) {
    const { size, snapping, lattice } = this.canvas;
    const point = insideFrame(this.canvas.imagePoint(event), size);
    return snapping && lattice ? cellCenter(point, size, lattice) : point;
  }

  /** @param {PointerEvent} event @returns {CanvasShape|null} */
  hit(event) {
    const { canvas } = this;
    return shapeAt(canvas.visibleShapes(), canvas.imagePoint(event), REACH / canvas.view.zoom);
  }

  /** @param {PointerEvent} event take a handle, a vertex, the selected shape, or another one */
  pick(event) {
    const { canvas } = this;
    const selected = canvas.edits.find(canvas.selected);
    const point = canvas.imagePoint(event);
    if (selected && this.takeHandle(selected, point, event)) return;
    const near = selected && distanceToShape(selected, point) * canvas.view.zoom <= REACH;
    if (selected && (near || holds(selected, point))) {
      this.take(selected, null, point);
      return;
    }
    canvas.place = null;
    canvas.select(this.hit(event)?.id ?? null);
  }

  /** @returns {boolean} whether a vertex or the midpoint of an edge was meant */
  takeHandle(shape, point, event) {
    const { canvas } = this;
    const isNear = (other) => distance(point, other) * canvas.view.zoom <= REACH;
    const place = nearest(outlines(shape), point);
    if (isNear(outlines(shape)[place.part][place.index])) {
      if (event.altKey) this.removeAt(shape, place);
      else this.take(shape, place, point);
      return true;
    }
    const half = midpoints(shape, canvas.view.zoom).find((candidate) => isNear(candidate.point));
    if (!half || event.altKey) return false;
    const before = canvas.edits.shapes;
    canvas.edits.show(addVertex(shape, half, insideFrame(half.point, canvas.size)));
    this.take(canvas.edits.find(shape.id), { part: half.part, index: half.index + 1 }, point);
    Object.assign(this.gesture, { before, moved: true });
    return true;
  }

  /** Begin to drag a vertex, or the whole shape. */
  take(shape, place, start) {
    this.canvas.place = place;
    this.gesture = { shape, place, start, before: this.canvas.edits.shapes, moved: false };
  }

  /** @param {PointerEvent} event */
  drag(event) {
    const { gesture, canvas } = this;
    const { shape, place, start } = gesture;
    const point = canvas.imagePoint(event);
    if (!gesture.moved && distance(point, start) * canvas.view.zoom < DRAG) return;
    gesture.moved = true;
    const step = [point[0] - start[0], point[1] - start[1]];
    canvas.edits.show(
      place ? moveVertex(shape, place, this.pointOf(event)) : moveShape(shape, step, canvas.size),
    );
  }

  /** @param {CanvasShape} shape @param {Place} place */
  removeAt(shape, place) {
    const { canvas } = this;
    const left = removeVertex(shape, place);
    if (left) canvas.edits.replace(left);
    else canvas.edits.remove(shape.id);
    canvas.place = null;
  }

  /** @param {PointerEvent} event */
  draw(event) {
    const { tool } = this.canvas;
    const point = this.pointOf(event);
    if (tool === "point") this.canvas.addShape("point", [[point]]);
    else if (tool === "box" || tool === "region") this.gesture = { corner: point };
    else if (this.endsDraft(point)) this.finish();
    else this.draft.push(point);
    if (this.gesture?.corner) this.draft = [point];
  }

  /** Whether a click on the last vertex, or on the first of an area, ends it. */
  endsDraft(point) {
    const { view, tool } = this.canvas;
    const ends = [this.draft.at(-1), tool === "poly" ? this.draft[0] : null].filter(Boolean);
    return ends.some((end) => distance(end, point) * view.zoom <= DRAG);
  }

  /** End a line or an area; one of too few vertices is dropped. */
  finish() {
    const { tool } = this.canvas;
    if (this.draft.length >= LEAST_POINTS[tool]) this.canvas.addShape(tool, [this.draft]);
    this.draft = [];
  }

  /** @param {PointerEvent} event a drag makes a box; for a region a click is enough */
  finishBox(event) {
    const { canvas } = this;
    const [from, to] = [this.draft[0], this.pointOf(event)];
    this.draft = [];
    const isBox = Math.min(Math.abs(from[0] - to[0]), Math.abs(from[1] - to[1])) * canvas.view.zoom >= DRAG;
    const { parts } = tidy({ kind: "box", parts: [[from, to]] });
    if (canvas.tool === "region") {
      canvas.sayRegion(isBox ? { kind: "box", parts } : { kind: "point", parts: [[from]] });
    } else if (isBox) {
      canvas.addShape("box", parts);
    }
  }
}

/** @param {XY[][]} parts @param {XY} point @returns {Place} of the nearest vertex */
function nearest(parts, point) {
  const places = parts.flatMap((points, part) => points.map((_, index) => ({ part, index })));
  const away = ({ part, index }) => distance(parts[part][index], point);
  return places.reduce((a, b) => (away(b) < away(a) ? b : a));
}
