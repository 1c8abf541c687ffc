import { bars, choices, element, inkPicture, slider } from "./kit.js";
import { forward, halfs, softmax } from "./network.js";
import { inked, normalised, SIDE } from "./normalise.js";

const GRID = 140; // cells of the drawing's side: five for each pixel of the image
const THICK = 13; // width of a stroke in cells
const SURE = 0.95; // a network with more than this at T = 1 is called sure

// data: {classes, temperature, networks: [{name, role, note, layers, unseen}], examples:
// [{pixels, label}]}; weights are half precision, pixels bytes of 0 to 255, both as base64
// text. "unseen" is the number of the class that a student was never shown, or null: such
// students answer below the others.
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
    chart: bars(classes, { role: network.role, title: network.name, tall: 116 }),
    words: element("p", { class: "kd-words" }),
  }));
  const pad = element("canvas", {
    class: "kd-pad kd-ink", width: 2 * GRID, height: 2 * GRID, tabindex: 0, role: "img",
    "aria-label": "Draw a digit here with the mouse or a finger; by keyboard, choose a written one",
  });
  const hint = element("span", { class: "kd-hint" });
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

  // What a network reads at T = 1, and what else it might be.
  function said({ unseen }, { logits, order }, teacher) {
    const plain = softmax(logits, 1);
    const share = (i) =>
      plain[i] > 0.99
        ? `${classes[i]} (over 99\u00a0%)`
        : `${classes[i]} (${(100 * plain[i]).toFixed(0)}\u00a0%)`;
    const [first, second, third] = order;
    const text =
      plain[first] > SURE
        ? `At T = 1: sure of ${share(first)}. Next in line: ${classes[second]}, then ${classes[third]}.`
        : `At T = 1: reads ${share(first)}, unsure about ${share(second)}.`;
    if (unseen === null) return text;
    const name = classes[unseen];
    if (first === unseen) return `${text} And yet it was never shown ${withArticle(name)}.`;
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
    hint.hidden = true;
    gallery.querySelectorAll("input").forEach((input) => { input.checked = false; });
    strokes.push([at(event)]);
    soon();
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

  function clear() {
    strokes = [];
    invite("Draw a digit here");
    gallery.querySelectorAll("input").forEach((input) => { input.checked = false; });
    redraw();
  }

  function invite(text) {
    hint.textContent = text;
    hint.hidden = false;
  }

  function show(i) {
    strokes = [];
    invite("Draw a new digit over it");
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
  const gallery = choices(
    "Or choose what somebody wrote",
    examples.map(({ pixels }) => inkPicture(pixels, SIDE, SIDE)),
    examples.map((one, i) => `handwritten ${classes[one.label]}, number ${i + 1}`), show,
  );
  const column = ({ name, note, chart, words }) =>
    element(
      "div", {}, element("p", { class: "kd-title" }, name),
      element("p", { class: "kd-note" }, note), chart.svg, words,
    );
  root.replaceChildren(
    element(
      "div", { class: "kd-draw" },
      element("div", { class: "kd-left" }, pad, hint, wipe),
      element(
        "div", { class: "kd-right" }, verdict, gallery, knob.box,
        element(
          "div", { class: "kd-sight" }, seen,
          element(
            "p", { class: "kd-note" },
            "This is what they see: 28 by 28 pixels, scaled and centred as the data set's " +
            "images are. The bars show softmax(z / T), where z are a network's outputs " +
            "(logits), one for each class. Whatever you draw, each network reads one of them.",
          ),
        ),
      ),
    ),
    element(
      "div", { class: "kd-columns" },
      ...networks.filter(({ unseen }) => unseen === null).map(column),
    ),
    ...networks.filter(({ unseen }) => unseen !== null).map(encore),
  );

  // A student that was never shown one of the classes, and a way to show it one.
  function encore(network) {
    const name = classes[network.unseen];
    const reads = (i) => {
      const logits = forward(network.layers, examples[i].pixels, [1, SIDE, SIDE]);
      return logits.indexOf(Math.max(...logits)) === network.unseen;
    };
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
    const told = element("div", { class: "kd-told" }, ...(places.length ? [test] : []));
    const answers = column(network);
    answers.append(told);
    answers.className = "kd-encore";
    return answers;
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
