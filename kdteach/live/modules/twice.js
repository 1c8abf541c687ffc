import { bars, choices, element, inkPicture, slider } from "./kit.js";
import { softmax } from "./network.js";

// data: {classes, images: [{pixels, width, height, label, logits}], temperature}
export function twice(root, data) {
  const { classes, images } = data;
  const once = bars(classes, { role: "teacher", title: "Soft target, softmax once", tall: 110 });
  const again = bars(classes, { role: "soft", title: "Soft target, softmax twice", tall: 110 });
  const big = element("div", { class: "kd-picture" });
  const words = element("p", { class: "kd-words", "aria-live": "polite" });
  let chosen = 0;
  function update(t) {
    const { logits, label } = images[chosen];
    const right = softmax(logits, t);
    const wrong = softmax(softmax(logits, 1), t);
    once.update(right);
    again.update(wrong);
    const part = (p) => `${(100 * Math.max(...p)).toFixed(1)} % for its likeliest class, ` +
      `${(100 * Math.min(...p)).toFixed(1)} % for the least likely`;
    words.textContent =
      `Label ${classes[label]}, T = ${t.toFixed(1)}. Once: ${part(right)}. Twice: ${part(wrong)}.`;
    root.kdState = { t, chosen, right, wrong };
  }
  const knob = slider("Temperature T", {
    least: 0.5, most: 40, step: 0.1, value: data.temperature,
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
  const title = (text) => element("p", { class: "kd-title" }, text);
  root.replaceChildren(
    gallery,
    knob.box,
    element(
      "div", { class: "kd-row" }, big,
      element(
        "div", {}, title("Once: softmax(v / T)"), once.svg,
        title("Twice: softmax(softmax(v) / T)"), again.svg,
      ),
    ),
    words,
  );
  choose(0);
}
