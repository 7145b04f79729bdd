// A panel: controls, picture, caption. anywidget calls `render` with the widget's model.
//
// model.get("panel") describes it, plain JSON:
//   {title, address?, begun: {control: number}, size: [width, height] in CSS pixels, theme: "light" | "dark", large,
//    presets: {name: {control: number}},
//    controls: [{name, label, unit, kind: "slider" | "choice", positions, default, free, log, whole, resets,
//                inPicture, played}]}
//   address: the panel's name in the address of a page without a kernel, see address.js
// The page says:
//   {kind: "ask", numbers, theme, width, large}  for the picture at these numbers, `width` pixels across;
//                                                numbers and theme null: as the kernel stands (opening, reload)
//   {kind: "stand", numbers}                     where the reader stands, after moves that asked for nothing
//   {kind: "read", numbers, theme, width, large} for the values in the picture
//   {kind: "stop"}                               to end a training
// The kernel says, by "msg:custom":
//   {kind: "pictures", numbers, theme, width, large, axes, captions, complete, left, layers, brings,
//    plays, places?, handles?}
//       (`left`: seconds that a training will still take, null: nobody knows, or soon)
//       with a buffer for each picture: one for each cell of the product of `axes` {control: [numbers]}, a single one
//       where there are none. `layers` names, for each, the picture that it lies over (null: none); those that are
//       named in `brings` come first. `plays`: whether something runs step by step. `handles`: for each picture
//       [{names, axes, at}], where `axes` counts `places`.
//   {kind: "readings", numbers, theme, width, large, axes: places, curves}      see readings.js
//   {kind: "refused", sentence, numbers, theme, width, large} and {kind: "stopped", sentence}
// A page without a kernel has a part of the controls; `fixed` in the description tells of the others: [{words: "λ = 1",
// state: "name=value", "" at its default}]. There `sources`, addresses, stand in the place of buffers (static.js).
// What was seen once, or came as a cell of an axis, is looked up in the page and asks for nothing.

const MOST = 300; // pictures that a page keeps: 5 MB at density 1
const WIDEST = 2400; // pixels across that the kernel is asked for
const STOP = "■ Stop";
const SILENT = "The kernel has not answered yet. If it is idle, run the first cell and then this one again.";

