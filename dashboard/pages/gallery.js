// Thumbnails in a grid. All texts are data of people: they are only ever text.

const MARKS = { new: "○", accepted: "✓", corrected: "✎", rejected: "✕" };

/** @param {string} tag @param {string} name @param {string} text */
const element = (tag, name, text = "") => {
  const made = document.createElement(tag);
  made.className = name;
  made.textContent = text;
  return made;
};

/** @param {{id: number, url: string, href: string, name: string, status: string, note: string}} item */
const tile = (item) => {
  const link = element("a", "tile");
  link.href = item.href;
  link.title = item.name;
  const image = element("img", "thumbnail");
  image.alt = "";
  image.decoding = "async";
  image.addEventListener("error", () => image.replaceWith(element("div", "broken", "No picture")));
  image.src = item.url;
  const stage = element("div", "stage");
  stage.append(image);
  const mark = element("span", `mark ${item.status}`, MARKS[item.status]);
  mark.title = item.status;
  const caption = element("div", "caption");
  caption.append(mark, element("span", "name", item.name), element("span", "note", item.note));
  link.append(stage, caption);
  link.addEventListener("click", (event) => {
    // with a key held, the browser opens the address in a tab of its own
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    // as if one came back to it: Streamlit then shows the page, and the view before it stays the
    // step before; its own switch of pages would put a step between that shows all frames
    history.pushState(null, "", link.href);
    window.dispatchEvent(new PopStateEvent("popstate"));
  });
  return link;
};

export default function ({ data, parentElement }) {
  let grid = parentElement.querySelector(".grid");
  if (!grid) {
    grid = element("div", "grid");
    parentElement.append(grid);
  }
  const shown = JSON.stringify(data.items);
  if (grid.dataset.shown !== shown) {
    grid.dataset.shown = shown;
    grid.replaceChildren(...data.items.map(tile));
  }
}
