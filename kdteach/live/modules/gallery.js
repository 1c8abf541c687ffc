import { bars, choices, element, inkPicture } from "./kit.js";
import { softmax } from "./network.js";

const DEEPEST = -16; // powers of ten that the logarithmic scale shows
const RAISED = "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079";

function shape(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function powerOfTen(n) {
  const raised = [...String(Math.abs(n))].map((digit) => RAISED[digit]).join("");
  return n === 0 ? "1" : `10${n < 0 ? "\u207b" : ""}${raised}`;
}

// A probability as one says it: 0.719, and 1.5 x 10^-13 where three decimals would say 0.
function spoken(p) {
  if (p >= 0.9995) return "more than 0.999";
  if (p >= 0.0005) return p.toFixed(3);
  if (p === 0) return "0";
  const [factor, power] = p.toExponential(1).split("e");
  return `${factor} \u00d7 ${powerOfTen(Number(power))}`;
}

// Bars of probabilities on one of two scales: height is the probability, or its logarithm.
function twoScales(names, { role, title }) {
  const [width, height, top, foot, left] = [names.length * 34 + 44, 186, 18, 18, 44];
  const base = height - foot;
  const room = base - top;
  const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", class: "kd-bars" });
  const grid = shape("g", {});
  svg.append(grid);
  const parts = names.map((name, i) => {
    const x = left + i * 34;
    const bar = shape("rect", { x: x + 5, width: 24, rx: 2, fill: `var(--kd-${role})` });
    const number = shape("text", { x: x + 17, "text-anchor": "middle", class: "kd-number" });
    const label = shape(
      "text", { x: x + 17, y: height - 3, "text-anchor": "middle", class: "kd-small" }, name,
    );
    svg.append(bar, number, label);
    return { bar, number };
  });
  const share = (p, log) =>
    log ? Math.min(Math.max(1 - Math.log10(Math.max(p, 1e-300)) / DEEPEST, 0), 1) : p;

  function update(values, log) {
    grid.replaceChildren();
    const marks = log ? [0, -4, -8, -12, -16].map((n) => [10 ** n, powerOfTen(n)])
      : [[0, "0"], [0.5, "0.5"], [1, "1"]];
    for (const [p, text] of marks) {
      const y = base - share(p, log) * room;
      grid.append(
        shape("path", { d: `M${left} ${y}H${width}`, stroke: "var(--kd-edge)", fill: "none" }),
        shape("text", { x: left - 6, y: y + 4, "text-anchor": "end", class: "kd-small" }, text),
      );
    }
    const heights = values.map((p) => share(p, log));
    heights.forEach((part, i) => {
      const tall = Math.max(part * room, 0.8);
      parts[i].bar.setAttribute("height", tall);
      parts[i].bar.setAttribute("y", base - tall);
      parts[i].number.setAttribute("y", base - tall - 4);
      const shown = !log && values[i] >= 0.005 ? values[i].toFixed(2) : "";
      parts[i].number.textContent = shown;
    });
    const order = values.map((_, i) => i).sort((a, b) => values[b] - values[a]);
    const largest = order.slice(0, 3).map((i) => `${names[i]}: ${spoken(values[i])}`);
    svg.setAttribute("aria-label", `${title}. The largest: ${largest.join(", ")}`);
    return heights;
  }
  return { svg, update };
}

// data: {classes, first, temperature or null, headings: [[number of the image, words]],
// images: [{pixels, width, height, label, logits}]}
export function gallery(root, data) {
  const { classes, images } = data;
  const hard = bars(classes, { role: "label", title: "Hard target", digits: 0 });
  const soft = twoScales(classes, { role: "teacher", title: "Soft target" });
  const picture = element("div", { class: "kd-picture" });
  const words = element("p", { class: "kd-words", "aria-live": "polite" });
  let chosen = data.first;
  let log = false;
  let temperature = 1;
  const title = element("p", { class: "kd-title" });

  function update() {
    const { pixels, width, height, label, logits } = images[chosen];
    picture.replaceChildren(inkPicture(pixels, width, height));
    const p = softmax(logits, temperature);
    title.textContent = `Soft target: the teacher, T = ${temperature}`;
    hard.update(classes.map((_, i) => (i === label ? 1 : 0)));
    const heights = soft.update(p, log);
    const wrong = p.map((value, i) => (i === label ? 0 : value));
    const all = wrong.reduce((a, b) => a + b, 0);
    const rest = wrong.map((value) => value / all);
    const order = rest.map((_, i) => i).filter((i) => i !== label)
      .sort((a, b) => rest[b] - rest[a]);
    const [first, second] = order;
    const errs = p[first] > p[label];
    const times = rest[first] / rest[second];
    words.textContent =
      `The label says ${classes[label]}, and nothing else. The teacher gives ` +
      `${spoken(p[label])} to the ${classes[label]} and ${spoken(p[first])} to the ` +
      `${classes[first]}${errs ? ": it reads another digit than the label" : ""}. Among ` +
      `the wrong classes the ${classes[first]} comes first: it gets ${said(times)} as much ` +
      `as the ${classes[second]}.`;
    root.kdState = { chosen, log, temperature, p, rest, order, heights, times };
  }

  function said(times) {
    if (times < 10) return `${times.toFixed(1)} times`;
    if (times < 1e6) return `${Number(times.toPrecision(2)).toLocaleString("en-US")} times`;
    return `more than ${powerOfTen(Math.floor(Math.log10(times)))} times`;
  }

  function switched(words, change) {
    const input = element("input", { type: "checkbox" });
    input.addEventListener("change", () => { change(input.checked); update(); });
    return element("label", { class: "kd-switch" }, input, words);
  }

  const switches = [switched(
    "Draw the teacher's answer in powers of ten, so that tiny numbers can be seen",
    (on) => { log = on; },
  )];
  if (data.temperature) {
    switches.unshift(switched(
      `Soften: divide the logits by T = ${data.temperature} before the softmax`,
      (on) => { temperature = on ? data.temperature : 1; },
    ));
  }
  const box = choices(
    "Choose an image", images.map(({ pixels, width, height }) => inkPicture(pixels, width, height)),
    images.map(({ label }, i) => `handwritten ${classes[label]}, number ${i + 1}`),
    (i) => { chosen = i; update(); },
  );
  box.querySelectorAll("input")[chosen].checked = true;
  const places = [...box.querySelectorAll("label")];
  for (const [i, name] of data.headings ?? []) {
    places[i].before(element("p", { class: "kd-note" }, name));
  }
  root.replaceChildren(
    box,
    element(
      "div", { class: "kd-row" }, picture,
      element(
        "div", { class: "kd-columns" },
        element("div", {}, element("p", { class: "kd-title" }, "Hard target: the label"), hard.svg),
        element("div", {}, title, soft.svg),
      ),
    ),
    ...switches, words,
  );
  update();
}
