// A page without a kernel: what a kernel would answer is looked up, or worked out here. `course.show(element)` brings
// to life what stands in the page as HTML; its data is the JSON in its first <script>, its kind `data-kind`:
//   panel    {spec, plays, handles, places} with the first picture as images and caption; the pictures of its grid come
//            once they are needed, from the script at `data-table`, which calls `course.receive`, or from a second JSON:
//            {axes: {control: [numbers]}, captions, layers: [address], under: [layer | null], sources: [address],
//             plays, handles, places, readings: axes and curves of each, deflated, in base 64}; see panel/frozen.py
//   quiz     {name, text, reasons: [[option, reason]], answer}      predict  {name, text, options}
//   deck     {questions: [quiz]}                                    cards    {cards: [{name, topic, front, back}]}
//   reveal   {name, came: option | ""} in a <details>; it opens once the prediction called so is made
// What a reader does is kept in the browser's own storage, in the form of .course/progress.json.

const KINDS = { panel: frozen, quiz: one, predict, deck, cards, reveal };
const tables = new Map(); // address → {receive, promise} of a table that was sent for

function show(element) {
  KINDS[element.dataset.kind](element, JSON.parse(element.querySelector("script").textContent));
}

/** What stands for a widget's model: `state()` is what it holds, `send` hears the page, `tell` is the event `told`. */
function modelOf(state, told, send) {
  const heard = new Set();
  return {
    get: state,
    on: (event, hears) => event === told && heard.add(hears),
    off: (event, hears) => heard.delete(hears),
    send,
    tell: (...said) => heard.forEach((hears) => hears(...said)),
  };
}

/** Take away what was enough without a script. */
function clear(element) {
  for (const part of [...element.children]) if (part.tagName !== "SCRIPT") part.remove();
}

/** A table has come: `address` is what was asked for. */
function receive(address, table) {
  tables.get(address).receive(table);
}

// Explorers

function frozen(element, { spec, ...first }) {
  const [picture, under] = ["picture", "under"].map((name) => element.querySelector(`.course-${name}`)?.src);
  first = { ...first, sources: [under, picture].filter(Boolean), caption: element.querySelector("figcaption").textContent };
  const loaded = loader(element);
  let numbers = { ...spec.begun };
  let mounted;
  const mount = () => {
    mounted?.();
    mounted = hang(element, { ...spec, theme: themeNow() }, first, answers);
  };
  mount();
  whenNear(element, loaded);
  onTheme(mount);

  /** The answer to what the panel says, as a kernel's: [message] or, where it has to be sent for, a promise of one. */
  function answers(message) {
    const look = { theme: message.theme ?? themeNow(), width: message.width, large: message.large };
    numbers = message.numbers ?? numbers;
    const said = { numbers: { ...numbers }, ...look };
    if (message.kind === "read") return loaded().then((table) => values(table, said));
    if (message.kind !== "ask") return null;
    if (begins(spec, numbers)) return pictures(said, first);
    return loaded().then((table) => pictures(said, cellOf(table, placeOf(table, said.numbers))));
  }
}

const begins = (spec, numbers) => spec.controls.every(({ name }) => numbers[name] === spec.begun[name]);

/** Put a panel into `element`; returns what takes it away again. */
function hang(element, spec, first, answers) {
  const tell = (message) => message && model.tell(message, []);
  const model = modelOf(() => spec, "msg:custom", (message) => {
    const answer = answers(message);
    if (answer?.then) answer.then(tell, () => tell({ kind: "stopped", sentence: LOST }));
    else tell(answer);
  });
  const place = make("div", { className: "course-frozen" });
  clear(element);
  element.append(place);
  const gone = views.panel({ model, el: place });
  if (spec.fixed.length) {
    const words = spec.fixed.map((control) => control.words).join(" · ");
    const note = make("p", { className: "course-fixed" }, `Fixed on this page: ${words}. The notebook moves these too.`);
    place.querySelector(".course-controls").after(note);
  }
  tell(pictures({ numbers: spec.begun, theme: spec.theme, width: null, large: false }, first));
  return () => {
    gone();
    place.remove();
  };
}

const LOST = "The pictures of this explorer could not be loaded; the page needs its folder _static beside it.";

function pictures(said, { sources, caption, plays, handles, places }) {
  const brings = sources.length > 1 ? [sources[0].length + sources[0].slice(-40)] : [];
  const lies = { layers: [brings[0] ?? null], brings, sources: [...sources] };
  const grips = handles ? { handles: [handles], places } : {};
  return { kind: "pictures", ...said, axes: {}, captions: [caption], complete: true, ...lies, plays, ...grips };
}

