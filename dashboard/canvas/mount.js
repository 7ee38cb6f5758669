// Where Streamlit puts a canvas on the page, and takes it away.

/** @type {WeakMap<Node, Canvas>} Streamlit calls again for the same place when data change */
const canvases = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  let canvas = canvases.get(parentElement);
  if (!canvas) {
    canvas = new Canvas(parentElement, (message) => setStateValue("said", message));
    canvases.set(parentElement, canvas);
  }
  canvas.outbox.send = (message) => setStateValue("said", message);
  canvas.update(data);
  return () => {
    canvas.close();
    canvases.delete(parentElement);
    canvas.root.remove();
  };
}
