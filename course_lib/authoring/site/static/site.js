// What is the site's own: the filter of the ledger, the table of progress, the claim that is judged, links that open
// a notebook where the reader stands.

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll(".course-filter").forEach(filter);
  document.querySelectorAll(".course-progress").forEach(progress);
  document.querySelectorAll(".course-seeds").forEach(seeds);
  document.querySelectorAll("a[data-open]").forEach(opens);
  addEventListener("hashchange", unfold);
  unfold();
});

/** A link to what is folded unfolds it. */
function unfold() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let part = target; part; part = part.parentElement) {
    if (part.tagName === "DETAILS" && !part.matches(".course-reveal")) part.open = true;
  }
  target?.scrollIntoView();
}

function filter(form) {
  const rows = [...document.querySelectorAll(".course-ledger tbody tr")];
  const [text, ...choices] = form.elements.length ? [form.elements.text, ...form.querySelectorAll("select")] : [];
  const look = () => {
    const wanted = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const words = row.textContent.toLowerCase();
      const fits = choices.every(({ name, value }) => !value || row.dataset[name] === value);
      row.hidden = !fits || !wanted.every((word) => words.includes(word));
      shown += !row.hidden;
    }
    form.querySelector("output").textContent = `${shown} of ${rows.length}`;
    const asked = [text, ...choices].filter(({ value }) => value).map(({ name, value }) => [name, value]);
    history.replaceState(null, "", `${location.pathname}${asked.length ? `?${new URLSearchParams(asked)}` : ""}${location.hash}`);
  };
  for (const [name, value] of new URLSearchParams(location.search)) if (form.elements[name]) form.elements[name].value = value;
  form.addEventListener("input", look);
  form.addEventListener("submit", (event) => event.preventDefault());
  look();
}

function progress(table) {
  const files = document.querySelector(".course-files");
  const said = files.querySelector("output");
  const draw = () => {
    const all = course.everything();
    for (const row of table.querySelectorAll("[data-lesson]")) {
      const of = (section) =>
        Object.entries(all[section]).filter(([name]) => name.startsWith(`${row.dataset.lesson}/`)).map(([, entry]) => entry);
      const parts = {
        predictions: of("predictions").length,
        right: of("predictions").filter(({ right }) => right).length,
        quiz: of("quiz").filter(({ right }) => right).length,
        due: of("cards").filter(course.isDue).length,
      };
      for (const cell of row.querySelectorAll("[data-part]")) cell.textContent = parts[cell.dataset.part];
    }
  };
  files.querySelector("[data-do=save]").onclick = () => {
    const text = JSON.stringify(course.everything(), null, 1);
    const link = Object.assign(document.createElement("a"), {
      download: "progress.json",
      href: URL.createObjectURL(new Blob([text], { type: "application/json" })),
    });
    link.click();
    said.textContent = "Saved as progress.json.";
  };
  files.querySelector("[data-do=forget]").onclick = () => {
    if (confirm("Forget all predictions, answers and cards on this browser?")) course.keep({});
    draw();
  };
  files.querySelector("input").onchange = async (event) => {
    try {
      const brought = JSON.parse(await event.target.files[0].text());
      const sections = ["predictions", "quiz", "tasks", "cards"].map((name) => [name, brought[name] ?? {}]);
      if (sections.some(([, entries]) => typeof entries !== "object")) throw new SyntaxError("not a progress file");
      const before = course.everything();
      course.keep(Object.fromEntries(sections.map(([name, entries]) => [name, { ...before[name], ...entries }])));
      said.textContent = "Brought back.";
    } catch (problem) {
      said.textContent = `This file cannot be read: ${problem.message}.`;
    }
    draw();
  };
  draw();
}

/** A claim judged seed by seed: the slider shows what was known after so many. */
function seeds(element) {
  const [range, button, output] = ["input", "button", "output"].map((tag) => element.querySelector(tag));
  const steps = [...element.querySelectorAll(".course-step")];
  let timer;
  const show = () => {
    steps.forEach((step, i) => (step.hidden = i !== range.value - range.min));
    output.textContent = `${range.value} seeds`;
  };
  const pause = () => clearInterval(timer);
  range.oninput = () => {
    pause();
    show();
  };
  button.onclick = () => {
    pause();
    range.value = range.min;
    show();
    timer = setInterval(() => {
      range.value = Number(range.value) + 1;
      show();
      if (range.value === range.max) pause();
    }, 350);
  };
  show();
}

/** Open the notebook at the cell that is read. */
function opens(link) {
  const address = link.href;
  const go = () => {
    const above = [...document.querySelectorAll(".course-anchor")].filter((mark) => mark.getBoundingClientRect().top < 200);
    const cell = above.at(-1)?.id.replace("cell-", "cell-id=");
    if (cell) link.href = address + (address.includes("urlpath=") ? encodeURIComponent(`#${cell}`) : `#${cell}`);
  };
  link.addEventListener("pointerdown", go);
  link.addEventListener("focus", go);
}
