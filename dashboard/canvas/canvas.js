// The canvas itself: state, drawing order, and what Python is told.

class Canvas {
  /** @param {ShadowRoot} root @param {(message: object) => void} send */
  constructor(root, send) {
    this.edits = new Edits();
    this.view = new View();
    this.tools = new Tools(this);
    this.outbox = new Outbox(send);
    this.selected = null;
    this.hovered = null;
    /** @type {Place|null} the vertex that Delete takes away */
    this.place = null;
    this.hidden = new Set();
    this.tool = "select";
    this.label = "";
    this.snapping = false;
    this.tracing = false;
    this.step = 0;
    this.hint = "";
    this.newer = null;
    this.loading = "waiting";
    this.data = null;
    this.layersDrawn = [];
    this.frame = 0;
    this.chrome = new Chrome(this);
    this.makeStage(root);
    this.listen();
  }

  makeStage(root) {
    this.image = svg("image", { x: 0, y: 0 });
    this.image.addEventListener("load", () => this.setLoading("done"));
    this.image.addEventListener("error", () => this.setLoading("broken"));
    this.backdrop = svg("rect", { class: "backdrop" });
    this.layerGroup = svg("g");
    this.drawn = svg("g");
    const parts = [this.backdrop, this.image, this.layerGroup, this.drawn];
    this.world = svg("g", {}, parts);
    this.svg = svg("svg", { class: "picture", tabindex: 0, "aria-label": "Picture" }, [this.world]);
    const { bar, message, notice, steps, legend, status, sheet } = this.chrome;
    this.stage = html("div", "stage", [this.svg, message, notice, steps, sheet]);
    this.root = html("div", "canvas", [bar, this.stage, html("div", "foot", [legend, status])]);
    root.append(this.root);
  }

  listen() {
    this.stop = new AbortController();
    const options = { signal: this.stop.signal };
    this.svg.addEventListener("pointerdown", (event) => {
      this.svg.setPointerCapture(event.pointerId);
      this.focus();
      event.preventDefault();
      this.hint = "";
      this.tools.down(event);
    });
    this.svg.addEventListener("pointermove", (event) => this.tools.move(event));
    this.svg.addEventListener("pointerup", (event) => this.tools.up(event));
    this.svg.addEventListener("pointerleave", () => this.tools.leave());
    this.svg.addEventListener("pointercancel", () => this.cancel());
    this.svg.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    window.addEventListener("keydown", (event) => this.keyDown(event), options);
    window.addEventListener("keyup", (event) => this.keyUp(event), options);
    window.addEventListener("pagehide", () => this.keepUnsaved(), options);
    this.resizes = new ResizeObserver(() => this.render());
    this.resizes.observe(this.stage);
  }

  close() {
    this.keepUnsaved();
    this.stop.abort();
    this.resizes.disconnect();
    this.outbox.close();
    cancelAnimationFrame(this.frame);
  }

  get settings() {
    return this.data.settings;
  }

  get size() {
    return this.data.picture.size;
  }

  get lattice() {
    return this.settings.lattice;
  }

  /** The editable layer as Python has it. */
  get editable() {
    return this.data.layers.find((layer) => layer.editable) ?? null;
  }

  /** @param {object} data of Python, see canvas.py */
  update(data) {
    const before = this.data;
    this.data = data;
    this.outbox.heard(data.heard);
    if (this.fate === "failed") this.keepEdits();
    if (before?.picture.id !== data.picture.id) this.showPicture();
    else if (this.loading === "broken") this.loadPicture();
    this.takeLayers();
    if (!this.settings.tools.includes(this.tool)) this.tool = this.settings.tools[0] ?? "hand";
    if (!this.settings.labels.includes(this.label)) this.label = this.settings.labels[0] ?? "";
    this.root.style.setProperty("--ratio", `${this.size[0]} / ${this.size[1]}`);
    this.root.style.setProperty("--height", this.settings.height ? `${this.settings.height}px` : "auto");
    this.chrome.build();
    this.render();
  }

  /** What became of the last commit; null where there is none, or Python has not said. */
  get fate() {
    const { outcome } = this.data;
    return outcome && outcome.token === this.edits.token ? outcome.fate : null;
  }

  /** The last commit could not be saved. */
  keepEdits() {
    if (!this.edits.changed || this.edits.unsent) return;
    this.edits.takeBack();
    this.hint = "Not saved. Your edits are still here: S tries again.";
  }

