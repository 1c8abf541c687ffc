import { drawn, element, slider } from "./kit.js";

// data: {teacher: [K probabilities], best: {forward|reverse|js: {centre, width, value}},
//        widths: [least, most], step}

// logarithms of the probabilities of a bump
export function logBump(places, centre, width) {
  const z = Array.from({ length: places }, (_, k) => -((k - centre) ** 2) / (2 * width ** 2));
  const top = Math.max(...z);
  const sum = Math.log(z.reduce((total, value) => total + Math.exp(value - top), 0)) + top;
  return z.map((value) => value - sum);
}

export function divergencesOf(p, logQ) {
  const found = { forward: 0, reverse: 0, js: 0 };
  p.forEach((share, k) => {
    const [a, b] = [Math.log(share), logQ[k]];
    const q = Math.exp(b);
    const high = Math.max(a, b);
    const middle = high + Math.log1p(Math.exp(-Math.abs(a - b))) - Math.LN2;
    found.forward += share * (a - b);
    found.reverse += q * (b - a);
    found.js += (share * (a - middle) + q * (b - middle)) / 2;
  });
  return found;
}

export function directions(root, data) {
  const p = data.teacher;
  const names = { forward: "forward, KL(p \u2016 q)", reverse: "reverse, KL(q \u2016 p)", js: "Jensen\u2013Shannon" };
  const [width, height, foot] = [520, 170, 16];
  const chart = drawn("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" });
  const tallest = 2.2 * Math.max(...p);
  const wide = width / p.length;
  const y = (share) => height - foot - (Math.min(share, tallest) / tallest) * (height - foot - 6);
  p.forEach((share, k) => chart.append(drawn("rect", {
    x: k * wide + 0.15 * wide, width: 0.7 * wide, y: y(share), height: y(0) - y(share), fill: "var(--kd-teacher)",
  })));
  const line = drawn("path", { fill: "none", stroke: "var(--kd-student)", "stroke-width": 3, "stroke-linejoin": "round" });
  chart.append(
    drawn("path", { d: `M0 ${y(0)}h${width}`, stroke: "var(--kd-edge)", fill: "none" }), line,
    drawn("text", { x: 0, y: height - 2, class: "kd-small" }, "0"),
    drawn("text", { x: width, y: height - 2, class: "kd-small", "text-anchor": "end" }, String(p.length - 1)),
  );
  const rows = Object.keys(names).map((name) => {
    const number = element("output", { class: "kd-count" });
    const button = element("button", { type: "button", class: "kd-test" }, "Go to its best place");
    button.addEventListener("click", () => go(data.best[name]));
    const least = element("span", { class: "kd-note" }, ` (least possible: ${data.best[name].value.toFixed(2)}) `);
    return { name, number, box: element("p", { class: "kd-line" }, `${names[name]}: `, number, least, button) };
  });
  const words = element("p", { class: "kd-words", "aria-live": "polite" });
  let [centre, spread] = [(p.length - 1) / 2, (data.widths[0] + data.widths[1]) / 2];
  function update() {
    const logQ = logBump(p.length, centre, spread);
    const q = logQ.map(Math.exp);
    line.setAttribute("d", q.map((share, k) => `${k ? "L" : "M"}${((k + 0.5) * wide).toFixed(1)} ${y(share).toFixed(1)}`).join(""));
    const found = divergencesOf(p, logQ);
    rows.forEach(({ name, number }) => { number.textContent = found[name].toFixed(2); });
    const missed = p.reduce((total, share, k) => total + (q[k] < share / 10 ? share : 0), 0);
    const empty = q.reduce((total, share, k) => total + (p[k] < share / 10 ? share : 0), 0);
    words.textContent =
      `Missed: ${(100 * missed).toFixed(0)} % of the teacher's probability, where the student has less than a ` +
      `tenth of it. Wasted: ${(100 * empty).toFixed(0)} % of the student's, where the teacher has less than a ` +
      `tenth of it.`;
    chart.setAttribute("aria-label",
      `The teacher's probabilities as bars, the student's bump at ${centre} with width ${spread} as a line`);
    root.kdState = { centre, width: spread, ...found, missed, empty };
  }
  const place = slider("Centre", {
    least: 0, most: p.length - 1, step: data.step, value: centre, show: (v) => v.toFixed(2),
    changed: (value) => { centre = value; update(); },
  });
  const breadth = slider("Width", {
    least: data.widths[0], most: data.widths[1], step: data.step, value: spread, show: (v) => v.toFixed(2),
    changed: (value) => { spread = value; update(); },
  });
  function go(best) {
    place.input.value = best.centre;
    breadth.input.value = best.width;
    place.tell();
    breadth.tell();
  }
  root.replaceChildren(
    element("p", { class: "kd-title" }, "Teacher p (bars) and student q (line)"),
    chart, place.box, breadth.box, ...rows.map(({ box }) => box), words,
  );
  place.tell();
  breadth.tell();
}
