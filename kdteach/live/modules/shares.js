import { choices, drawn, element, slider } from "./kit.js";

const [WIDE, TALL, EDGE, TOP, FOOT] = [400, 250, 54, 14, 206];

// The mean of some numbers.
export function meanOf(values) {
  return values.reduce((sum, v) => sum + v, 0) / values.length;
}

// data: {shares, kinds: [{name, rows: one list of per cents a share}], teacher, chance}
export function shares(root, data) {
  let [kind, place] = [0, data.shares.length - 1];
  const svg = drawn("svg", { viewBox: `0 0 ${WIDE} ${TALL}`, role: "img", class: "kd-shares" });
  const words = element("p", { class: "kd-words", "aria-live": "polite" });
  const [low, high] = [data.shares[0], data.shares[data.shares.length - 1]];
  const across = (i) => EDGE + 16 + ((WIDE - EDGE - 40) * (data.shares[i] - low)) / (high - low);
  const up = (v) => FOOT - ((FOOT - TOP) * v) / 100;
  function update() {
    const made = [];
    const add = (name, attributes, text) => made.push(drawn(name, attributes, text));
    for (const v of [0, 25, 50, 75, 100]) {
      add("path", { d: `M${EDGE} ${up(v)}H${WIDE - 8}`, stroke: "var(--kd-edge)", fill: "none" });
      add("text", { x: EDGE - 6, y: up(v) + 4, "text-anchor": "end", class: "kd-small" }, `${v} %`);
    }
    for (const [v, name] of [[data.teacher, "teacher"], [data.chance, "chance"]]) {
      add("path", {
        d: `M${EDGE} ${up(v)}H${WIDE - 8}`, stroke: "var(--kd-teacher)", fill: "none",
        "stroke-dasharray": "2 5", "stroke-width": 1.6,
      });
      add("text", { x: EDGE + 4, y: up(v) + (v > 90 ? 15 : -5), class: "kd-small" }, name);
    }
    data.kinds.forEach(({ rows }, k) => {
      const line = rows.map((row, i) => `${across(i)} ${up(meanOf(row))}`).join("L");
      add("path", {
        d: `M${line}`, fill: "none", stroke: "var(--kd-student)", "stroke-width": 2.4,
        "stroke-opacity": k === kind ? 0.9 : 0.25,
      });
    });
    const row = data.kinds[kind].rows[place];
    const mean = meanOf(row);
    row.forEach((v, i) => add("circle", {
      cx: across(place) + ((i % 5) - 2) * 3, cy: up(v), r: 4.5, fill: "var(--kd-student)",
      "fill-opacity": 0.5,
    }));
    add("circle", {
      cx: across(place), cy: up(mean), r: 7, fill: "none", stroke: "var(--kd-ink)",
      "stroke-width": 2.2,
    });
    data.shares.forEach((share, i) => add("text", {
      x: across(i), y: FOOT + 18, "text-anchor": "middle", class: "kd-small",
    }, `${Math.round(100 * share)} %`));
    add("text", { x: (EDGE + WIDE) / 2, y: FOOT + 37, "text-anchor": "middle", class: "kd-small" },
      "how much of the teacher\u2019s start is in the student\u2019s");
    svg.replaceChildren(...made);
    const said = `${data.kinds[kind].name}, ${Math.round(100 * data.shares[place])} % of the ` +
      `teacher\u2019s start: the ${row.length} students read ${mean.toFixed(0)} % of new digits, ` +
      `from ${Math.min(...row).toFixed(0)} to ${Math.max(...row).toFixed(0)} %.`;
    words.textContent = said;
    svg.setAttribute("aria-label", `Accuracy of students of noise over their start. ${said}`);
    root.kdState = { kind, share: data.shares[place], mean, row: [...row] };
  }
  const knob = slider("Teacher\u2019s start", {
    least: 0, most: data.shares.length - 1, step: 1, value: place,
    show: (i) => `${Math.round(100 * data.shares[i])} %`,
    changed: (i) => { place = i; update(); },
  });
  const way = (text) => element("span", { class: "kd-way" }, text);
  const names = data.kinds.map(({ name }) => name);
  root.replaceChildren(
    choices("The student matches", names.map(way), names, (i) => { kind = i; update(); }),
    knob.box, svg, words,
  );
  update();
}