function placeOf({ axes }, numbers) {
  return Object.entries(axes).reduce((place, [name, kept]) => place * kept.length + kept.indexOf(numbers[name]), 0);
}

function cellOf({ captions, layers, under, sources, plays, handles, places }, cell) {
  const below = under[cell] === null ? [] : [layers[under[cell]]];
  return { caption: captions[cell], sources: [...below, sources[cell]], plays, handles: handles?.[cell], places };
}

/** The values in a picture, unpacked when the first are asked for. */
async function values(table, said) {
  table.unpacked ??= inflated(table.readings);
  return { kind: "readings", ...said, ...(await table.unpacked)[placeOf(table, said.numbers)] };
}

async function inflated(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

/** A function that sends for the table of `element` once, and promises it. */
function loader(element) {
  const address = element.dataset.table;
  const inline = element.querySelectorAll("script")[1];
  if (inline) {
    let table;
    return () => Promise.resolve((table ??= JSON.parse(inline.textContent)));
  }
  return () => {
    if (!tables.has(address)) tables.set(address, sendFor(address));
    return tables.get(address).promise;
  };
}

function sendFor(address) {
  const wait = {};
  wait.promise = new Promise((resolve, reject) => {
    wait.receive = resolve;
    // A script, which a page that is opened as a file may load; data it may not.
    document.head.append(make("script", { src: address, onerror: reject }));
  });
  return wait;
}

function whenNear(element, what) {
  const watch = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      watch.disconnect();
      what().catch(() => {}); // said where it is asked for
    },
    { rootMargin: "800px" },
  );
  watch.observe(element);
}

const themeNow = () => {
  const { theme } = document.documentElement.dataset;
  const wanted = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  return theme === "dark" || theme === "light" ? theme : document.documentElement.dataset.mode === undefined ? "light" : wanted;
};

/** Do it when the page has turned light or dark. */
function onTheme(what) {
  let former = themeNow();
  new MutationObserver(() => {
    if (former === themeNow()) return;
    former = themeNow();
    what();
  }).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
}

// Questions

/** Show `shown` as quiz.js does; `answered(message)` gives what is shown after an answer. */
function asking(element, shown, answered) {
  let now = shown;
  const model = modelOf(() => now, "change:shown", (message) => {
    now = answered(message);
    model.tell();
  });
  clear(element);
  views.quiz({ model, el: element });
  const dress = () => (element.querySelector(".course-quiz").dataset.theme = themeNow());
  dress();
  onTheme(dress);
}

const page = (text, more) =>
  ({ where: "", options: [], chosen: null, reply: "", back: "", buttons: [], text, ...more });
const words = (text) => make("i", { textContent: text }).innerHTML; // as HTML

function reply({ name, reasons, answer }, option) {
  const right = option === answer;
  if (!kept("quiz")[name]) note("quiz", name, { said: option, right, at: moment() });
  const mark = right ? "✓ Right." : "✗ Not this one.";
  return `<b>${mark}</b> ${words(Object.fromEntries(reasons)[option])}`;
}

function one(element, question) {
  const options = question.reasons.map(([option]) => option);
  asking(element, page(question.text, { options }), ({ chosen }) =>
    page(question.text, { options, chosen, reply: reply(question, chosen) }));
}

function predict(element, { name, text, options }) {
  const shown = (chosen, said) => page(text, { options, chosen, reply: said });
  const said = kept("predictions")[name]?.said;
  const commit = ({ chosen }) => {
    const entry = kept("predictions")[name] ?? {};
    if ("came" in entry && entry.said && chosen !== entry.said)
      return shown(entry.said, `The answer is out. Before it you said: <b>${words(entry.said)}</b>.`);
    note("predictions", name, { ...entry, said: chosen, at: moment() });
    return shown(chosen, `You said: <b>${words(chosen)}</b>. Kept until the answer comes.`);
  };
  asking(element, options.includes(said) ? shown(said, `You said: <b>${words(said)}</b>.`) : shown(null, ""), commit);
}

function deck(element, { questions }) {
  const said = questions.map(() => ({ chosen: null, reply: "" }));
  const first = new Map();
  let at = 0;
  const draw = () => {
    const { text, reasons } = questions[at];
    const right = [...first.values()].filter(Boolean).length;
    const where = `Question ${at + 1} of ${questions.length} · ${right} right at the first try, of ${first.size} answered`;
    const last = at === questions.length - 1;
    const buttons = [button("back", "← Back", at === 0), button("next", "Next →", last, true)];
    return page(text, { where, options: reasons.map(([option]) => option), ...said[at], buttons });
  };
  asking(element, draw(), ({ chosen, pressed }) => {
    if (pressed) at = clamp(at + { back: -1, next: 1 }[pressed], 0, questions.length - 1);
    else {
      const question = questions[at];
      if (!first.has(at)) first.set(at, chosen === question.answer);
      said[at] = { chosen, reply: reply(question, chosen) };
    }
    return draw();
  });
}

