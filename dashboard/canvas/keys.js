// Everything a person can ask for: one table for buttons, keys and the sheet of shortcuts.

/**
 * @typedef {object} Command
 * @property {string} icon name of its icon and of its button
 * @property {string} title
 * @property {string} [key] as `keyOf` names it
 * @property {(canvas: Canvas) => boolean} [shown] whether it is offered at all
 * @property {(canvas: Canvas) => boolean} [able] whether it can be done now
 * @property {(canvas: Canvas) => boolean} [active] whether its button is pressed
 * @property {(canvas: Canvas) => void} run
 */

const TOOL_TITLES = {
  select: "Select and edit",
  hand: "Move the picture (or hold space, or the middle button)",
  point: "Draw a point",
  box: "Draw a box",
  line: "Draw a line: click vertices, Enter or double click ends",
  poly: "Draw an area: click vertices, Enter or double click ends",
  region: "Mark a place or region to ask about",
};

/** @param {string} tool @returns {Command} */
const toolCommand = (tool) => ({
  icon: tool,
  title: TOOL_TITLES[tool],
  key: tool === "select" ? "e" : undefined,
  shown: (canvas) => canvas.settings.tools.includes(tool),
  active: (canvas) => canvas.tool === tool,
  run: (canvas) => canvas.useTool(tool),
});

const canEdit = (canvas) => canvas.editable !== null;

const canSave = (canvas) => canEdit(canvas) || canvas.edits.changed;

/** @param {string} name @param {string} icon @param {string} title @param {string} [key] */
const verdictCommand = (name, icon, title, key) => ({
  icon,
  title,
  key,
  shown: (canvas) => canvas.settings.verdicts,
  run: (canvas) => canvas.sayVerdict(name),
});

/** @type {Command[][]} groups as they stand in the bar */
const COMMANDS = [
  Object.keys(TOOL_TITLES).map(toolCommand),
  [
    {
      icon: "undo", title: "Undo the last edit", key: "ctrl+z", shown: canEdit,
      able: (canvas) => canvas.edits.past.length > 0, run: (canvas) => canvas.edits.undo(),
    },
    {
      icon: "redo", title: "Redo the edit", key: "ctrl+shift+z", shown: canEdit,
      able: (canvas) => canvas.edits.future.length > 0, run: (canvas) => canvas.edits.redo(),
    },
    {
      icon: "remove", title: "Remove the chosen vertex or shape", key: "delete", shown: canEdit,
      able: (canvas) => canvas.edits.find(canvas.selected) !== null,
      run: (canvas) => canvas.removeChosen(),
    },
    {
      icon: "save", title: "Save the edits", key: "s", shown: canSave,
      able: (canvas) => canvas.edits.changed || isDrawing(canvas), run: (canvas) => canvas.commit(),
    },
  ],
  [
    verdictCommand("accept", "accept", "Accept: the labels are right", "a"),
    verdictCommand("reject", "reject", "Reject: not to be used", "x"),
    verdictCommand("undo", "revert", "Take the last verdict back", "u"),
    verdictCommand("previous", "previous", "Previous frame", "arrowleft"),
    verdictCommand("next", "next", "Next frame", "arrowright"),
    verdictCommand("skip", "skip", "Skip this frame"),
  ],
  [
    {
      icon: "lattice", title: "Show the lattice and snap to its cells", key: "g",
      shown: (canvas) => canvas.lattice !== null, active: (canvas) => canvas.snapping,
      run: (canvas) => canvas.toggleLattice(),
    },
    {
      icon: "trace", title: "Show how tokens led to the shapes",
      shown: (canvas) => canvas.tracedShapes().length > 0, active: (canvas) => canvas.tracing,
      run: (canvas) => canvas.toggleTrace(),
    },
    { icon: "out", title: "Zoom out", run: (canvas) => canvas.zoomBy(1 / 1.5) },
    { icon: "in", title: "Zoom in", run: (canvas) => canvas.zoomBy(1.5) },
    {
      icon: "fit", title: "Show the whole picture", active: (canvas) => canvas.view.fitted,
      run: (canvas) => canvas.fit(),
    },
    { icon: "help", title: "Shortcuts", key: "?", run: (canvas) => canvas.chrome.toggleSheet() },
  ],
];

const isDrawing = (canvas) => canvas.tools.draft.length > 0;

/** @type {{key: string, shown?: (canvas: Canvas) => boolean, run: (canvas: Canvas) => void}[]} */
const KEYS_ONLY = [
  { key: "enter", shown: isDrawing, run: (canvas) => canvas.tools.finish() },
  { key: "escape", run: (canvas) => canvas.cancel() },
  { key: "backspace", shown: canEdit, run: (canvas) => canvas.removeChosen() },
];

/** @type {[string, string, ((canvas: Canvas) => boolean)?][]} what is done, what for, where */
const GESTURES = [
  ["Wheel", "Zoom about the pointer"],
  ["Space + drag, middle button", "Move the picture"],
  ["Tab, Enter", "Go to a button, press it"],
  ["Esc", "Give up what is being drawn, or the selection"],
  ["Click a vertex, Del", "Remove the vertex", canEdit],
  ["Alt + click a vertex", "Remove the vertex", canEdit],
  ["Drag a small circle", "Put a vertex on an edge", canEdit],
  ["Drag inside a selected shape", "Move it", canEdit],
  ["Enter, double click", "End a line or an area", canEdit],
  ["1 – 9", "Choose a label", canEdit],
];

const KEY_NAMES = {
  arrowleft: "←", arrowright: "→", delete: "Del, ⌫", "ctrl+z": "Ctrl Z", "ctrl+shift+z": "Ctrl Shift Z",
};

/** @param {string} key as people write it */
const keyName = (key) => KEY_NAMES[key] ?? key.toUpperCase();

/** @param {Canvas} canvas @returns {Command[]} */
const offered = (canvas) => COMMANDS.flat().filter((one) => one.shown?.(canvas) ?? true);

/** @param {KeyboardEvent} event */
function keyOf(event) {
  const ctrl = event.ctrlKey || event.metaKey;
  return (ctrl ? "ctrl+" : "") + (ctrl && event.shiftKey ? "shift+" : "") + event.key.toLowerCase();
}

const TAKES_KEYS =
  "input, textarea, select, [contenteditable], [role=slider], [role=listbox], [role=radio], " +
  "[role=tab], [role=dialog], [role=combobox]";

const MODIFIERS = ["Shift", "Control", "Alt", "Meta"];

/** @param {KeyboardEvent} event whether something else on the page wants the key */
const isTaken = (event) =>
  event.defaultPrevented ||
  event.altKey ||
  event.composedPath().some((node) => node instanceof Element && node.matches(TAKES_KEYS));

/** @param {Canvas} canvas @param {KeyboardEvent} event @returns {boolean} whether it was for us */
function actOnKey(canvas, event) {
  const key = keyOf(event);
  if (!canvas.chrome.sheet.hidden && !MODIFIERS.includes(event.key)) {
    canvas.chrome.toggleSheet();
    return true;
  }
  const digit = /^[1-9]$/.test(key) ? Number(key) : 0;
  if (digit && canvas.settings.labels[digit - 1] !== undefined) {
    canvas.chooseLabel(canvas.settings.labels[digit - 1]);
    return true;
  }
  const command = [...offered(canvas), ...KEYS_ONLY].find((one) => one.key === key);
  if (!command || !(command.shown?.(canvas) ?? true)) return false;
  if (command.able?.(canvas) ?? true) command.run(canvas);
  return true;
}
