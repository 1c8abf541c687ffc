import { choices, element, inkPicture, slider } from "./kit.js";
import { forward, halfs, softmax } from "./network.js";
import { inked, normalised, SIDE } from "./normalise.js";
import { percent, percentBars } from "./percent.js";

const GRID = 140; // cells of the drawing's side: five for each pixel of the image
const THICK = 13; // width of a stroke in cells
const STEP = 5; // cells that an arrow key moves the pen: a pixel of the image
const WAYS = { // where the keys that move the pen go; the last four are those of a number pad
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
  Home: [-1, -1], PageUp: [1, -1], End: [-1, 1], PageDown: [1, 1],
};

// data: {classes, temperature, networks: [{name, role, note, layers, unseen}], examples:
// [{pixels, label}]}; weights are half precision, pixels bytes of 0 to 255, both as base64
// text. "unseen" is the number of the class that a student was never shown, or null: such
// students answer in a folded part below the others.
export function draw(root, data) {
  const { classes } = data;
  const examples = data.examples.map(({ pixels, label }) => ({ pixels: inkOf(pixels), label }));
  const networks = data.networks.map((network) => ({
    ...network,
    layers: network.layers.map((layer) =>
      layer.weight === undefined
        ? layer
        : { ...layer, weight: halfs(layer.weight), bias: halfs(layer.bias) },
    ),
    chart: percentBars(classes, { role: network.role, title: network.name }),
    words: element("p", { class: "kd-words" }),
  }));
  const pad = element("canvas", {
    class: "kd-pad kd-ink", width: 2 * GRID, height: 2 * GRID, tabindex: 0,
    role: "application",
    "aria-label": "Field to draw a digit in. The arrow keys move the pen, the space bar sets " +
      "it down and lifts it; Home, End and the page keys move it diagonally",
  });
  const hint = element("span", { class: "kd-hint", "aria-live": "polite" });
  const pen = element("span", { class: "kd-pen", "aria-hidden": "true" });
  const seen = element("div", { class: "kd-seen" });
  const verdict = element("p", { class: "kd-verdict", "aria-live": "polite" });
  let strokes = [];
  let image = examples[0].pixels;
  let label = examples[0].label;
  let temperature = data.temperature;

  function answer() {
    const empty = image.every((v) => v === 0);
    seen.replaceChildren(inkPicture(image, SIDE, SIDE));
    const started = performance.now();
    const found = networks.map(({ layers }) => {
      const logits = Array.from(forward(layers, image, [1, SIDE, SIDE]));
      const p = empty ? classes.map(() => 0) : softmax(logits, temperature);
      const order = p.map((_, i) => i).sort((a, b) => logits[b] - logits[a]);
      return { logits, p, order, best: order[0] };
    });
    networks.forEach((network, i) => {
      network.chart.update(found[i].p);
      network.words.textContent = empty ? "" : said(network, found[i], found[0]);
    });
    verdict.textContent = empty ? "Draw a digit, or choose one." : compared(found);
    root.kdState = { image: Array.from(image), found, ms: performance.now() - started };
  }

  // What a network reads, and what else it might be, at the temperature of the bars.
  function said({ unseen }, { p, order }, teacher) {
    const share = (i, at = "") => `${classes[i]}\u00a0(${percent(p[i])}\u00a0%${at})`;
    const [first, second, third] = order;
    const at = temperature === 1 ? "" : ` at T\u00a0=\u00a0${temperature}`;
    const text = `Reads ${share(first, at)}. Next in line: ${share(second)}, then ${classes[third]}.`;
    if (unseen === null) return text;
    const name = classes[unseen];
    if (first === unseen) return `${text} And yet it never saw ${withArticle(name)}.`;
    if (teacher.best !== unseen) return text;
    const place = order.indexOf(unseen);
    return `${text} The ${name} that the teacher reads comes ${PLACES[place] ?? "far back"}.`;
  }

  function compared(found) {
    const groups = new Map();
    networks.forEach(({ name, unseen }, i) => {
      if (unseen !== null) return;
      const { best } = found[i];
      groups.set(best, [...(groups.get(best) ?? []), `the ${lowered(name)}`]);
    });
    const parts = [...groups].map(
      ([best, names]) => `${listed(names)} ${names.length > 1 ? "read" : "reads"} ${classes[best]}`,
    );
    const [[first, names]] = groups;
    const agreed = `${names.length > 2 ? "All" : "Both"} read ${classes[first]}.`;
    const text = groups.size > 1 ? `They disagree: ${parts.join("; ")}.` : agreed;
    return label === null ? text : `${text} It was written as ${withArticle(classes[label])}.`;
  }

  function picture(ink, side) {
    const context = pad.getContext("2d");
    context.clearRect(0, 0, pad.width, pad.height);
    context.drawImage(inkPicture(ink, side, side), 0, 0, pad.width, pad.height);
  }

  function redraw() {
    const ink = inked(strokes, GRID, GRID, THICK);
    picture(ink, GRID);
    image = normalised(ink, GRID, GRID);
    label = null;
    answer();
  }

  let waiting = false; // one answer a frame, however fast the pointer moves
  function soon() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      if (waiting) redraw();
      waiting = false;
    });
  }

  function at(event) {
    const box = pad.getBoundingClientRect();
    return [
      ((event.clientX - box.left) / box.width) * GRID,
      ((event.clientY - box.top) / box.height) * GRID,
    ];
  }

  let drawing = false;
  pad.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    pad.setPointerCapture(event.pointerId);
    drawing = true;
    down = false;
    placePen();
    begin(at(event));
    hint.hidden = true;
  });
  pad.addEventListener("pointermove", (event) => {
    if (!drawing) return;
    const events = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
    for (const one of events.length ? events : [event]) strokes[strokes.length - 1].push(at(one));
    soon();
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    pad.addEventListener(end, () => {
      if (!drawing) return;
      drawing = waiting = false;
      redraw();
    });
  }

  function begin(place) {
    gallery.querySelectorAll("input").forEach((input) => { input.checked = false; });
    strokes.push([place]);
    soon();
  }

  // By keyboard: a pen that the arrow keys move, and that draws while it is down.
  let place = [GRID / 2, GRID / 4];
  let down = false;
  function placePen() {
    pen.style.left = `${(100 * place[0]) / GRID}%`;
    pen.style.top = `${(100 * place[1]) / GRID}%`;
    pen.classList.toggle("kd-down", down);
  }
  pad.addEventListener("keydown", (event) => {
    const way = WAYS[event.key];
    if (event.ctrlKey || event.altKey || event.metaKey || !(way || event.key === " ")) return;
    event.preventDefault();
    if (way) {
      place = place.map((v, k) => Math.min(Math.max(v + STEP * way[k], 0), GRID));
      if (down) strokes[strokes.length - 1].push(place);
      if (down) soon();
    } else if (!event.repeat) {
      down = !down;
      if (down) begin(place);
    }
    invite(down ? "Pen down: space lifts it" : "Pen up: space sets it down");
    placePen();
  });
  pad.addEventListener("blur", () => { down = false; placePen(); });
  pad.addEventListener("focus", () => {
    if (pad.matches(":focus-visible")) invite("Arrow keys move, space draws");
  });
  placePen();

  function clear() {
    strokes = [];
    down = false;
    placePen();
    invite("Draw a digit here");
    gallery.querySelectorAll("input").forEach((input) => { input.checked = false; });
    redraw();
  }

  function invite(text) {
    if (hint.textContent !== text) hint.textContent = text;
    hint.hidden = false;
  }

  function show(i) {
    strokes = [];
    invite("Draw your own digit here");
    ({ pixels: image, label } = examples[i]);
    picture(image, SIDE);
    answer();
  }

  function choose(i) {
    gallery.querySelectorAll("input")[i].checked = true;
    show(i);
  }

  const wipe = element("button", { type: "button", class: "kd-button" }, "Clear");
  wipe.addEventListener("click", clear);
  const knob = slider("Temperature T", {
    least: 1, most: 20, step: 0.5, value: temperature, show: (t) => t.toFixed(1),
    changed: (t) => { temperature = t; answer(); },
  });
  const read = ({ layers }, pixels) => {
    const logits = forward(layers, pixels, [1, SIDE, SIDE]);
    return logits.indexOf(Math.max(...logits));
  };
  const seers = networks.filter(({ unseen }) => unseen === null);
  const apart = examples.map( // on which those that saw all classes disagree
    ({ pixels }) => new Set(seers.map((network) => read(network, pixels))).size > 1,
  );
  const gallery = choices(
    `Or choose one${apart.includes(true) ? " (dot: they disagree)" : ""}`,
    examples.map(({ pixels }) => inkPicture(pixels, SIDE, SIDE)),
    examples.map(
      (one, i) => `handwritten ${classes[one.label]}, number ${i + 1}` +
        (apart[i] ? ", on which they disagree" : ""),
    ), show,
  );
  gallery.querySelectorAll("label").forEach((box, i) => box.classList.toggle("kd-apart", apart[i]));
  const column = ({ name, note, chart, words }) =>
    element(
      "div", {}, element("p", { class: "kd-title" }, name),
      element("p", { class: "kd-note" }, note), chart.svg, words,
    );
  root.replaceChildren(
    element(
      "div", { class: "kd-draw" },
      element(
        "div", { class: "kd-side" },
        element("div", { class: "kd-left" }, pad, element("div", { class: "kd-pens" }, pen), hint, wipe),
        element(
          "div", { class: "kd-sight" }, seen,
          element(
            "p", { class: "kd-note" },
            "What the networks see: 28 by 28 pixels.",
          ),
        ),
      ),
      element(
        "div", { class: "kd-right" }, verdict, gallery, knob.box,
        element(
          "p", { class: "kd-note" },
          "Bars: how probable each digit is to a network, in percent. " +
          `Even a scribble is read as one from ${classes[0]} to ${classes[classes.length - 1]}.`,
        ),
      ),
    ),
    element("div", { class: "kd-columns" }, ...seers.map(column)),
    ...networks.filter(({ unseen }) => unseen !== null).map(encore),
  );

  // A student that was never shown one of the classes, and a way to show it one.
  function encore(network) {
    const name = classes[network.unseen];
    const reads = (i) => read(network, examples[i].pixels) === network.unseen;
    const places = examples // first one that it reads, then one that it does not
      .map((_, i) => i)
      .filter((i) => examples[i].label === network.unseen)
      .sort((a, b) => reads(b) - reads(a));
    const test = element("button", { type: "button", class: "kd-test" }, `Show it ${withArticle(name)}`);
    let next = 0;
    test.addEventListener("click", () => {
      choose(places[next++ % places.length]);
      if (places.length > 1) test.textContent = `Show it another ${name}`;
    });
    return element(
      "details", { class: "kd-more" },
      element("summary", {}, `${network.name}: what does it say?`),
      element(
        "div", { class: "kd-encore" }, element("p", { class: "kd-note" }, network.note),
        network.chart.svg, network.words,
        element("div", { class: "kd-told" }, ...(places.length ? [test] : [])),
      ),
    );
  }

  root.kdNormalised = (ink, width, height) => normalised(ink, width, height);
  root.kdInked = inked;
  root.kdShow = (pixels) => {
    image = Float64Array.from(pixels);
    label = null;
    answer();
    return root.kdState;
  };
  choose(0);
}

const PLACES = ["first", "second", "third"];

function inkOf(text) {
  return Float64Array.from(atob(text), (c) => c.charCodeAt(0) / 255);
}

function withArticle(name) {
  return `${/^(8|11$|18$|[aeiou])/i.test(name) ? "an" : "a"} ${name}`;
}

function lowered(name) {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

function listed(names) {
  return names.length < 2
    ? names.join("")
    : `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]}`;
}
