import { bars, choices, element, inkPicture, slider } from "./kit.js";
import { softmax } from "./network.js";

// data: {classes, images: [{pixels, width, height, label, teacher, student}], temperature,
// alpha}: both answers are logits
export function loss(root, data) {
  const { classes, images } = data;
  // what KL is multiplied by, beside alpha
  const programs = [
    ["times T\u00b2", (t) => t * t],
    ["without T\u00b2", () => 1],
    ["times T\u00b2, averaged over classes too", (t) => (t * t) / classes.length],
  ];
  // each chart has a title of one line and its formula of one line, so that charts side by
  // side begin at one height; the numbers have two decimals, as the words below them
  function chart(role, title, formula, how) {
    const made = bars(classes, { role, title, ...how });
    const note = element("p", { class: "kd-note" }, formula);
    const box = element("div", {}, element("p", { class: "kd-title" }, title), note, made.svg);
    return { ...made, note, box };
  }
  const pull = { signed: true };
  const answers = [
    chart("teacher", "The teacher's answer", "p = softmax(v / T)", { tall: 110 }),
    chart("student", "The student's answer", "q = softmax(z / T)", { tall: 110 }),
  ];
  const rows = [
    chart("teacher", "Pull of the teacher", "", pull),
    chart("label", "Pull of the label", "(1 \u2212 \u03b1) (y \u2212 softmax z)", pull),
    chart("student", "Both pulls together", "where this image pushes the logits", pull),
  ];
  const big = element("div", { class: "kd-picture" });
  const words = element("p", { class: "kd-words", "aria-live": "polite" });
  let [chosen, how] = [0, 0];
  let t = data.temperature;
  let alpha = data.alpha;
  function update() {
    const { teacher, student, label } = images[chosen];
    const factor = programs[how][1](t);
    const [p, q, hard] = [softmax(teacher, t), softmax(student, t), softmax(student, 1)];
    // minus the gradient of alpha factor KL + (1 - alpha) CE with respect to the logits
    const fromLabel = hard.map((v, i) => (1 - alpha) * ((i === label ? 1 : 0) - v));
    const fromTeacher = p.map((v, i) => ((alpha * factor) / t) * (v - q[i]));
    const both = fromLabel.map((v, i) => v + fromTeacher[i]);
    // the bars keep the scale that they have with T^2: what shrinks is seen to shrink
    const withSquare = p.map((v, i) => alpha * t * (v - q[i]));
    const together = fromLabel.map((v, i) => v + withSquare[i]);
    const most = Math.max(...[...fromLabel, ...withSquare, ...together].map(Math.abs));
    [fromTeacher, fromLabel, both].forEach((values, i) => rows[i].update(values, most));
    const soft = (alpha * factor) / (t * t);
    const scale = soft + 1 - alpha;
    const effective = soft > 0 ? soft / scale : 0;
    const second = p.map((_, i) => i).sort((a, b) => p[b] - p[a]).find((i) => i !== label);
    const signed = (v) => (v < 0 ? "\u2212" : "+") + Math.abs(v).toFixed(2);
    answers[0].update(p);
    answers[1].update(q);
    rows[0].note.textContent =
      `${["\u03b1 T", "\u03b1 / T", "\u03b1 T / C"][how]} (p \u2212 q)` +
      (how === 2 ? `, C = ${classes.length} classes` : "");
    words.textContent =
      `Label ${classes[label]}. Of the other classes the teacher gives most to ` +
      `${classes[second]}, p = ${p[second].toFixed(3)}; the student gives it ` +
      `q = ${q[second].toFixed(3)}, and softmax z = ${hard[second].toFixed(3)} at T = 1. On the logit of ` +
      `${classes[second]} the label pulls by ` +
      `${signed(fromLabel[second])}, the teacher by ${signed(fromTeacher[second])}. ` +
      (how === 0 ? "" : "So written, the loss is the one with T\u00b2 at " +
        `\u03b1 = ${effective.toFixed(3)}, times ${scale.toFixed(2)}.`);
    root.kdState = { t, alpha, how, chosen, p, q, fromLabel, fromTeacher, both, effective, scale };
  }
  const knobs = [
    slider("Weight \u03b1", {
      least: 0, most: 1, step: 0.01, value: alpha, show: (v) => v.toFixed(2),
      changed: (v) => { alpha = v; update(); },
    }),
    slider("Temperature T", {
      least: 1, most: 20, step: 0.5, value: t, show: (v) => v.toFixed(1),
      changed: (v) => { t = v; update(); },
    }),
  ];
  const picture = ({ pixels, width, height }) => inkPicture(pixels, width, height);
  function choose(i) {
    chosen = i;
    big.replaceChildren(picture(images[i]));
    update();
  }
  const gallery = choices(
    "Choose a digit", images.map(picture),
    images.map(({ label }, i) => `digit ${i + 1}, label ${classes[label]}`), choose,
  );
  const ways = choices(
    "The divergence is taken",
    programs.map(([name]) => element("span", { class: "kd-way" }, name)),
    programs.map(([name]) => name), (i) => { how = i; update(); },
  );
  root.replaceChildren(
    gallery,
    element("div", { class: "kd-row" }, big, element("div", {}, ...knobs.map((k) => k.box), ways)),
    element("div", { class: "kd-pair" }, ...[...answers, ...rows].map((made) => made.box)),
    words,
  );
  choose(0);
}