function render({ model, el }) {
  const spec = model.get("panel");
  const seen = new Map(); // key of look and numbers → {picture, under, caption, handles, places}
  const layers = new Map(); // name → address
  let numbers = spec.begun;
  let enlarged = spec.large; // for a hall
  let look = { theme: spec.theme, width: null, large: enlarged };
  let asked = null; // key of what the kernel was asked for last; "first" when we have just opened
  let waiting = false; // the kernel has not answered yet
  let behind = false; // the reader has moved on meanwhile
  let untold = false; // the reader stands where the kernel does not know
  let patience; // a timer
  const call = JSON.stringify([spec.title, spec.begun]);
  const cell = () => el.closest(".jp-Cell"); // an element that stays when the cell is run again

  const view = build(spec, { move, choose, turn, enlarge, say, stop });
  const reader = readings(view, spec.controls, { read, drag, step, where: (name) => numbers[name] });
  el.append(view.root);
  keepKeys(view.root);
  const forget = watchKernel(model, view.root);
  const address = spec.address ? followAddress(spec.address, spec.controls, view.root, go) : null;
  model.on("msg:custom", hear);
  view.root.addEventListener("focusout", tell);
  view.root.addEventListener("pointerleave", tell);
  view.root.addEventListener("keydown", leave);
  const sizes = new ResizeObserver(later(measure, 150));
  sizes.observe(view.canvas);
  dress();
  stand();
  requestAnimationFrame(measure);

  // From a moved control to a question

  function move(name, value) {
    reader.pause();
    step(name, value);
  }

  function step(name, value) {
    const back = spec.controls.filter((control) => control.resets && control.name !== name);
    go({ ...numbers, ...defaults(back), [name]: value });
  }

  function choose(preset) {
    reader.pause();
    go({ ...defaults(spec.controls), ...spec.presets[preset] });
  }

  function drag(values) {
    const moved = spec.controls.filter(({ name }) => name in values);
    go({ ...numbers, ...Object.fromEntries(moved.map((c) => [c.name, c.positions[nearest(c, values[c.name])]])) });
  }

  function go(at) {
    numbers = at;
    untold = true;
    remember();
    show(); // first, it is what the reader waits for
    stand();
  }

  function turn() {
    look = { ...look, theme: other(look.theme) };
    dress();
    show();
  }

  function enlarge() {
    enlarged = !enlarged;
    dress();
    look = { ...look, large: isLarge() };
    measure();
    show();
  }

  /** Ask for pictures as wide as they are shown, in pixels of the screen. */
  function measure() {
    const width = Math.min(WIDEST, Math.round(view.canvas.clientWidth * devicePixelRatio));
    if (!width || (look.width && Math.abs(width - look.width) < 2)) return; // folded, or as before
    look = { ...look, width, large: isLarge() };
    if (asked === null) open();
    else if (asked !== "first") show();
  }

  /** Whether text is drawn larger: for a hall, and in a small picture, as at 200 % zoom. */
  function isLarge() {
    return enlarged || view.canvas.clientWidth < spec.size[0] / 2;
  }

  /** Begin where the address says, or the same call stood when its cell was run before, else where the kernel stands. */
  function open() {
    const stood = address?.begun ?? cell()?.courseStood?.[call];
    if (stood) numbers = stood;
    stand();
    view.title.setAttribute("aria-level", levelAt(el));
    ask(stood ? key() : "first", stood ?? null);
  }

  function remember() {
    address?.write(numbers);
    if (cell()) cell().courseStood = { ...cell().courseStood, [call]: numbers };
  }

  function show() {
    const wanted = key();
    const found = view.stop.hidden ? seen.get(wanted) : null; // only the kernel can end a training
    const inverted = found ? null : seen.get(key(numbers, { ...look, theme: other(look.theme) }));
    behind = false;
    if (found ?? inverted) paint(found ?? inverted, !found); // inverted: will do until the right colours come
    if (found) asked = wanted;
    else if (waiting) behind = true;
    else ask(wanted, numbers);
  }

  function ask(wanted, at) {
    [asked, waiting, untold] = [wanted, true, false];
    clearTimeout(patience);
    patience = setTimeout(() => say(SILENT), 10_000);
    view.root.ariaBusy = true;
    view.root.classList.remove("course-served");
    model.send({ kind: "ask", numbers: at, ...look, theme: at && look.theme });
  }

  function tell() {
    if (untold) model.send({ kind: "stand", numbers });
    untold = false;
  }

  function stop() {
    model.send({ kind: "stop" });
  }

  function read() {
    model.send({ kind: "read", numbers, ...look });
    untold = false;
  }

  /** Shift+Tab leaves the panel at once. */
  function leave(event) {
    if (event.key === "Tab" && event.shiftKey) view.root.focus();
  }

  function key(at = numbers, as = look) {
    return JSON.stringify([as.theme, as.width, as.large, ...spec.controls.map(({ name }) => at[name])]);
  }

  // From an answer to a picture

  function hear(message, buffers) {
    if (message.kind === "readings") return key(message.numbers, message) === key() && reader.receive(message);
    clearTimeout(patience);
    waiting = false;
    view.stop.hidden = message.complete !== false;
    view.stop.textContent = message.left ? `${STOP} (about ${message.left} s left)` : STOP;
    if (message.kind === "pictures") receive(message, buffers);
    else {
      say(message.sentence);
      view.root.classList.toggle("course-refused", message.kind === "refused");
    }
    if (asked === "first" && message.numbers) adopt(message);
    if (behind) show();
    view.root.ariaBusy = waiting || !view.stop.hidden;
  }

  function receive({ axes, captions, complete, ...message }, buffers) {
    const pictures = message.sources ?? buffers.map(dataURL);
    for (const name of message.brings) layers.set(name, pictures.shift());
    if (asked === "first") adopt(message);
    const came = new Map();
    cells(axes).forEach((cell, i) => {
      const frame = { picture: pictures[i], under: layers.get(message.layers[i]), caption: captions[i] };
      Object.assign(frame, { handles: message.handles?.[i] ?? [], places: message.places });
      came.set(key({ ...message.numbers, ...cell }, message), frame);
    });
    if (complete !== false) came.forEach(keep);
    const frame = came.get(key()) ?? came.get(asked);
    if (frame) paint(frame);
    reader.plays(message.plays);
    view.root.classList.toggle("course-served", Object.keys(axes).length > 0);
  }

  function adopt(message) {
    look = { ...look, theme: message.theme };
    asked = key(message.numbers);
    if (!behind) numbers = message.numbers; // who has moved on meanwhile stays where he is
    dress();
    stand();
  }

  function keep(frame, at) {
    seen.delete(at);
    seen.set(at, frame);
    if (seen.size > MOST) seen.delete(seen.keys().next().value);
  }

  function paint({ picture, under, caption, handles, places }, inverted = false) {
    if (under && view.under.src !== under) view.under.src = under;
    view.under.hidden = !under;
    if (view.picture.src !== picture) reader.painted(handles, places, numbers);
    view.picture.src = picture;
    view.picture.alt = caption;
    view.root.classList.toggle("course-inverted", inverted);
    view.root.classList.remove("course-refused");
    say(caption);
  }

  function say(sentence) {
    if (view.caption.textContent !== sentence) view.caption.textContent = sentence;
  }

  function stand() {
    for (const { name } of spec.controls) view.controls[name].stand(numbers[name]);
    const moved = spec.controls.filter((control) => numbers[control.name] !== control.default);
    const elsewhere = (spec.fixed ?? []).map(({ state }) => state).filter(Boolean);
    const line = [...elsewhere, ...moved.map(({ name }) => `${name}=${numbers[name]}`)].join(", ");
    view.state.textContent = line ? `show(state="${line}")` : "show()";
  }

  function dress() {
    view.root.dataset.theme = look.theme;
    view.turn.textContent = `◐ ${other(look.theme)}`;
    view.enlarge.setAttribute("aria-pressed", enlarged);
    view.root.classList.toggle("course-large", enlarged);
  }

  return () => {
    clearTimeout(patience);
    sizes.disconnect();
    reader.pause();
    address?.forget();
    model.off("msg:custom", hear);
    forget();
    view.root.remove();
  };
}

