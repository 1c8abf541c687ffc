import { choices, element, inkPicture } from "./kit.js";
import { forward, halfs, softmax } from "./network.js";
import { edges, inkSquares, overlay, signedPicture } from "./pixels.js";

// data: {classes, layers, first, cells, rows, columns: how much each cell has in each pixel,
// masks: [[the grid's cells as 0 and 1, top, left]], images: [{pixels, width, height, label,
// target}]}
export function rise(root, data) {
  const { classes, images, cells, masks } = data;
  const layers = data.layers.map((layer) =>
    "weight" in layer
      ? { ...layer, weight: halfs(layer.weight), bias: halfs(layer.bias) }
      : layer,
  );
  const { width, height } = images[0];
  const KEEP = 0.5;
  const SHELF = 6; // of the last copies
  let chosen = data.first;
  let wanted = 0;
  let count, total, seen, weighted, last;
  const digit = element("canvas", { class: "kd-ink kd-squares", "aria-hidden": "true" });
  const map = element("canvas", { class: "kd-squares", "aria-hidden": "true" });
  const [left, right] = [overlay(width, height), overlay(width, height)];
  for (const { box, outline } of [left, right]) {
    box.remove();
    outline.setAttribute("stroke", "var(--kd-soft)");
  }
  const shelf = element("div", { class: "kd-shelf", "aria-hidden": "true" });
  const words = element("p", { class: "kd-words", "aria-live": "polite" });
  const title = element("p", { class: "kd-title" });

  // Number k of the masks: its grid enlarged and cut, 1 where the image is seen.
  function mask(k) {
    const [grid, top, start] = masks[k];
    const half = new Float64Array(height * cells); // rows enlarged
    for (let y = 0; y < height; y++) {
      const part = data.rows[top + y];
      for (let j = 0; j < cells; j++) {
        let sum = 0;
        for (let i = 0; i < cells; i++) if (part[i] && grid[i * cells + j] === "1") sum += part[i];
        half[y * cells + j] = sum;
      }
    }
    const found = new Float64Array(height * width);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const part = data.columns[start + x];
        let sum = 0;
        for (let j = 0; j < cells; j++) sum += half[y * cells + j] * part[j];
        found[y * width + x] = sum;
      }
    }
    return found;
  }

  function restart() {
    [count, total, wanted, last] = [0, 0, 0, []];
    seen = new Float64Array(height * width);
    weighted = new Float64Array(height * width);
  }

  function add() {
    const image = images[chosen];
    const through = mask(count);
    const copy = image.pixels.map((ink, i) => ink * through[i]);
    const p = softmax(Array.from(forward(layers, copy, [1, height, width])), 1)[image.target];
    through.forEach((m, i) => {
      seen[i] += m;
      weighted[i] += p * m;
    });
    count += 1;
    total += p;
    last.push({ copy, p });
    if (last.length > SHELF) last.shift();
  }

  // how far the probability lies above its mean where a pixel is seen
  const values = () => {
    const mean = count ? total / count : 0;
    return Array.from(weighted, (w, i) => (count ? (w - mean * seen[i]) / (count * KEEP) : 0));
  };

  function show() {
    const image = images[chosen];
    const name = classes[image.target];
    const now = last[last.length - 1];
    inkSquares(digit, now ? now.copy : image.pixels, width);
    const found = values();
    const most = Math.max(...found.map(Math.abs));
    signedPicture(map, found, width, count > 1 ? most : 0);
    for (const { outline } of [left, right]) outline.setAttribute("d", edges(image.pixels, width, 0.3));
    title.textContent = `The map for the ${name}`;
    shelf.replaceChildren(...last.map(({ copy, p }) => element(
      "div", { class: "kd-tile kd-lit" }, inkPicture(copy, width, height),
      element("span", { class: "kd-said" }, p.toFixed(2)),
    )));
    words.textContent = !count
      ? `No mask yet. The network reads the whole digit as ${name}.`
      : count === 1
        ? `Behind this mask the ${name} gets ${now.p.toFixed(2)}. One answer has nothing ` +
          "to be compared with: the map is empty."
        : `${count.toLocaleString("en")} masks. Behind the last one the ${name} gets ` +
          `${now.p.toFixed(2)}; the mean of all is ${(total / count).toFixed(2)}. So this mask ` +
          `adds itself to the map in ${now.p >= total / count ? "violet" : "orange"}.`;
    for (const button of buttons) button.disabled = count + button.kdStep > masks.length;
    root.kdState = { chosen, count, busy: count < wanted, last: now ? now.p : null,
      mean: count ? total / count : null, values: found };
  }

  // a few at a time, so that the page stays alive
  function work() {
    for (let n = 0; n < 10 && count < wanted; n++) add();
    show();
    if (count < wanted) setTimeout(work, 0);
  }

  const buttons = [1, 10, 100].map((step) => {
    const button = element("button", { type: "button", class: "kd-plain" },
      step === 1 ? "One mask" : `${step} more`);
    button.kdStep = step;
    button.addEventListener("click", () => {
      const idle = count >= wanted;
      wanted = Math.min(Math.max(wanted, count) + step, masks.length);
      if (idle) work();
    });
    return button;
  });
  const again = element("button", { type: "button", class: "kd-plain" }, "Start again");
  again.addEventListener("click", () => { restart(); show(); });
  const box = choices(
    "Choose a digit", images.map((i) => inkPicture(i.pixels, width, height)),
    images.map(({ label }, i) => `handwritten ${classes[label]}, number ${i + 1}`),
    (i) => { chosen = i; restart(); show(); },
  );
  box.querySelectorAll("input")[chosen].checked = true;
  const still = (...inside) => element("div", { class: "kd-field kd-still" }, ...inside);
  root.replaceChildren(
    box,
    element(
      "div", { class: "kd-pair" },
      element("div", {}, element("p", { class: "kd-title" }, "Behind the last mask"),
        still(digit, left.svg)),
      element("div", {}, title, still(map, right.svg)),
    ),
    element("div", { class: "kd-both" }, ...buttons, again), words,
    element("p", { class: "kd-note" }, "The last copies, and the probability in each:"), shelf,
  );
  restart();
  show();
}
