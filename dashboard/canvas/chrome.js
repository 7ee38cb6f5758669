// What stands around the picture: bar, legend, status, notices, steps of a trace, shortcuts.

class Chrome {
  /** @param {Canvas} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.bar = html("div", "bar");
    this.message = html("div", "message");
    this.notice = html("div", "notice");
    this.steps = this.makeSteps();
    this.legend = html("div", "legend");
    this.status = html("div", "status");
    this.sheet = html("div", "sheet");
    this.sheet.hidden = true;
    this.sheet.addEventListener("click", () => this.toggleSheet());
    this.buttons = new Map();
    this.described = "";
  }

  /** Build anew what depends on settings and layers alone. */
  build() {
    const { canvas } = this;
    const described = JSON.stringify([
      canvas.settings,
      canvas.layers().map(({ name, color, dash }) => [name, color, dash]),
      offered(canvas).map((command) => command.icon),
    ]);
    if (described === this.described) return;
    this.described = described;
    this.buttons.clear();
    const groups = COMMANDS.map((group) => this.makeGroup(group));
    groups.splice(2, 0, this.makeLabels());
    this.bar.replaceChildren(...groups.filter((group) => group.childNodes.length));
    this.legend.replaceChildren(...canvas.layers().map((layer) => this.makeEntry(layer)));
    this.sheet.replaceChildren(this.makeSheet());
    this.update();
  }

  /** @param {Command[]} group */
  makeGroup(group) {
    const shown = group.filter((command) => command.shown?.(this.canvas) ?? true);
    return html("div", "group", shown.map((command) => this.makeButton(command)));
  }

  /** @param {Command} command */
  makeButton(command) {
    const button = html("button", `tool ${command.icon}`, [icon(command.icon)]);
    button.type = "button";
    button.title = command.key ? `${command.title} (${keyName(command.key)})` : command.title;
    button.setAttribute("aria-label", command.title);
    button.dataset.command = command.icon;
    button.addEventListener("click", () => {
      command.run(this.canvas);
      this.canvas.focus();
      this.canvas.render();
    });
    this.buttons.set(command, button);
    return button;
  }

  makeLabels() {
    const { labels } = this.canvas.settings;
    const options = labels.map((label, index) => {
      const option = html("option", "", [index < 9 ? `${index + 1}  ${label}` : label]);
      option.value = label;
      return option;
    });
    this.picker = html("select", "labels", options);
    this.picker.title = "Label of the selected shape and of new ones (1 – 9)";
    this.picker.setAttribute("aria-label", "Label");
    this.picker.addEventListener("change", () => {
      this.canvas.chooseLabel(this.picker.value);
      this.canvas.focus();
      this.canvas.render();
    });
    return html("div", "group", labels.length ? [this.picker] : []);
  }

  /** @param {{name: string, color: string, dash: string, marker: string}} layer */
  makeEntry(layer) {
    const sample = svg("svg", { viewBox: "0 0 34 14", class: "sample", "aria-hidden": "true" }, [
      svg("path", { d: "M2 7H32", "stroke-dasharray": layer.dash }),
      svg("path", { d: MARKERS[layer.marker], transform: "translate(17 7)", class: "dot" }),
    ]);
    const entry = html("button", "entry", [sample, html("span", "", [layer.name])]);
    entry.type = "button";
    entry.title = "Show or hide this layer";
    entry.dataset.layer = layer.name;
    entry.style.setProperty("--color", layer.color);
    entry.addEventListener("click", () => this.canvas.toggleLayer(layer.name));
    return entry;
  }

  makeSteps() {
    this.slider = html("input");
    Object.assign(this.slider, { type: "range", min: "0", step: "1", title: "Step of the tokens" });
    this.slider.addEventListener("input", () => this.canvas.showStep(Number(this.slider.value)));
    this.slider.addEventListener("pointerup", () => this.canvas.focus());
    this.stepName = html("span", "step");
    const keys = Object.entries(TRACE_COLORS).map(([name, color]) => {
      const key = html("span", "key", [name]);
      key.style.setProperty("--color", `var(--${color})`);
      return key;
    });
    return html("div", "steps", [this.slider, this.stepName, ...keys]);
  }