const defaults = (controls) => Object.fromEntries(controls.map((control) => [control.name, control.default]));
const other = (theme) => (theme === "dark" ? "light" : "dark");

/** The address of a picture. A data URL is sooner on the screen than a blob's, and there is nothing to give back. */
function dataURL({ buffer, byteOffset, byteLength }) {
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  const text = bytes.toBase64?.() ?? btoa(bytes.reduce((before, byte) => before + String.fromCharCode(byte), ""));
  return `data:image/png;base64,${text}`;
}

/** All cells of {name: values}, the last name fastest; one empty cell where there is none. */
function cells(axes) {
  const grow = (found, [name, values]) => found.flatMap((cell) => values.map((value) => ({ ...cell, [name]: value })));
  return Object.entries(axes).reduce(grow, [{}]);
}

// The elements. Tab goes through them as they stand: the panel with its title, controls, picture, buttons.

function build(spec, tell) {
  const [width, height] = spec.size;
  const image = (className) => make("img", { className, alt: "", decoding: "sync", draggable: false });
  const controls = Object.fromEntries(spec.controls.map((control) => [control.name, card(control, tell)]));
  const beside = spec.controls.filter((control) => !control.inPicture);
  const title = make("div", { id: unique("title"), className: "course-title", role: "heading" }, spec.title);
  const button = (textContent, onclick, more = {}) => make("button", { type: "button", textContent, onclick, ...more });
  const state = make("code", { className: "course-state" });
  const view = {
    title,
    controls,
    state,
    stop: button(STOP, tell.stop, { hidden: true }),
    turn: button("", tell.turn),
    enlarge: button("⤢ large", tell.enlarge),
    under: image("course-under"),
    picture: image("course-picture"),
    caption: make("p", { className: "course-caption", "aria-live": "polite" }),
  };
  const share = button("Copy", () => copy(state, share), { "aria-label": "Copy the line that shows this state" });
  const named = { role: "group", "aria-label": "picture: arrow keys read its values", "data-moves": "", tabIndex: 0 };
  view.canvas = make("div", { className: "course-canvas", ...named }, view.under, view.picture);
  view.tools = make("div", { className: "course-tools" });
  view.root = make("div", { className: "course-panel", role: "group", "aria-labelledby": title.id, tabIndex: 0 });
  view.root.append(
    make("div", { className: "course-bar" }, title, ...menu(spec.presets, tell), view.stop),
    make("div", { className: "course-controls" }, ...beside.map(({ name }) => controls[name].view)),
    make("div", { className: "course-frame" }, view.canvas),
    view.caption,
    make("div", { className: "course-foot" }, view.tools, share, state, view.turn, view.enlarge),
  );
  view.root.dataset.preventSwipe = ""; // reveal.js would turn the slide
  view.root.style.setProperty("--course-aspect", width / height);
  view.root.style.setProperty("--course-width", `${width}px`);
  view.root.style.setProperty("--course-columns", columns(beside));
  view.root.style.setProperty("--course-rows", Math.ceil(beside.length / columns(beside)) || 0);
  return view;
}

