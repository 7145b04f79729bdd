// What can be done in the picture: read a value under the pointer or by arrow keys, play a path or a training step by
// step (where there is none: along the last control that is `played`), drag a handle. All values come with one message,
// asked for when the reader first comes near:
//   axes: [{box: [left, top, width, height] as fractions of the picture, limits: [x, y], scales: [x, y], names: [x, y]}]
//   curves: [{axes, label, x, y, texts: [words] | null, steps}], steps: 0 where it is no run, "x" where its x is the step,
//           else the number of steps from point to point

const NEAR = 28; // CSS pixels from the pointer to a value that it reads
const DURATION = 5000; // ms that a play lasts
const PACES = [160, 900]; // least ms for a position of a control, and where motion is to be reduced

function readings(view, controls, tell) {
  const tip = make("output", { className: "course-tip", role: "status", hidden: true });
  const dot = make("span", { className: "course-dot", hidden: true });
  const play = make("button", { type: "button", textContent: "▶", "aria-label": "Play step by step" });
  const scrub = make("input", { type: "range", min: 0, value: 0, "aria-label": "step" });
  const step = make("output", { className: "course-step" });
  const markers = make("div", { className: "course-markers" });
  let found = null; // {axes, curves} of the picture that is seen
  let wish = null; // what waits for them
  let at = [0, -1]; // curve and point that the arrow keys have reached
  let frame; // of the animation
  let timer; // of the next position
  let runs = false; // whether there is something to play step by step
  const played = controls.findLast((control) => control.played);

  view.canvas.append(markers, dot, tip);
  view.tools.append(play, scrub, step);
  play.hidden = scrub.hidden = step.hidden = true;
  view.canvas.addEventListener("pointermove", (event) => !event.buttons && want(() => point(event)));
  view.canvas.addEventListener("pointerdown", (event) => event.pointerType !== "mouse" && want(() => point(event)));
  view.canvas.addEventListener("pointerleave", hush);
  view.canvas.addEventListener("blur", hush);
  view.canvas.addEventListener("keydown", walk);
  play.onclick = () => {
    if (frame || timer) pause();
    else if (runs) want(start);
    else along();
  };
  playing(false);
  scrub.oninput = () => {
    pause();
    mark(Number(scrub.value));
  };

  /** Do it with the values of this picture, as soon as they are here. */
  function want(what) {
    if (found) return what();
    if (!wish) tell.read();
    wish = what;
  }

  function receive(message) {
    found = message;
    found.runs = message.curves.filter((curve) => curve.steps).map((curve) => ({ ...curve, moments: momentsOf(curve) }));
    found.moments = [...new Set(found.runs.flatMap((run) => run.moments))].filter((step) => step !== null).sort((a, b) => a - b);
    scrub.max = Math.max(0, found.moments.length - 1);
    wish?.();
    wish = null;
  }

  /** Another picture is seen. */
  function painted(handles, places, numbers) {
    if (frame) pause();
    [found, wish, at] = [null, null, [0, -1]];
    markers.replaceChildren();
    scrub.hidden = step.hidden = true;
    hush();
    handle(handles, places, numbers);
  }

  // Read

  function point({ clientX, clientY }) {
    const box = view.canvas.getBoundingClientRect();
    let best = [NEAR];
    found.curves.forEach((curve, c) => {
      curve.x.forEach((x, i) => {
        const [left, top] = place(found.axes[curve.axes], x, curve.y[i]);
        const far = Math.hypot(left * box.width + box.left - clientX, top * box.height + box.top - clientY);
        if (far < best[0]) best = [far, c, i];
      });
    });
    if (best.length > 1) tellPoint(best[1], best[2]);
    else hush();
  }

  function walk(event) {
    if (event.target !== view.canvas || !MOVES.includes(event.key)) return;
    event.preventDefault();
    const { key } = event;
    want(() => {
      const curves = found.curves;
      if (!curves.length) return;
      if (key === "ArrowUp" || key === "ArrowDown") {
        at = [(at[0] + (key === "ArrowUp" ? curves.length - 1 : 1)) % curves.length, Math.max(0, at[1])];
      }
      const last = curves[at[0]].x.length - 1;
      const many = Math.max(1, Math.round(last / 10));
      const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: many, PageDown: -many, Home: -last, End: last }[key] ?? 0;
      at = [at[0], clamp(at[1] + by, 0, last)];
      tellPoint(...at);
    });
  }

  function tellPoint(c, i) {
    const { axes, label, x, y, texts } = found.curves[c];
    if (y[i] === null) return hush();
    const names = found.axes[axes].names;
    const words = texts?.[i] ?? `${names[0]} ${x[i]}, ${names[1]} ${y[i]}`;
    tip.textContent = label ? `${label}: ${words}` : words;
    const [left, top] = place(found.axes[axes], x[i], y[i]);
    for (const part of [tip, dot]) {
      part.hidden = false;
      part.style.left = `${100 * left}%`;
      part.style.top = `${100 * top}%`;
    }
    tip.classList.toggle("course-left", left > 0.6);
    tip.classList.toggle("course-above", top > 0.7);
  }

  function hush() {
    tip.hidden = dot.hidden = true;
  }

  // Play

  function start() {
    const last = Number(scrub.max);
    if (!last) return;
    const calm = isCalm();
    const from = Number(scrub.value) >= last ? 0 : Number(scrub.value);
    let begun;
    playing(true);
    const tick = (now) => {
      begun ??= now;
      const part = calm ? Math.floor((10 * (now - begun)) / DURATION) / 10 : (now - begun) / DURATION;
      const here = Math.min(last, Math.round(from + part * last));
      mark(here);
      if (here < last) frame = requestAnimationFrame(tick);
      else pause();
    };
    frame = requestAnimationFrame(tick);
  }

  /** From where the control stands to its last position, or from its first where it stands at the last. */
  function along() {
    const { name, positions } = played;
    const last = positions.length - 1;
    let i = nearest(played, tell.where(name));
    if (i === last) i = -1;
    const pace = Math.max(PACES[Number(isCalm())], DURATION / positions.length);
    playing(true);
    const next = () => {
      i += 1;
      tell.step(name, positions[i]);
      if (i < last) timer = setTimeout(next, pace);
      else pause();
    };
    next();
  }

  function pause() {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    frame = timer = 0;
    playing(false);
  }

  function playing(on) {
    play.textContent = on ? "❚❚" : "▶";
    const how = runs || !played ? "step by step" : `along ${played.label}`;
    play.setAttribute("aria-label", on ? "Pause" : `Play ${how}`);
    play.title = play.getAttribute("aria-label");
  }

  function plays(some) {
    runs = some;
    play.hidden = !runs && !played;
    if (!frame && !timer) playing(false);
  }

  /** A dot on every run where it was at moment number `i`; one that has ended stays at its end. */
  function mark(i) {
    const moment = found.moments[i];
    const dots = found.runs.map((run) => {
      const at = run.moments.findLastIndex((step) => step !== null && step <= moment);
      if (at < 0 || run.x[at] === null || run.y[at] === null) return "";
      const [left, top] = place(found.axes[run.axes], run.x[at], run.y[at]);
      const shown = left > -0.01 && left < 1.01 && top > -0.01 && top < 1.01;
      return make("span", { className: "course-dot", hidden: !shown, style: `left:${100 * left}%;top:${100 * top}%` });
    });
    const along = found.runs.find(({ steps }) => steps === "x");
    markers.replaceChildren(...dots);
    scrub.value = i;
    scrub.hidden = step.hidden = false;
    step.textContent = `${along ? found.axes[along.axes].names[0] : "step"} ${moment}`;
    scrub.setAttribute("aria-valuetext", step.textContent);
    scrub.style.setProperty("--course-at", i / Math.max(1, scrub.max));
  }

  // Drag

  let held = null; // the handle that is dragged keeps its element from picture to picture
  const shown = new Map(); // names → its element

  function handle(handles, places, numbers) {
    const kept = new Set(handles.map(({ names }) => names.join()));
    for (const [name, element] of shown) if (!kept.has(name)) element.remove(), shown.delete(name);
    for (const { names, axes, at: [x, y] } of handles) {
      const name = names.join();
      const element = shown.get(name) ?? grip(names);
      shown.set(name, element);
      if (!element.isConnected) view.canvas.append(element);
      element.where = places[axes];
      element.numbers = numbers;
      const [left, top] = place(places[axes], x, y);
      if (element !== held) Object.assign(element.style, { left: `${100 * left}%`, top: `${100 * top}%` });
      const words = names.map((one) => `${label(controls, one)} ${numbers[one]}`).join(", ");
      element.setAttribute("aria-label", `${words}: drag, or move with the arrow keys`);
    }
  }

  function grip(names) {
    const element = make("button", { type: "button", className: "course-handle", "data-moves": "" });
    element.onpointerdown = (event) => {
      held = element;
      element.setPointerCapture(event.pointerId);
      event.preventDefault();
      element.focus({ preventScroll: true });
    };
    element.onpointermove = (event) => {
      if (held !== element) return;
      const box = view.canvas.getBoundingClientRect();
      const [left, top] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
      Object.assign(element.style, { left: `${100 * left}%`, top: `${100 * top}%` });
      const values = displaced(element.where, left, top);
      tell.drag({ [names[0]]: values[0], [names[1]]: values[1] });
    };
    element.onpointerup = element.onpointercancel = () => (held = null);
    element.onkeydown = (event) => {
      const [which, by] = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [1, 1], ArrowDown: [1, -1] }[event.key] ?? [];
      if (by === undefined) return;
      event.preventDefault();
      const control = controls.find(({ name }) => name === names[which]);
      const next = clamp(nearest(control, element.numbers[control.name]) + by, 0, control.positions.length - 1);
      tell.drag({ [control.name]: control.positions[next] });
    };
    return element;
  }

  return { receive, painted, plays, pause };
}

/** The step of each point of a run. */
const momentsOf = ({ x, steps }) => (steps === "x" ? x : x.map((_, i) => i * steps));

const isCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

const label = (controls, name) => controls.find((control) => control.name === name).label;

const bent = (value, scale) => (scale === "log" ? Math.log10(value) : value);

/** Where (x, y) of an axes lies in the picture, as fractions from its upper left corner. */
function place({ box, limits, scales }, x, y) {
  const along = [x, y].map((value, i) => {
    const [low, high] = limits[i].map((end) => bent(end, scales[i]));
    return (bent(value, scales[i]) - low) / (high - low);
  });
  return [box[0] + box[2] * along[0], box[1] + box[3] * (1 - along[1])];
}

/** The x and y of an axes at a place in the picture: the inverse of `place`. */
function displaced({ box, limits, scales }, left, top) {
  return [(left - box[0]) / box[2], 1 - (top - box[1]) / box[3]].map((part, i) => {
    const [low, high] = limits[i].map((end) => bent(end, scales[i]));
    const value = low + clamp(part, 0, 1) * (high - low);
    return scales[i] === "log" ? 10 ** value : value;
  });
}