const button = (name, label, disabled = false, primary = false) => ({ name, label, disabled, primary });

// Cards come back after 1, then 3, then 7 days, then rest; one not known after 1 day again: learner/recall.py.
const WAITS = [1, 3, 7];

function cards(element, { cards: all }) {
  const due = all.filter(({ name }) => isDue(kept("cards")[name]));
  let at = 0;
  const front = (before = "") => {
    if (at === due.length) return page("", { where: `${before} ${due.length ? DONE : nothingDue(all)}`.trim() });
    const { topic, front: text } = due[at];
    const where = `${before} Card ${at + 1} of ${due.length} · ${topic}`.trim();
    return page(text, { where, buttons: [button("turn", "Turn it", false, true)] });
  };
  asking(element, front(), ({ pressed }) => {
    const { name, topic, front: text, back } = due[at];
    const buttons = [button("knew", "I knew it", false, true), button("not yet", "Not yet")];
    if (pressed === "turn") return page(text, { where: `Card ${at + 1} of ${due.length} · ${topic}`, back, buttons });
    at += 1;
    return front(turned(name, pressed === "knew"));
  });
}

const DONE = "That was all for today.";

function isDue(entry) {
  return !entry || (Boolean(entry.days) && String(entry.due) <= day(0));
}

function nothingDue(all) {
  const days = all.map(({ name }) => kept("cards")[name]?.due).filter(Boolean).sort();
  return days.length ? `Nothing is due. The next card comes on ${days[0]}.` : "All these cards are learned.";
}

function turned(name, knew) {
  const former = kept("cards")[name]?.days;
  const days = knew ? (WAITS[WAITS.indexOf(former) + 1] ?? 0) : WAITS[0];
  note("cards", name, { days, due: days ? day(days) : "", at: moment() });
  return days ? `It comes back in ${days} day${days > 1 ? "s" : ""}.` : "Learned: it rests now.";
}

/** A <details> that opens once its prediction is made; whoever insists may look without. */
function reveal(element, { name, came }) {
  const summary = element.querySelector("summary");
  const ask = make("p", { className: "course-commit", role: "status", hidden: true }, "Commit first: choose an answer ");
  const question = document.querySelector(`[data-kind="predict"][data-name="${CSS.escape(name)}"]`);
  if (question) ask.append(make("a", { href: `#${question.id}` }, "to the question"), ", then open this. ");
  const insist = make("button", { type: "button", onclick: () => open(true) }, "Show it without");
  ask.append(insist);
  element.after(ask);
  const open = (now) => {
    ask.hidden = now;
    if (now) element.open = true;
  };
  summary.addEventListener("click", (event) => {
    if (element.open || kept("predictions")[name]?.said) return;
    event.preventDefault();
    open(false);
  });
  element.addEventListener("toggle", () => {
    if (!element.open) return;
    ask.hidden = true;
    const entry = kept("predictions")[name];
    const note_ = element.querySelector("[data-said]");
    const same = entry?.said === came;
    if (note_) note_.textContent = !entry?.said ? "You made no prediction." : `You said${same ? " the same" : ""}: ${entry.said}.`;
    if (entry?.said) note("predictions", name, { ...entry, came: came || null, right: came ? same : null });
  });
}

// What is kept, in the browser's own storage

const STORE = "course-progress";
let memory = "{}"; // where a browser keeps nothing for this page

function everything() {
  try {
    memory = localStorage.getItem(STORE) ?? memory;
  } catch {} // not allowed here: kept until the page is left
  return { predictions: {}, quiz: {}, tasks: {}, cards: {}, ...JSON.parse(memory) };
}

const kept = (section) => everything()[section];

function keep(all) {
  memory = JSON.stringify(all, null, 1);
  try {
    localStorage.setItem(STORE, memory);
  } catch {}
  document.dispatchEvent(new Event("course-progress"));
}

function note(section, name, entry) {
  if (!name) return;
  const before = everything();
  keep({ ...before, [section]: { ...before[section], [name]: entry } });
}

const moment = () => `${day(0)}T${new Date().toTimeString().slice(0, 8)}`;

/** A day as 2026-03-01, so many days from now, where the reader is. */
function day(later) {
  const now = new Date();
  now.setDate(now.getDate() + later);
  const parts = [now.getFullYear(), now.getMonth() + 1, now.getDate()];
  return parts.map((part) => String(part).padStart(2, "0")).join("-");
}
