// The state of panels in the address of a page, for pages without a kernel: a link shows what its writer saw.
//   #adamw.trajectory?strength=0.4&lr=0.1
// The name before the question mark is the panel's (`spec.address`), which no other in the page has; what is not named
// stands at its default. In a notebook panels have no such name: the address is JupyterLab's.

/** The link's part for a panel `name` that stands at `numbers`. */
function writeAddress(name, controls, numbers) {
  const moved = controls.filter((control) => numbers[control.name] !== control.default);
  const state = new URLSearchParams(moved.map((control) => [control.name, numbers[control.name]]));
  return `#${name}?${state}`;
}

/** Where such a link has the panel `name` stand; null where it speaks of another, or of none. */
function readAddress(name, controls, hash) {
  const [named, state = ""] = hash.slice(1).split("?");
  if (named !== name) return null;
  const said = new URLSearchParams(state);
  return Object.fromEntries(controls.map((control) => [control.name, standing(control, said.get(control.name))]));
}

/** What a word says of a control: its nearest position; its default where it says nothing that it could stand at. */
function standing(control, word) {
  if (control.kind === "choice") return control.positions.includes(word) ? word : control.default;
  const number = word ? Number(word) : NaN;
  return Number.isFinite(number) ? control.positions[nearest(control, number)] : control.default;
}

/** Keeps the page's address and one panel of it together. `go(numbers)` moves the panel to where a link says. */
function followAddress(name, controls, root, go) {
  const follow = () => {
    const numbers = readAddress(name, controls, location.hash);
    if (!numbers) return;
    go(numbers);
    root.scrollIntoView({ block: "nearest" });
  };
  const write = later((numbers) => {
    const link = writeAddress(name, controls, numbers);
    if (link !== location.hash) history.replaceState(history.state, "", link); // no entry to go back to for each move
  }, 300); // browsers refuse an address that changes at every picture of a drag
  const begun = readAddress(name, controls, location.hash);
  if (begun && document.readyState !== "complete") addEventListener("load", () => root.scrollIntoView({ block: "center" }));
  addEventListener("hashchange", follow);
  return { begun, write, forget: () => removeEventListener("hashchange", follow) };
}
