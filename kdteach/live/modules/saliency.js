import { bars, choices, element, inkPicture, slider } from "./kit.js";
import { forward, halfs, softmax } from "./network.js";
import { edges, inkSquares, overlay, signedPicture } from "./pixels.js";

// data: {classes, layers, first, images: [{pixels, width, height, label, targets: [two
// classes], maps: [the gradient of each one's logit, pixel by pixel]}]}
// which: 0 the runner-up's logit less the answer's, 1 the answer's, 2 the runner-up's
export function saliency(root, data) {
  const { classes, images } = data;
  const layers = data.layers.map((layer) =>
    "weight" in layer
      ? { ...layer, weight: halfs(layer.weight), bias: halfs(layer.bias) }
      : layer,
  );
  const { width, height } = images[0];
  let [chosen, which, ink, side] = [data.first, 0, 0, 3];
  let [row, column] = [Math.floor(height / 2), Math.floor(width / 2)];
  const before = images.map(() => null);
  const digit = element("canvas", { class: "kd-ink kd-squares", "aria-hidden": "true" });
  const map = element("canvas", { class: "kd-squares", "aria-hidden": "true" });
  const [left, right] = [overlay(width, height), overlay(width, height)];
  // orange means "lowers" in the map beside: the brush is framed in another colour
  for (const { box } of [left, right]) box.setAttribute("stroke", "var(--kd-baseline)");
  const field = element("div", {
    class: "kd-field", tabindex: 0, role: "application",
    "aria-label": "The digit. Arrow keys move the brush, a click places it.",
  }, digit, left.svg);
  const beside = element("div", { class: "kd-field kd-still" }, map, right.svg);
  const title = element("p", { class: "kd-title" });
  const words = element("p", { class: "kd-words", "aria-live": "polite" });
  const chances = bars(classes, { role: "teacher", title: "Probabilities", tall: 110 });

  function square() {
    const half = (side - 1) / 2;
    const [top, start] = [Math.max(row - half, 0), Math.max(column - half, 0)];
    const [bottom, end] = [Math.min(row + half, height - 1), Math.min(column + half, width - 1)];
    return { top, start, bottom, end };
  }

  function update() {
    const image = images[chosen];
    const [answer, second] = image.targets;
    const slopes = which
      ? image.maps[which - 1]
      : image.maps[1].map((slope, i) => slope - image.maps[0][i]);
    const { top, start, bottom, end } = square();
    const changed = [...image.pixels];
    let promised = 0;
    for (let y = top; y <= bottom; y++) {
      for (let x = start; x <= end; x++) {
        const i = y * width + x;
        promised += slopes[i] * (ink - changed[i]);
        changed[i] = ink;
      }
    }
    const shape = [1, height, width];
    before[chosen] ??= Array.from(forward(layers, image.pixels, shape));
    const after = Array.from(forward(layers, changed, shape));
    const gains = after.map((z, c) => z - before[chosen][c]);
    const real = which ? gains[image.targets[which - 1]] : gains[second] - gains[answer];
    inkSquares(digit, changed, width);
    signedPicture(map, slopes, width, Math.max(...slopes.map(Math.abs)));
    left.outline.setAttribute("d", "");
    right.outline.setAttribute("d", edges(image.pixels, width, 0.3));
    for (const { box } of [left, right]) {
      for (const [key, value] of Object.entries({
        x: start, y: top, width: end - start + 1, height: bottom - top + 1,
      })) box.setAttribute(key, value);
    }
    const p = softmax(after, 1);
    chances.update(p);
    const logit = which
      ? `the ${classes[image.targets[which - 1]]}'s logit`
      : `the ${classes[second]}'s logit less the ${classes[answer]}'s`;
    title.textContent = `Slope of ${logit}`;
    const signed = (v) => `${v < 0 ? "\u2212" : "+"}${Math.abs(v).toFixed(2)}`;
    words.textContent =
      `Row ${row}, column ${column}, ${side === 1 ? "one pixel" : `${side} \u00d7 ${side} pixels`} ` +
      `${ink ? "full of ink" : "without ink"}: the slopes promise ${signed(promised)} for ` +
      `${logit}. Computed again, it changes by ${signed(real)}.`;
    root.kdState = { chosen, which, ink, side, row, column, promised, real, p, after };
  }

  function targets() {
    const [answer, second] = images[chosen].targets.map((c) => classes[c]);
    const box = choices(
      "Whose logit?",
      [`${second} less ${answer}`, `${answer}, its answer`, `${second}, the runner-up`].map(
        (words) => element("span", { class: "kd-way" }, words),
      ),
      [`logit of ${second} less that of ${answer}`, `logit of ${answer}`, `logit of ${second}`],
      (k) => { which = k; update(); },
    );
    box.querySelectorAll("input")[which].checked = true;
    return box;
  }

  const box = choices(
    "Choose a digit", images.map((i) => inkPicture(i.pixels, width, height)),
    images.map(({ label }, i) => `handwritten ${classes[label]}, number ${i + 1}`),
    (i) => {
      chosen = i;
      which = 0;
      place.replaceChildren(targets());
      update();
    },
  );
  box.querySelectorAll("input")[chosen].checked = true;
  const place = element("div", {}, targets());
  const brush = choices(
    "The brush", ["takes ink away", "adds ink"].map((n) => element("span", { class: "kd-way" }, n)),
    ["takes ink away", "adds ink"], (k) => { ink = k; update(); },
  );
  const size = slider("Side of the brush", {
    least: 1, most: 9, step: 2, value: side, show: (v) => `${v} px`,
    changed: (v) => { side = v; update(); },
  });
  field.addEventListener("pointerdown", (event) => {
    const area = field.getBoundingClientRect();
    const at = (part, whole, most) =>
      Math.min(Math.max(Math.floor((part / whole) * most), 0), most - 1);
    column = at(event.clientX - area.left, area.width, width);
    row = at(event.clientY - area.top, area.height, height);
    update();
  });
  field.addEventListener("keydown", (event) => {
    const step = {
      ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
    }[event.key];
    if (!step) return;
    event.preventDefault();
    row = Math.min(Math.max(row + step[0], 0), height - 1);
    column = Math.min(Math.max(column + step[1], 0), width - 1);
    update();
  });
  root.replaceChildren(
    box, place,
    element(
      "div", { class: "kd-pair" },
      element("div", {}, element("p", { class: "kd-title" }, "The digit: click, or arrow keys"), field),
      element("div", {}, title, beside),
    ),
    element("div", { class: "kd-pair" }, brush, size.box), words,
    element("p", { class: "kd-title" }, "What the network says of the changed digit"), chances.svg,
  );
  update();
}
