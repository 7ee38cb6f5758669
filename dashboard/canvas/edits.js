// The shapes of the editable layer while a person works on them, with undo and redo.

const MOST_STEPS = 200;

class Edits {
  constructor() {
    this.token = null;
    this.base = { picture: null, revision: null };
    this.load(this.base, null);
  }

  /**
   * @param {{picture: string|null, revision: number|null}} base
   * @param {CanvasShape[]|null} layer null where nothing can be edited, or not yet
   */
  load(base, layer) {
    const shapes = layer ?? [];
    this.absent = layer === null;
    // of the last commit of this picture: Python tells what became of it
    if (base.picture !== this.base.picture) this.token = null;
    this.base = base;
    this.shapes = shapes;
    this.saved = shapes;
    this.sent = shapes;
    this.past = [];
    this.future = [];
  }

  get changed() {
    return this.shapes !== this.saved;
  }

  /** Whether there is something that Python was not told of. */
  get unsent() {
    return this.changed && this.shapes !== this.sent;
  }

  /** @param {string} token of the commit that the edits are sent in */
  send(token) {
    this.token = token;
    this.sent = this.shapes;
  }

  /** What was sent could not be saved: it is as if it never had been. */
  takeBack() {
    this.sent = this.saved;
  }

  /** @param {string|null} id @returns {CanvasShape|null} */
  find(id) {
    return this.shapes.find((shape) => shape.id === id) ?? null;
  }

  /** Take over a change as one step; `before` is given where the change was shown already. */
  keep(shapes, before = this.shapes) {
    if (shapes === before) return;
    this.past = [...this.past, before].slice(-MOST_STEPS);
    this.future = [];
    this.shapes = shapes;
  }

  /** @param {CanvasShape} shape shown in place of the one of its id, not yet a step */
  show(shape) {
    this.shapes = this.shapes.map((old) => (old.id === shape.id ? shape : old));
  }

  add(shape) {
    this.keep([...this.shapes, shape]);
  }

  /** @param {CanvasShape} shape in place of the one of its id */
  replace(shape) {
    this.keep(this.shapes.map((old) => (old.id === shape.id ? shape : old)));
  }

  remove(id) {
    this.keep(this.shapes.filter((shape) => shape.id !== id));
  }

  undo() {
    if (!this.past.length) return;
    this.future.push(this.shapes);
    this.shapes = this.past.pop();
  }

  redo() {
    if (!this.future.length) return;
    this.past.push(this.shapes);
    this.shapes = this.future.pop();
  }

  /** What is sent to Python: geometry and label; Python knows the rest. */
  toData() {
    return this.shapes.map(({ id, kind, parts, label }) => ({ id, kind, parts, label }));
  }
}

/** @param {CanvasShape|null} one @param {CanvasShape|null} other whether a vertex means the same */
const isSameOutline = (one, other) => JSON.stringify(one?.parts) === JSON.stringify(other?.parts);
