import { bars, choices, element, inkPicture, slider } from "./kit.js";
import { softmax } from "./network.js";

// data: {classes, names: [2 words], images: [{pixels, width, height, label, logits: [2 rows]}],
// temperature}
export function beside(root, data) {
  const { classes, images, names } = data;
  const charts = names.map((name) => bars(classes, { role: "teacher", title: name }));
  const big = element("div", { class: "kd-picture" });
  const words = element("p", { class: "kd-words", "aria-live": "polite" });
  let chosen = 0;
  function update(t) {
    const { logits, label } = images[chosen];
    const targets = logits.map((row) => softmax(row, t));
    charts.forEach((chart, i) => chart.update(targets[i]));
    const rest = targets.map((p) => 100 * p.reduce((sum, v, i) => sum + (i === label ? 0 : v), 0));
    const said = rest.map((part, i) => `${part.toPrecision(2)} % by the ${names[i]}`);
    words.textContent =
      `Label ${classes[label]}, T = ${t.toFixed(1)}. The wrong classes together get ` +
      `${said.join(", and ")}.`;
    root.kdState = { t, chosen, targets, rest };
  }
  const knob = slider("Temperature T", {
    least: 0.5, most: 20, step: 0.1, value: data.temperature,
    show: (t) => t.toFixed(1), changed: update,
  });
  const picture = ({ pixels, width, height }) => inkPicture(pixels, width, height);
  function choose(i) {
    chosen = i;
    big.replaceChildren(picture(images[i]));
    knob.tell();
  }
  const gallery = choices(
    "Choose a digit", images.map(picture),
    images.map(({ label }, i) => `digit ${i + 1}, label ${classes[label]}`), choose,
  );
  const column = (name, chart) =>
    element("div", {}, element("p", { class: "kd-title" }, name), chart.svg);
  root.replaceChildren(
    gallery,
    knob.box,
    element(
      "div", { class: "kd-row" }, big,
      element("div", { class: "kd-columns" }, ...names.map((name, i) => column(name, charts[i]))),
    ),
    words,
  );
  choose(0);
}
