// Questions, flash cards and hints. model.get("shown") is what is seen, plain JSON:
//   {where: line above | "", text, options: [words], chosen: word | null, reply: HTML | "", back: text | "",
//    buttons: [{name, label, disabled, primary}]}
// The page says {chosen: word} or {pressed: name of a button}; the kernel answers with another `shown`.

function render({ model, el }) {
  const root = make("div", { className: "course-quiz", role: "group" });
  root.dataset.theme = document.body.dataset.jpThemeLight === "false" ? "dark" : "light";
  const body = make("div");
  const where = make("p", { className: "course-said", "aria-live": "polite" });
  const reply = make("p", { className: "course-reply", "aria-live": "polite" });
  const foot = make("div", { className: "course-buttons" });
  let drawn = "";
  root.append(where, body, reply, foot);
  el.append(root);
  keepKeys(root);
  const forget = watchKernel(model, root);
  model.on("change:shown", draw);
  draw();

  function draw() {
    const shown = model.get("shown");
    const focused = root.contains(document.activeElement);
    const what = JSON.stringify([shown.text, shown.options, shown.back]);
    if (what !== drawn) body.replaceChildren(question(shown)); // else the radio button that has the focus stays
    drawn = what;
    for (const radio of body.querySelectorAll("input")) radio.checked = radio.value === shown.chosen;
    root.ariaLabel = shown.text;
    where.textContent = shown.where;
    where.hidden = !shown.where;
    reply.innerHTML = shown.reply;
    reply.hidden = !shown.reply;
    foot.replaceChildren(...shown.buttons.map(button));
    foot.hidden = !shown.buttons.length;
    if (focused && !root.contains(document.activeElement)) foot.querySelector(".course-primary, :enabled")?.focus();
  }

  function question({ text, options, back }) {
    if (!options.length) return make("div", { className: "course-card" }, make("b", {}, text), make("p", {}, back));
    const group = unique("options");
    const radio = (word) =>
      make("input", { type: "radio", name: group, value: word, onchange: () => model.send({ chosen: word }) });
    const choices = options.map((word) => make("label", {}, radio(word), make("span", {}, word)));
    return make("fieldset", {}, make("legend", {}, text), ...choices);
  }

  function button({ name, label, disabled, primary }) {
    const className = primary ? "course-primary" : "";
    const onclick = () => model.send({ pressed: name });
    return make("button", { type: "button", className, disabled, onclick }, label);
  }

  return () => {
    model.off("change:shown", draw);
    forget();
    root.remove();
  };
}

export default { render };