  /** Another picture: nothing of the last one stays. */
  showPicture() {
    const [width, height] = this.size;
    for (const element of [this.image, this.backdrop]) {
      element.setAttribute("width", width);
      element.setAttribute("height", height);
    }
    this.hidden = new Set(this.data.layers.filter((one) => !one.visible).map((one) => one.name));
    this.tools.cancel();
    [this.selected, this.hovered, this.place, this.hint, this.step] = [null, null, null, "", 0];
    this.view.fitted = true;
    this.loadPicture();
    if (this.data.picture.nextUrl) new Image().src = this.data.picture.nextUrl;
  }

  loadPicture() {
    this.setLoading("waiting");
    this.image.setAttribute("href", this.data.picture.url);
  }

  setLoading(state) {
    this.loading = state;
    this.image.classList.toggle("hidden", state !== "done");
    this.render();
  }

  /** Take over the editable layer, unless edits that Python does not know would be lost. */
  takeLayers() {
    const { picture, revision } = this.data;
    const { base } = this.edits;
    const isSame = base.picture === picture.id;
    if (isSame && base.revision === revision && !(this.edits.absent && this.editable)) return;
    if (!isSame) this.keepUnsaved();
    if (this.edits.unsent && isSame) this.newer = this.editable;
    else this.takeNewer();
  }

  takeNewer() {
    const { picture, revision } = this.data;
    const chosen = this.edits.find(this.selected);
    this.newer = null;
    this.tools.cancel();
    if (this.edits.base.picture === picture.id && !this.edits.absent) keepDraft(this.edits.base, null);
    this.edits.load({ picture: picture.id, revision }, this.editable?.shapes ?? null);
    if (!isSameOutline(chosen, this.edits.find(this.selected))) this.place = null;
    this.restore();
    this.render();
  }

  /** Keep what is not saved for when the picture comes back. */
  keepUnsaved() {
    const { base, changed, shapes, absent } = this.edits;
    if (!absent) keepDraft(base, changed ? shapes : null);
  }

  /** Take up the edits of this revision that were left unsaved. */
  restore() {
    const draft = this.editable && draftOf(this.edits.base);
    if (!draft) return;
    this.edits.keep(draft);
    this.hint = "Your unsaved edits are back. S saves them.";
  }

  /** Layers as they are now, the editable one with its edits. */
  layers() {
    if (!this.editable && this.edits.changed) return [...this.data.layers, this.lockedEdits()];
    const theirs = this.newer && { ...this.newer, name: "saved meanwhile", dash: "6 5", editable: false };
    return this.data.layers
      .map((layer) => (layer.editable ? { ...layer, shapes: this.edits.shapes } : layer))
      .concat(theirs ?? []);
  }

  /** Edits where nothing can be edited any more: they stay until they are saved. */
  lockedEdits() {
    const { shapes } = this.edits;
    return { ...this.data.layers.at(-1), name: "yours, not saved", dash: "6 5", shapes };
  }

  visibleLayers() {
    return this.layers().filter((layer) => !this.hidden.has(layer.name));
  }

  visibleShapes() {
    return this.visibleLayers().flatMap((layer) => layer.shapes);
  }

  /** @param {string|null} id */
  shapeOf(id) {
    return this.visibleShapes().find((shape) => shape.id === id) ?? null;
  }

  tracedShapes() {
    return this.visibleShapes().filter((shape) => shape.trace);
  }

  /** @param {PointerEvent} event @returns {XY} */
  imagePoint(event) {
    return this.view.toImage(this.stagePoint(event));
  }

