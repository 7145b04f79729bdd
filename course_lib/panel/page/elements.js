// What every part of the front end uses: elements, keys, and a kernel that is gone. No build step: the kernel
// hands these files to the page one after the other, as a single module.

/** An element with properties, and attributes where the name has a hyphen or is `role`. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

const MOVES = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"];

/** Only what the focused element needs stays in `root`; every other key reaches JupyterLab, or the slides. */
function keepKeys(root) {
  root.addEventListener("keydown", (event) => {
    if (needs(event.target, event)) event.stopPropagation();
  });
}

function needs(target, { key, ctrlKey, altKey, metaKey, shiftKey }) {
  if (ctrlKey || altKey || metaKey || key === "Escape" || (shiftKey && key === "Enter")) return false;
  if (MOVES.includes(key)) return target.matches("input, select, [data-moves]");
  if (target.matches("input[type=number], select")) return true; // typed
  return (key === "Enter" || key === " ") && target.matches("button, input, summary, [data-moves]");
}

let numbered = 0;

/** A name for an element that no other has in this page. */
const unique = (stem) => `course-${stem}-${Date.now().toString(36)}-${(numbered += 1)}`;

/** The level of a heading at `place`, one below the last one before it, so that the page's outline stays whole. */
function levelAt(place) {
  const page = place.closest(".jp-Notebook") ?? document;
  const before = [...page.querySelectorAll("h1, h2, h3, h4, h5")].filter(
    (other) => other.compareDocumentPosition(place) & Node.DOCUMENT_POSITION_FOLLOWING,
  );
  return Math.min(6, Number(before.at(-1)?.tagName[1] ?? 1) + 1);
}

/** Says it in `root` once the kernel behind `model` is gone; what is in the page still moves. */
function watchKernel(model, root) {
  const dead = () => root.classList.add("course-dead");
  const look = (_, status) => ENDS.includes(status) && dead();
  const kernel = model.widget_manager?.kernel; // JupyterLab's: it tells models of a restart, but not of a death
  root.prepend(make("p", { className: "course-gone", role: "status" }, GONE));
  model.on("comm_live_update", dead);
  kernel?.statusChanged.connect(look);
  kernel?.disposed.connect(dead);
  return () => {
    model.off("comm_live_update", dead);
    kernel?.statusChanged.disconnect(look);
    kernel?.disposed.disconnect(dead);
  };
}

const ENDS = ["restarting", "autorestarting", "terminating", "dead"];
const GONE = "The kernel has stopped. Run the first cell again; if this does not come back then, run its cell too.";

const clamp = (number, low, high) => Math.min(Math.max(number, low), high);

/** `what`, once nothing has asked for it for some milliseconds. */
function later(what, milliseconds) {
  let timer;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => what(...given), milliseconds);
  };
}

/** The place, among a control's positions, of the one nearest to `value` as seen on its rail. */
function nearest({ positions, log }, value) {
  const where = (number) => (log && number > 0 ? Math.log10(number) : number);
  const far = (number) => Math.abs(where(number) - where(value));
  return positions.reduce((best, number, i) => (far(number) < far(positions[best]) ? i : best), 0);
}
