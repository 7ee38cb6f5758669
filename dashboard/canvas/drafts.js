// Unsaved edits of pictures that are left or reloaded: they come back with their picture.

const DRAFTS = "drivegrid-drafts";
const MOST_DRAFTS = 20;

/** @typedef {{picture: string|null, revision: number|null}} Base */

const draftKey = ({ picture, revision }) => `${picture}@${revision}`;

/** @returns {[string, CanvasShape[]][]} the oldest first */
function readDrafts() {
  try {
    return JSON.parse(sessionStorage.getItem(DRAFTS)) ?? [];
  } catch {
    return []; // storage that is barred, or holds something else
  }
}

/** @param {Base} base @param {CanvasShape[]|null} shapes null where nothing is unsaved any more */
function keepDraft(base, shapes) {
  const others = readDrafts().filter(([key]) => key !== draftKey(base));
  const drafts = shapes ? [...others, [draftKey(base), shapes]] : others;
  try {
    sessionStorage.setItem(DRAFTS, JSON.stringify(drafts.slice(-MOST_DRAFTS)));
  } catch {
    // no room: the edits stay on the page as long as it does
  }
}

/** @param {Base} base @returns {CanvasShape[]|null} */
const draftOf = (base) => readDrafts().find(([key]) => key === draftKey(base))?.[1] ?? null;