  stagePoint(event) {
    const box = this.svg.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  focus() {
    this.svg.focus({ preventScroll: true });
  }

  wheel(event) {
    event.preventDefault();
    const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * 30 : event.deltaY;
    this.view.zoomAbout(this.stagePoint(event), 2 ** (-pixels / 500));
    this.render();
  }

  zoomBy(factor) {
    this.view.zoomAbout([this.svg.clientWidth / 2, this.svg.clientHeight / 2], factor);
  }

  fit() {
    this.view.fitted = true;
  }

  keyDown(event) {
    if (!this.settings.keyboard || isTaken(event)) return;
    const isSpace = event.key === " " && this.stage.matches(":hover");
    if (isSpace) this.tools.spaceHeld = true;
    if (isSpace || (!event.repeat && actOnKey(this, event))) event.preventDefault();
    this.render();
  }

  keyUp(event) {
    if (event.key === " ") this.tools.spaceHeld = false;
    this.render();
  }

  useTool(tool) {
    this.tools.cancel();
    this.tool = tool;
  }

  /** Esc: first what is being drawn, then the selection. */
  cancel() {
    const { tools } = this;
    if (tools.draft.length || tools.gesture) tools.cancel();
    else if (this.selected !== null) this.select(null);
    this.render();
  }

  /** @param {string|null} id */
  select(id) {
    if (id === this.selected) return;
    this.selected = id;
    this.say({ kind: "select", shape: id });
  }

  addShape(kind, parts) {
    const shape = { id: `new-${newToken()}`, kind, parts, label: this.label };
    this.edits.add({ ...shape, attributes: {}, confidence: null, trace: null });
    this.selected = shape.id;
    this.place = null;
  }

  removeChosen() {
    if (this.tools.draft.length) {
      this.tools.draft.pop();
      return;
    }
    const shape = this.edits.find(this.selected);
    if (shape && this.place && shape.kind !== "box") this.tools.removeAt(shape, this.place);
    else if (shape) this.edits.remove(shape.id);
  }

  chooseLabel(label) {
    this.label = label;
    const shape = this.edits.find(this.selected);
    if (shape && shape.label !== label) this.edits.replace({ ...shape, label, confidence: null });
  }

  toggleLattice() {
    this.snapping = !this.snapping;
  }

  toggleTrace() {
    this.tracing = !this.tracing;
    this.step = this.tracing ? lastStep(this.tracedShapes()) : 0;
  }

  showStep(step) {
    this.step = step;
    this.render();
  }

  toggleLayer(name) {
    if (!this.hidden.delete(name)) this.hidden.add(name);
    this.render();
  }

  commit() {
    this.tools.finish();
    if (!this.edits.changed) return;
    this.edits.send(this.say({ kind: "commit", shapes: this.edits.toData() }, this.edits.base));
  }

  sayVerdict(verdict) {
    if (this.tools.draft.length) this.hint = "Finish what you draw (Enter), or give it up (Esc).";
    else if (this.edits.unsent) this.hint = "Save (S) or undo your edits first.";
    else this.say({ kind: "verdict", verdict });
  }

  sayRegion(region) {
    this.say({ kind: "region", region });
  }

  say(message, base = { picture: this.data.picture.id, revision: this.data.revision }) {
    return this.outbox.push({ ...message, ...base });
  }

  /** Draw once before the next frame, however much has changed. */
  render() {
    if (!this.data) return;
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.draw());
  }

  draw() {
    const { view } = this;
    if (view.fitted) view.fit([this.svg.clientWidth, this.svg.clientHeight], this.size);
    this.world.setAttribute("transform", `translate(${view.x} ${view.y}) scale(${view.zoom})`);
    this.root.style.setProperty("--unzoom", 1 / view.zoom);
    Object.assign(this.svg.dataset, { zoom: view.zoom, x: view.x, y: view.y });
    this.image.classList.toggle("near", view.zoom >= 4);
    this.svg.dataset.cursor = this.tools.spaceHeld ? "hand" : this.tool;
    this.drawLayers();
    this.drawn.replaceChildren(...this.drawOver());
    this.chrome.update();
  }

  /** Layers, from the lowest to the topmost; drawn anew only where something in them changed. */
  drawLayers() {
    const layers = this.visibleLayers();
    const state = [this.selected, this.tracing, ...layers.map((layer) => layer.shapes)];
    if (isSameList(state, this.layersDrawn)) return;
    this.layersDrawn = state;
    const groups = layers.map((layer) => {
      const shapes = layer.shapes.map((shape) => drawShape(shape, layer, shape.id === this.selected));
      return svg("g", { class: this.tracing ? "layer faded" : "layer" }, shapes);
    });
    this.layerGroup.replaceChildren(...groups);
  }

  /** What changes with the pointer: lattice, traces, handles, names, what is being drawn. */
  drawOver() {
    const { tools, lattice } = this;
    const drawn = this.snapping && lattice ? [drawLattice(this.size, lattice)] : [];
    if (this.tracing) drawn.push(...this.drawTraces());
    const selected = this.edits.find(this.selected);
    if (selected && this.tool === "select" && !this.tracing) {
      drawn.push(drawHandles(selected, this.place, this.view.zoom));
    }
    const named = new Set([this.selected, this.hovered].map((id) => this.shapeOf(id)));
    drawn.push(...[...named].filter(Boolean).map((shape) => drawName(shape, this.size)));
    if (tools.draft.length) drawn.push(drawDraft(this.tool, tools.draft, tools.cursor));
    return drawn;
  }

  /** Traces of the selected shape, or of all where it has none. */
  drawTraces() {
    const all = this.tracedShapes();
    const last = lastStep(all);
    const chosen = all.filter((shape) => shape.id === this.selected);
    return (chosen.length ? chosen : all).map((shape) =>
      drawTrace(shape, Math.min(this.step, last), last, this.size, this.lattice),
    );
  }
}
