import { bars, choices, element, inkPicture, slider } from "./kit.js";
import { entropy, softmax } from "./network.js";

// data: {classes, images: [{pixels, width, height, label, logits}], temperature, pull}, and
// where the bars are not the classes of the labels: said, what a bar is; labels, their names
export function temperature(root, data) {
  const { classes, images, said = "class", labels = classes } = data;
  const uniform = classes.map(() => 1 / classes.length);
  const soft = bars(classes, { role: "teacher", title: "The teacher's soft target" });
  const pull = bars(classes, {
    role: "student", title: "Pull, with T squared, on a student whose logits are all 0", signed: true,
  });
  const big = element("div", { class: "kd-picture" });
  const words = element("p", { class: "kd-words", "aria-live": "polite" });
  const least = 0.5, most = 40;
  // T^2 times the gradient of KL with respect to the logits, turned: downhill
  const steps = (p, t) => p.map((q, i) => t * (q - uniform[i]));
  let chosen = 0, longest = 0;
  function update(t) {
    const { logits, label } = images[chosen];
    const p = softmax(logits, t);
    const downhill = steps(p, t);
    soft.update(p);
    pull.update(downhill, 1.35 * longest); // room for numbers
    const order = p.map((q, i) => i).sort((a, b) => p[b] - p[a]);
    words.textContent =
      `Label ${labels[label]}. At T = ${t.toFixed(1)} the teacher gives ` +
      `${(100 * p[order[0]]).toFixed(1)} % to ${said} ${classes[order[0]]} and ` +
      `${(100 * p[order[1]]).toFixed(1)} % to ${said} ${classes[order[1]]}.`;
    root.kdState = { t, chosen, p, downhill, entropy: entropy(p) };
  }
  const knob = slider("Temperature T", {
    least, most, step: 0.1, value: data.temperature,
    show: (t) => t.toFixed(1), changed: update,
  });
  const picture = ({ pixels, width, height }) => inkPicture(pixels, width, height);
  function choose(i) {
    chosen = i;
    big.replaceChildren(picture(images[i]));
    const { logits } = images[i];
    longest = 0; // over the whole slider, so that bars at two temperatures can be compared
    for (let t = least; t <= most; t += 0.5) {
      longest = Math.max(longest, ...steps(softmax(logits, t), t).map(Math.abs));
    }
    knob.tell();
  }
  const gallery = choices(
    "Choose a digit", images.map(picture),
    images.map(({ label }, i) => `digit ${i + 1}, label ${labels[label]}`), choose,
  );
  const title = (words) => element("p", { class: "kd-title" }, words);
  const below = data.pull === false ? [] : [
    title("Pull, with T\u00b2, on a student whose logits are all 0"), pull.svg,
  ];
  root.replaceChildren(
    gallery,
    knob.box,
    element(
      "div", { class: "kd-row" }, big,
      element(
        "div", {}, title("Soft target: softmax(v / T)"), soft.svg, ...below,
      ),
    ),
    words,
  );
  choose(0);
}
