// Slides of a fixed size. What is too high for one goes on on the next below it; a single piece that is too high by
// itself is made smaller.

const ROOM = HEIGHT - 40;

function divide(slide) {
  const blocks = [...slide.querySelectorAll(":scope > .block")];
  const starts = [];
  let top = 0;
  blocks.forEach((block, i) => {
    const { offsetTop, offsetHeight } = block;
    if (i && offsetTop + offsetHeight - top > ROOM && !lonely(blocks[i - 1], starts.at(-1), i - 1)) {
      top = offsetTop;
      starts.push(i);
    }
  });
  let end = blocks.length;
  for (const start of starts.reverse()) {
    const next = slide.cloneNode(false);
    delete next.dataset.timing;
    next.append(...blocks.slice(start, end));
    slide.after(next);
    end = start;
  }
}

/** Whether a heading would be left behind alone. */
const lonely = (block, start, i) => /^H\d$/.test(block.firstElementChild?.tagName ?? "") && i === (start ?? 0);

function shrink(slide) {
  const blocks = [...slide.querySelectorAll(":scope > .block")];
  const height = blocks.reduce((all, block) => all + block.offsetHeight, 0);
  if (height > ROOM) slide.style.setProperty("zoom", Math.floor((100 * ROOM) / height) / 100);
}

async function begin() {
  await document.fonts.ready;
  document.body.classList.add("measuring"); // every slide is laid out, as wide as it will be
  document.querySelectorAll(".slides > section > section").forEach(divide);
  document.querySelectorAll(".slides > section > section").forEach(shrink);
  document.body.classList.remove("measuring");
  await Reveal.initialize({
    width: WIDTH, height: HEIGHT, margin: 0, center: false, hash: true, slideNumber: "c/t", transition: "none",
    navigationMode: "linear", plugins: [RevealNotes],
  });
}

begin();
