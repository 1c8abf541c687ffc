import { choices, drawn, element, inkPicture } from "./kit.js";
import { forward, halfs, softmax } from "./network.js";
import { inkSquares, overlay, signedPicture } from "./pixels.js";

// data: {classes, layers, parts: the number of each pixel's block, first, images: [{pixels,
// width, height, label, target, weights: one a block, constant}]}
export function lime(root, data) {
  const { classes, images, parts } = data;
  const layers = data.layers.map((layer) =>
    "weight" in layer
      ? { ...layer, weight: halfs(layer.weight), bias: halfs(layer.bias) }
      : layer,
  );
  const { width, height } = images[0];
  const count = Math.max(...parts) + 1;
  let chosen = data.first;
  let on = new Array(count).fill(1);
  let at = 0;
  let tried = [];
  const digit = element("canvas", { class: "kd-ink kd-squares", "aria-hidden": "true" });
  const map = element("canvas", { class: "kd-squares", "aria-hidden": "true" });
  const [left, right] = [overlay(width, height), overlay(width, height)];
  right.box.remove();
  const field = element("div", {
    class: "kd-field", tabindex: 0, role: "application",
    "aria-label": "The digit in blocks. Arrow keys choose a block, space or a click switches it.",
  }, digit, left.svg);
  const words = element("p", { class: "kd-words", "aria-live": "polite" });
  const title = element("p", { class: "kd-title" });
  const shades = parts.map(() => 0);
  const chart = dots();
  const columns = width / (parts[width - 1] + 1);

  // the lines between blocks
  function borders() {
    const found = [];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const here = parts[y * width + x];
        if (x + 1 < width && parts[y * width + x + 1] !== here) found.push(`M${x + 1} ${y}v1`);
        if (y + 1 < height && parts[(y + 1) * width + x] !== here) found.push(`M${x} ${y + 1}h1`);
      }
    }
    return found.join("");
  }
  const lines = borders();

  function update(count_it = true) {
    const image = images[chosen];
    const seen = image.pixels.map((ink, i) => ink * on[parts[i]]);
    const after = Array.from(forward(layers, seen, [1, height, width]));
    const p = softmax(after, 1);
    const network = p[image.target];
    const surrogate = image.weights.reduce((sum, w, i) => sum + w * on[i], image.constant);
    inkSquares(digit, seen, width);
    // what is off is crossed by the page's edge colour
    left.outline.setAttribute("d", lines + crosses());
    right.outline.setAttribute("d", lines);
    for (const { outline } of [left, right]) outline.setAttribute("stroke", "var(--kd-soft)");
    shades.forEach((_, i) => { shades[i] = image.weights[parts[i]]; });
    signedPicture(map, shades, width, Math.max(...image.weights.map(Math.abs)));
    const where = parts.indexOf(at);
    for (const [key, value] of Object.entries({
      x: where % width, y: Math.floor(where / width), width: columns, height: side(at),
    })) left.box.setAttribute(key, value);
    const name = classes[image.target];
    title.textContent = `LIME's weights for the ${name}`;
    if (count_it) tried.push([surrogate, network]);
    chart.update(tried, name);
    const best = classes[p.indexOf(Math.max(...p))];
    words.textContent =
      `${on.reduce((a, b) => a + b, 0)} of ${count} blocks are on. The network gives ` +
      `${network.toFixed(2)} to the ${name}${best === name ? "" : ` and reads a ${best}`}; the ` +
      `surrogate's sum says ${surrogate.toFixed(2).replace("-", "\u2212")}.`;
    root.kdState = { chosen, on: [...on], at, network, surrogate, p, tried: tried.length };
  }

  function side(block) {
    return parts.filter((p) => p === block).length / columns;
  }

  function crosses() {
    return on.map((yes, block) => {
      if (yes) return "";
      const where = parts.indexOf(block);
      const [x, y] = [where % width, Math.floor(where / width)];
      return `M${x + 1} ${y + 1}L${x + columns - 1} ${y + side(block) - 1}` +
        `M${x + columns - 1} ${y + 1}L${x + 1} ${y + side(block) - 1}`;
    }).join("");
  }

  function turn(block) {
    at = block;
    on[block] = 1 - on[block];
    update();
  }

  const box = choices(
    "Choose a digit", images.map((i) => inkPicture(i.pixels, width, height)),
    images.map(({ label }, i) => `handwritten ${classes[label]}, number ${i + 1}`),
    (i) => {
      chosen = i;
      on = on.map(() => 1);
      tried = [];
      update();
    },
  );
  box.querySelectorAll("input")[chosen].checked = true;
  field.addEventListener("pointerdown", (event) => {
    const area = field.getBoundingClientRect();
    const place = (part, whole, most) =>
      Math.min(Math.max(Math.floor((part / whole) * most), 0), most - 1);
    const x = place(event.clientX - area.left, area.width, width);
    const y = place(event.clientY - area.top, area.height, height);
    turn(parts[y * width + x]);
  });
  const across = parts[width - 1] + 1;
  field.addEventListener("keydown", (event) => {
    const step = { ArrowUp: -across, ArrowDown: across, ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      const next = at + step;
      const sideways = Math.abs(step) === 1 && Math.floor(next / across) !== Math.floor(at / across);
      if (next >= 0 && next < count && !sideways) at = next;
      update(false);
    } else if (event.key === " " || event.key === "Enter") {
      event.preventDefault();
      turn(at);
    }
  });
  const all = (value) => {
    const button = element("button", { type: "button", class: "kd-plain" },
      value ? "All blocks on" : "All blocks off");
    button.addEventListener("click", () => { on = on.map(() => value); update(); });
    return button;
  };
  root.replaceChildren(
    box,
    element(
      "div", { class: "kd-pair" },
      element("div", {}, element("p", { class: "kd-title" }, "The digit: click a block"), field),
      element("div", {}, title, element("div", { class: "kd-field kd-still" }, map, right.svg)),
    ),
    element("div", { class: "kd-both" }, all(1), all(0)), words,
    element("p", { class: "kd-title" }, "Each pattern that you made: network against surrogate"),
    chart.svg,
  );
  update();
}

