// Elements made by hand: texts are only ever set as text, so that labels cannot become markup.

const SVG = "http://www.w3.org/2000/svg";

/** @param {string} name @param {Object<string, string|number>} attributes @param {Node[]} children */
function svg(name, attributes = {}, children = []) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.append(...children);
  return element;
}

/** @param {string} name @param {string} cls @param {(Node|string)[]} children strings become text */
function html(name, cls = "", children = []) {
  const element = document.createElement(name);
  if (cls) element.className = cls;
  element.append(...children);
  return element;
}

const ICONS = {
  select: "M3 2l10 6-4.5 1L6 13z",
  hand: "M8 1v14M1 8h14M8 1L6 3m2-2l2 2M8 15l-2-2m2 2l2-2M1 8l2-2M1 8l2 2m12-2l-2-2m2 2l-2 2",
  point: "M8 5.5a2.5 2.5 0 1 0 .01 0M8 1v3m0 8v3M1 8h3m8 0h3",
  box: "M2.5 3.5h11v9h-11z",
  line: "M2 13l4-7 4 3 4-7",
  poly: "M8 2l6 4-2 8H4L2 6z",
  region: "M2 5V2h3m6 0h3v3m0 6v3h-3m-6 0H2v-3M8 6v4M6 8h4",
  undo: "M5 3L2 6l3 3M2 6h7a4 4 0 0 1 0 8H6",
  redo: "M11 3l3 3-3 3M14 6H7a4 4 0 0 0 0 8h3",
  remove: "M3 4h10M6 4V2h4v2m-6 0l1 10h6l1-10",
  save: "M3 2h8l2 2v10H3zM5 2v4h5V2M5 14v-5h6v5",
  fit: "M2 6V2h4m4 0h4v4m0 4v4h-4m-4 0H2v-4",
  in: "M8 3v10M3 8h10",
  out: "M3 8h10",
  lattice: "M2 2h12v12H2zM6 2v12m4-12v12M2 6h12M2 10h12",
  trace: "M2 13a1.5 1.5 0 1 0 .01 0M4 12l7-7M11 5H7m4 0v4M13 3a1.5 1.5 0 1 0 .01 0",
  accept: "M2 9l4 4 8-10",
  reject: "M3 3l10 10M13 3L3 13",
  revert: "M5 3L2 6l3 3M2 6h7a4 4 0 0 1 0 8H6",
  previous: "M10 3L5 8l5 5",
  next: "M6 3l5 5-5 5",
  skip: "M3 3l5 5-5 5M9 3l5 5-5 5",
  help: "M5.5 6a2.5 2.5 0 1 1 3.6 2.2C8.2 8.7 8 9.2 8 10M8 12.5v.5",
};

/** @param {keyof ICONS} name */
const icon = (name) =>
  svg("svg", { viewBox: "0 0 16 16", class: "icon", "aria-hidden": "true" }, [
    svg("path", { d: ICONS[name] }),
  ]);

const MARKERS = {
  circle: "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
  square: "M-3.6-3.6h7.2v7.2h-7.2z",
  diamond: "M0-5.2L5.2 0 0 5.2-5.2 0z",
  triangle: "M0-5L4.8 3.6h-9.6z",
};

/** A mark that keeps its size on the screen; the path is in screen pixels around 0, 0. */
const mark = ([x, y], d, cls, style = "") =>
  svg("g", { transform: `translate(${x} ${y})` }, [svg("path", { d, class: `mark ${cls}`, style })]);
