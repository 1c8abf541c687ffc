import { bars, choices, drawn, element, inkPicture, slider } from "./kit.js";
import { entropy, softmax } from "./network.js";

const [WIDE, LEFT, RIGHT, TOP, FOOT] = [420, 34, 268, 12, 150];
const SAMPLE = 22; // of its line, before a name

// data: {classes, images: [{pixels, width, height, label, logits: one row an epoch}], epochs,
// temperature, lines: [{name, role, values}], most, unit}
export function checkpoints(root, data) {
  const { classes, images, epochs, lines, most } = data;
  let [chosen, place] = [0, 0];
  const soft = bars(classes, { role: "teacher", title: "The teacher's soft target", tall: 130 });
  const big = element("div", { class: "kd-picture" });
  const words = element("p", { class: "kd-words", "aria-live": "polite" });
  const chart = drawn("svg", { viewBox: `0 0 ${WIDE} ${FOOT + 42}`, role: "img" });
  const last = epochs.length - 1;
  const far = (i) => Math.log(epochs[i] / epochs[0]);
  const x = (i) => LEFT + ((RIGHT - LEFT) * far(i)) / far(last);
  const y = (v) => FOOT - ((FOOT - TOP) * v) / most;
  const line = (d, stroke, width) =>
    drawn("path", { d, fill: "none", stroke: `var(--kd-${stroke})`, "stroke-width": width });
  const named = (at, anchor, text) =>
    drawn("text", { ...at, "text-anchor": anchor, class: "kd-small" }, text);
  for (const v of [0, most / 2, most]) {
    chart.append(
      line(`M${LEFT} ${y(v)}H${RIGHT}`, "edge", 1),
      named({ x: LEFT - 5, y: y(v) + 4 }, "end", `${v}`),
    );
  }
  epochs.forEach((e, i) => chart.append(named({ x: x(i), y: FOOT + 17 }, "middle", `${e}`)));
  chart.append(named({ x: LEFT, y: FOOT + 36 }, "start", "epochs of the teacher (log scale)"));
  const cursor = line("", "accent-edge", 2);
  chart.append(cursor);
  // names at the right ends, moved apart where two would touch
  const heights = lines.map(({ values }) => y(values[last]));
  const order = heights.map((_, i) => i).sort((a, b) => heights[b] - heights[a]);
  const put = [...heights];
  order.forEach((i, n) => {
    if (n) put[i] = Math.min(put[i], put[order[n - 1]] - 15);
  });
  const dots = lines.map(({ name, role, values }, i) => {
    const path = values.map((v, j) => `${x(j)} ${y(v)}`).join("L");
    const title = named({ x: RIGHT + SAMPLE + 14, y: put[i] + 4 }, "start", name);
    title.style.fill = `var(--kd-${role})`;
    const dot = drawn("circle", { r: 5, fill: `var(--kd-${role})` });
    const drawing = line(`M${path}`, role, 2.4);
    const sample = line(`M${RIGHT + 9} ${put[i]}h${SAMPLE}`, role, 2.4);
    // a second line of the same role is dashed, to tell it from the first
    if (lines.slice(0, i).some((other) => other.role === role)) {
      for (const part of [drawing, sample]) part.setAttribute("stroke-dasharray", "6 4");
    }
    chart.append(drawing, sample, title, dot);
    return dot;
  });

  function update() {
    const { logits, label } = images[chosen];
    const p = softmax(logits[place], data.temperature);
    soft.update(p);
    cursor.setAttribute("d", `M${x(place)} ${TOP - 8}V${FOOT}`);
    dots.forEach((dot, i) => {
      dot.setAttribute("cx", x(place));
      dot.setAttribute("cy", y(lines[i].values[place]));
    });
    const sorted = p.map((_, i) => i).sort((a, b) => p[b] - p[a]);
    const said = lines.map(({ name, values }) => `${name} ${values[place].toFixed(1)}`);
    const after = `${epochs[place]} epoch${epochs[place] === 1 ? "" : "s"}`;
    words.textContent =
      `After ${after} the label, ${classes[label]}, has ${(100 * p[label]).toFixed(0)} %. The ` +
      `largest bars are ${classes[sorted[0]]} and ${classes[sorted[1]]}. Mean ${data.unit}: ` +
      `${said.join("; ")}.`;
    chart.setAttribute("aria-label",
      `Mean ${data.unit} over the teacher's epochs; after ${after}: ${said.join("; ")}`);
    root.kdState = { chosen, epoch: epochs[place], p, entropy: entropy(p) };
  }
  const knob = slider("Epochs of the teacher", {
    least: 0, most: last, step: 1, value: 0, show: (i) => `${epochs[i]}`,
    changed: (i) => { place = i; update(); },
  });
  const picture = ({ pixels, width, height }) => inkPicture(pixels, width, height);
  const gallery = choices(
    "Choose an image", images.map(picture),
    images.map(({ label }, i) => `image ${i + 1}, label ${classes[label]}`),
    (i) => { chosen = i; show(); },
  );
  function show() {
    big.replaceChildren(picture(images[chosen]));
    update();
  }
  const title = (text) => element("p", { class: "kd-title" }, text);
  root.replaceChildren(
    gallery, knob.box,
    element("div", { class: "kd-row" }, big, element(
      "div", {}, title(`The teacher's soft target, T = ${data.temperature}`), soft.svg,
      title(`Mean ${data.unit}`), chart,
    )),
    words,
  );
  show();
}
