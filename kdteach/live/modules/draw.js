import { bars, choices, element, inkPicture, slider } from "./kit.js";
import { forward, halfs, softmax } from "./network.js";
import { inked, normalised, SIDE } from "./normalise.js";

const GRID = 140; // cells of the drawing's side: five for each pixel of the image
const THICK = 13; // width of a stroke in cells

// data: {classes, temperature, networks: [{name, role, note, layers, without}], examples:
// [{pixels (784), label}]}; weights are half precision as base64 text. "without" is the class
// that a student never saw, or null.
export function draw(root, data) {
  const { classes, examples } = data;
  const networks = data.networks.map((network) => ({
    ...network,
    layers: network.layers.map((layer) =>
      layer.weight === undefined
        ? layer
        : { ...layer, weight: halfs(layer.weight), bias: halfs(layer.bias) },
    ),
    chart: bars(classes, { role: network.role, title: network.name }),
    words: element("p", { class: "kd-words" }),
  }));
  const pad = element("canvas", {
    class: "kd-pad kd-ink", width: 2 * GRID, height: 2 * GRID, tabindex: 0, role: "img",
    "aria-label": "Draw a digit here with the mouse or a finger; examples are below",
  });
  const seen = element("div", { class: "kd-seen" });
  const verdict = element("p", { class: "kd-words kd-title", "aria-live": "polite" });
  let strokes = [];
  let image = Float64Array.from(examples[0].pixels);
  let temperature = data.temperature;

  function answer() {
    const empty = image.every((v) => v === 0);
    seen.replaceChildren(inkPicture(image, SIDE, SIDE));
    const started = performance.now();
    const found = networks.map(({ layers, chart, words }) => {
      const logits = Array.from(forward(layers, image, [1, SIDE, SIDE]));
      const p = empty ? classes.map(() => 0) : softmax(logits, temperature);
      chart.update(p);
      const order = p.map((_, i) => i).sort((a, b) => p[b] - p[a]);
      words.textContent = empty ? "" : said(p, order);
      return { logits, p, best: order[0] };
    });
    verdict.textContent = empty ? "Draw a digit, or choose one below." : compared(found);
    root.kdState = { image: Array.from(image), found, ms: performance.now() - started };
  }

  function said(p, order) {
    const [first, second] = order.map((i) => `${classes[i]} (${(100 * p[i]).toFixed(0)} %)`);
    return p[order[0]] > 0.9
      ? `Sure: ${first}.`
      : `${first}, but it might be ${second}.`;
  }

  function compared(found) {
    const bests = new Set(found.map(({ best }) => best));
    if (bests.size === 1) return `All of them read a ${classes[found[0].best]}.`;
    return found
      .map(({ best }, i) => `${networks[i].name}: ${classes[best]}`)
      .join(" \u00b7 ");
  }

  function redraw() {
    const context = pad.getContext("2d");
    const ink = inked(strokes, GRID, GRID, THICK);
    const small = inkPicture(ink, GRID, GRID);
    context.clearRect(0, 0, pad.width, pad.height);
    context.drawImage(small, 0, 0, pad.width, pad.height);
    image = normalised(ink, GRID, GRID);
    answer();
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
    strokes.push([at(event)]);
    redraw();
  });
  pad.addEventListener("pointermove", (event) => {
    if (!drawing) return;
    const events = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
    for (const one of events.length ? events : [event]) strokes[strokes.length - 1].push(at(one));
    redraw();
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    pad.addEventListener(end, () => { drawing = false; });
  }

  function clear() {
    strokes = [];
    redraw();
  }

  function show(i) {
    strokes = [];
    const context = pad.getContext("2d");
    image = Float64Array.from(examples[i].pixels);
    context.clearRect(0, 0, pad.width, pad.height);
    context.imageSmoothingEnabled = true;
    context.drawImage(inkPicture(image, SIDE, SIDE), 0, 0, pad.width, pad.height);
    answer();
  }

  const wipe = element("button", { type: "button", class: "kd-button" }, "Clear");
  wipe.addEventListener("click", clear);
  const knob = slider("Temperature T", {
    least: 1, most: 20, step: 0.5, value: temperature, show: (t) => t.toFixed(1),
    changed: (t) => { temperature = t; answer(); },
  });
  const gallery = choices(
    "Or choose one that somebody wrote", examples.map(({ pixels }) => inkPicture(pixels, SIDE, SIDE)),
    examples.map(({ label }, i) => `handwritten ${classes[label]}, number ${i + 1}`), show,
  );
  root.replaceChildren(
    element(
      "div", { class: "kd-row kd-draw" },
      element("div", { class: "kd-left" }, pad, wipe),
      element("div", { class: "kd-left" }, element("p", { class: "kd-title" }, "What they see"), seen),
      element("div", {}, verdict, knob.box, gallery),
    ),
    element(
      "div", { class: "kd-columns" },
      ...networks.map(({ name, note, chart, words }) =>
        element(
          "div", {}, element("p", { class: "kd-title" }, name),
          element("p", { class: "kd-note" }, note), chart.svg, words,
        ),
      ),
    ),
  );
  root.kdNormalised = (ink, width, height) => normalised(ink, width, height);
  root.kdInked = inked;
  root.kdShow = (pixels) => { image = Float64Array.from(pixels); answer(); return root.kdState; };
  show(0);
}