  makeSheet() {
    const keys = offered(this.canvas)
      .filter((command) => command.key)
      .map((command) => [keyName(command.key), command.title]);
    const gestures = GESTURES.filter(([, , shown]) => shown?.(this.canvas) ?? true);
    const rows = [...keys, ...gestures].map(([key, title]) =>
      html("div", "row", [html("kbd", "", [key]), html("span", "", [title])]),
    );
    return html("div", "card", [html("div", "title", ["Shortcuts"]), html("div", "rows", rows)]);
  }

  toggleSheet() {
    this.sheet.hidden = !this.sheet.hidden;
  }

  /** Show how things stand. */
  update() {
    const { canvas } = this;
    for (const [command, button] of this.buttons) {
      button.disabled = !(command.able?.(canvas) ?? true);
      const pressed = command.active?.(canvas) ?? false;
      button.setAttribute("aria-pressed", String(pressed));
    }
    for (const entry of this.legend.children) {
      entry.setAttribute("aria-pressed", String(!canvas.hidden.has(entry.dataset.layer)));
    }
    if (this.picker) this.picker.value = canvas.edits.find(canvas.selected)?.label ?? canvas.label;
    this.message.textContent = MESSAGES[canvas.loading];
    this.message.hidden = canvas.loading === "done";
    this.updateSteps();
    this.updateNotice();
    this.status.textContent = statusOf(canvas);
  }

  updateSteps() {
    const { canvas } = this;
    this.steps.hidden = !canvas.tracing;
    if (!canvas.tracing) return;
    const last = lastStep(canvas.tracedShapes());
    this.slider.max = String(last);
    this.slider.value = String(canvas.step);
    this.stepName.textContent = stepName(canvas.step, last);
  }

  updateNotice() {
    const { canvas } = this;
    const isNewer = canvas.newer !== null;
    const text = isNewer ? "This frame was saved elsewhere meanwhile; dashed is that version." : canvas.hint;
    if (this.notice.dataset.text === text) return;
    this.notice.dataset.text = text;
    this.notice.hidden = !text;
    const take = html("button", "plain", ["Take that version"]);
    take.type = "button";
    take.addEventListener("click", () => canvas.takeNewer());
    this.notice.replaceChildren(text, ...(isNewer ? [take] : []));
  }
}

/** What a trace shows to the name of its colour in canvas.css. */
const TRACE_COLORS = { proposed: "proposed", moved: "offset", result: "result" };

const MESSAGES = {
  waiting: "Loading the picture …",
  broken: "The picture could not be loaded. Shapes can still be seen.",
  done: "",
};

/** @param {Canvas} canvas one line: the shape under the pointer, the place, what is unsaved */
function statusOf(canvas) {
  const shape = canvas.shapeOf(canvas.hovered ?? canvas.selected);
  const attributes = Object.entries(shape?.attributes ?? {}).map(([name, value]) => `${name} ${value}`);
  const { cursor } = canvas.tools;
  return [
    shape ? [nameOf(shape), ...attributes].join(", ") : "",
    cursor ? `${cursor[0].toFixed(1)}, ${cursor[1].toFixed(1)} px` : "",
    `${Math.round(canvas.view.zoom * 100)} %`,
    savingOf(canvas),
  ].filter(Boolean).join("  ·  ");
}

const FATES = { saved: "saved", conflict: "not saved: another version came first" };

/** @param {Canvas} canvas what is said to be saved is in the store */
function savingOf({ edits, outbox, fate }) {
  if (edits.unsent) return fate === "failed" ? "not saved" : "unsaved edits";
  if (outbox.busy || (edits.token && !fate)) return "saving …";
  return FATES[fate] ?? "";
}