// A square from 0 to 1 both ways, its diagonal, and a dot for each pair.
function dots() {
  const [size, left, foot] = [190, 46, 34];
  const svg = drawn("svg", {
    viewBox: `0 0 ${size + left + 20} ${size + foot + 10}`, role: "img", class: "kd-chart",
    style: "max-width:300px",
  });
  const x = (value) => left + size * Math.min(Math.max((value + 0.1) / 1.2, 0), 1);
  const y = (value) => 8 + size - size * Math.min(Math.max((value + 0.1) / 1.2, 0), 1);
  svg.append(drawn("path", {
    d: `M${x(0)} ${y(0)}L${x(1)} ${y(1)}`, stroke: "var(--kd-edge)", "stroke-dasharray": "4 4",
  }), drawn("path", {
    d: `M${left} ${y(-0.1)}H${left + size}M${left} ${y(-0.1)}V8`, stroke: "var(--kd-edge)", fill: "none",
  }));
  for (const value of [0, 0.5, 1]) {
    svg.append(
      drawn("text", { x: x(value), y: size + 22, "text-anchor": "middle", class: "kd-small" }, value),
      drawn("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end", class: "kd-small" }, value),
    );
  }
  svg.append(
    drawn("text", { x: left + size / 2, y: size + 38, "text-anchor": "middle", class: "kd-small" },
      "the surrogate says"),
    drawn("text", {
      x: 12, y: 8 + size / 2, "text-anchor": "middle", class: "kd-small",
      transform: `rotate(-90 12 ${8 + size / 2})`,
    }, "the network says"),
  );
  const all = drawn("g", {});
  svg.append(all);
  function update(tried, name) {
    all.replaceChildren(...tried.map(([surrogate, network], i) => drawn("circle", {
      cx: x(surrogate), cy: y(network), r: i === tried.length - 1 ? 6 : 4,
      fill: "var(--kd-teacher)", "fill-opacity": i === tried.length - 1 ? 1 : 0.4,
    })));
    const [surrogate, network] = tried[tried.length - 1];
    svg.setAttribute("aria-label", `${tried.length} patterns. For the last one the surrogate ` +
      `says ${surrogate.toFixed(2)} and the network ${network.toFixed(2)} for the ${name}`);
  }
  return { svg, update };
}