/** So many controls side by side that rows are full and labels have room. */
function columns(controls) {
  const longest = Math.max(0, ...controls.map(({ label, unit }) => label.length + unit.length));
  if (longest > 24 || controls.length === 2 || controls.length === 4) return 2;
  return Math.min(3, controls.length);
}

async function copy(state, button) {
  getSelection().selectAllChildren(state); // where a page may not write to the clipboard, Ctrl+C does
  await navigator.clipboard?.writeText(state.textContent).then(() => (button.textContent = "Copied"), () => {});
  setTimeout(() => (button.textContent = "Copy"), 2000);
}

function menu(presets, tell) {
  const names = Object.keys(presets).map((name) => new Option(name));
  if (!names.length) return [];
  const select = make("select", {}, new Option("–", ""), ...names);
  select.onchange = () => select.value && tell.choose(select.value);
  return [make("label", { className: "course-presets" }, "start from ", select)];
}

/** What a reader moves: {view: its element, stand: moves it to a number}. */
function card(control, tell) {
  return control.kind === "choice" ? choice(control, tell) : slider(control, tell);
}

function choice(control, tell) {
  const words = control.positions.map((word) => new Option(word));
  const select = make("select", { onchange: () => tell.move(control.name, select.value) }, ...words);
  const view = make("label", { className: "course-control course-choice" }, make("span", {}, control.label), select);
  return { view, stand: (now) => (select.value = now) };
}

/** A range along the positions, and a number box, which can be typed into. */
function slider(control, tell) {
  const { positions, unit } = control;
  const [low, high] = [positions[0], positions.at(-1)];
  const name = unit ? `${control.label} (${unit})` : control.label;
  const box = make("input", { type: "number", step: "any", min: low, max: high, id: unique("box") });
  const range = make("input", { type: "range", min: 0, max: positions.length - 1, "aria-label": name });
  let now = control.default;
  const stand = (value) => {
    [now, box.value, range.value] = [value, value, nearest(control, value)];
    range.style.setProperty("--course-at", range.value / Math.max(1, range.max));
    range.setAttribute("aria-valuetext", spoken(control, value));
  };
  range.oninput = () => tell.move(control.name, positions[range.value]);
  box.onchange = () => {
    const value = box.valueAsNumber;
    const good = value >= low && value <= high && (!control.whole || Number.isInteger(value));
    if (good) return tell.move(control.name, control.free ? value : positions[nearest(control, value)]);
    const what = control.whole ? "a whole number" : "a finite number";
    tell.say(`${name} = ${box.value}: must be ${what} in [${low}, ${high}]. It stays at ${now}.`);
    stand(now);
  };
  box.onkeydown = (event) => {
    const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!by) return;
    event.preventDefault(); // a step of 1 may be far more than the whole range
    tell.move(control.name, positions[clamp(nearest(control, now) + by, 0, positions.length - 1)]);
  };
  const label = make("label", { htmlFor: box.id }, name);
  return { view: make("div", { className: "course-control" }, label, range, box), stand };
}

const spoken = ({ unit }, value) => (unit ? `${value} ${unit}` : `${value}`);

export default { render };
