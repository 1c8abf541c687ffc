import { bars, choices, element, inkPicture, slider } from "./kit.js";
import { softmax } from "./network.js";

// The negative gradient of KL(theirs || mine) with respect to my logits.
export function pullOf(mine, theirs) {
  return theirs.map((p, i) => p - mine[i]);
}

// The divergence KL(from || to), in nats.
export function divergenceOf(from, to) {
  return from.reduce((sum, p, i) => sum + (p > 0 ? p * Math.log(p / to[i]) : 0), 0);
}

// data: {classes, images: [{pixels, width, height, label, logits: {way: [A, B], each one row
// an epoch}}], epochs, ways, pulling}
export function opinions(root, data) {
  const { classes, images, epochs, ways, pulling } = data;
  // It opens at the end, which the text is about; the way there is the reader's to explore.
  const last = epochs.length - 1;
  let [chosen, way, place] = [0, ways.indexOf(pulling), last];
  const chart = (title, role, more) => bars(classes, { role, title, tall: 116, ...more });
  const [a, b] = [chart("A's probabilities", "student"), chart("B's probabilities", "student")];
  const pull = chart("How B pulls A", "accent-edge", { signed: true });
  const big = element("div", { class: "kd-picture" });
  const words = element("p", { class: "kd-words", "aria-live": "polite" });
  const title = (text) => element("p", { class: "kd-title" }, text);
  const third = element("div", {},
    title("How B pulls A: p of B less p of A"), pull.svg);

  function update() {
    const { logits, label } = images[chosen];
    const name = ways[way];
    const [p, q] = logits[name].map((rows) => softmax(rows[place], 1));
    a.update(p);
    b.update(q);
    const force = pullOf(p, q);
    pull.update(force, 0.5);
    third.hidden = name !== pulling;
    const most = (values) => values.indexOf(Math.max(...values));
    const said = (values) => `${classes[most(values)]} (${(100 * Math.max(...values)).toFixed(0)} %)`;
    const up = most(force);
    const down = most(force.map((v) => -v));
    const after = `${epochs[place]} epoch${epochs[place] === 1 ? "" : "s"}`;
    const gap = divergenceOf(q, p);
    const strength = force[up] < 0.005 ? "They agree, so the pull is next to nothing." :
      `B pulls A towards ${classes[up]} and away from ${classes[down]}; A pulls B the other way.`;
    words.textContent =
      `The label is ${classes[label]}. Learning ${name}, after ${after}, A says ${said(p)} and B says ${said(q)}. ` +
      `KL(p of B || p of A) is ${gap.toFixed(2)}. ` +
      (name === pulling ? strength : "Nothing pulls them together.");
    root.kdState = { chosen, way: name, epoch: epochs[place], p, q, pull: force, divergence: gap };
  }
  const picture = ({ pixels, width, height }) => inkPicture(pixels, width, height);
  const gallery = choices(
    "Choose an image", images.map(picture),
    images.map(({ label }, i) => `image ${i + 1}, label ${classes[label]}`),
    (i) => { chosen = i; show(); },
  );
  const label = (text) => element("span", { class: "kd-way" }, text);
  const kinds = choices("A and B learn", ways.map(label), ways, (i) => { way = i; update(); });
  kinds.querySelectorAll("input")[way].checked = true;
  const knob = slider("Epochs", {
    least: 0, most: last, step: 1, value: last, show: (i) => `${epochs[i]}`,
    changed: (i) => { place = i; update(); },
  });
  function show() {
    big.replaceChildren(picture(images[chosen]));
    update();
  }
  root.replaceChildren(
    gallery, kinds, knob.box,
    element("div", { class: "kd-row" }, big, element(
      "div", {}, title("A's probabilities"), a.svg, title("B's probabilities"), b.svg, third,
    )),
    words,
  );
  show();
}
