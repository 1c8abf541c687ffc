import { bars, choices, drawn, element, inkPicture, slider } from "./kit.js";

const TONES = ["ink", "label", "accent-edge"]; // of the three classes
const SIDE = 300;

// Of the wrong classes: logits minus their mean, and how far apart they are.
export function wrongClasses(logits, label) {
  const wrong = logits.filter((_, i) => i !== label);
  const mean = wrong.reduce((sum, v) => sum + v, 0) / wrong.length;
  const spread = Math.sqrt(
    wrong.reduce((sum, v) => sum + (v - mean) ** 2, 0) / wrong.length,
  );
  return { around: logits.map((v, i) => (i === label ? 0 : v - mean)), spread };
}

// data: {classes, groups: three classes, images: [{pixels, width, height, label}], members:
// the group of each point, start, teachers: [{epsilon, points: [[x, y]], logits: one row an
// image, lead, goal (null where there is none), errors}], total, reach}
export function smoothing(root, data) {
  const { classes, groups, members, teachers, images } = data;
  let [place, chosen] = [data.start, 0];
  const plane = drawn("svg", { viewBox: `0 0 ${SIDE} ${SIDE}`, role: "img", class: "kd-plane" });
  const at = (v) => SIDE / 2 + (v / data.reach) * (SIDE / 2 - 12);
  const dots = members.map((group) => drawn("circle", {
    r: 4, fill: `var(--kd-${TONES[group]})`, "fill-opacity": 0.5,
  }));
  const names = groups.map((group) => drawn("text", {
    "text-anchor": "middle", class: "kd-centre",
    style: "font-weight:700;font-size:17px;paint-order:stroke;stroke:var(--kd-page);stroke-width:4px",
  }, classes[group]));
  plane.append(...dots, ...names);
  let wrong; // the bars of the chosen image, without one for its label
  const chart = element("div", {});
  const named = element("p", { class: "kd-named" });
  const big = element("div", { class: "kd-picture" });
  const words = element("p", { class: "kd-words", "aria-live": "polite" });
  const picture = ({ pixels, width, height }) => inkPicture(pixels, width, height);
  const about = (teacher) => wrongClasses(teacher.logits[chosen], images[chosen].label);
  function update() {
    const teacher = teachers[place];
    const centres = groups.map(() => [0, 0, 0]);
    teacher.points.forEach(([x, y], i) => {
      dots[i].setAttribute("cx", at(x));
      dots[i].setAttribute("cy", at(-y));
      const sum = centres[members[i]];
      sum[0] += x; sum[1] += y; sum[2] += 1;
    });
    centres.forEach(([x, y, n], g) => {
      names[g].setAttribute("x", at(x / n));
      names[g].setAttribute("y", at(-y / n) + 6);
    });
    const { around, spread } = about(teacher);
    const longest = Math.max(...teachers.flatMap((t) => about(t).around.map(Math.abs)));
    const { label } = images[chosen];
    wrong.update(around.filter((_, c) => c !== label), 1.7 * longest);
    const goal = teacher.goal === null ? "there is no goal at which it would stop"
      : `the goal is ${teacher.goal.toFixed(2)}`;
    words.textContent =
      `\u03b5 = ${teacher.epsilon}: on training images the label\u2019s logit leads the mean of ` +
      `the others by ${teacher.lead.toFixed(2)} (${goal}). The teacher misreads ` +
      `${teacher.errors} of ${data.total} validation images. For the chosen ${classes[label]} its ` +
      `wrong classes have a standard deviation of ${spread.toFixed(2)}.`;
    plane.setAttribute("aria-label",
      `Validation images of three digits on the plane of their directions, epsilon ${teacher.epsilon}`);
    root.kdState = { epsilon: teacher.epsilon, chosen, spread, around };
  }
  const knob = slider("Smoothing \u03b5", {
    least: 0, most: teachers.length - 1, step: 1, value: place,
    show: (i) => String(teachers[i].epsilon), changed: (i) => { place = i; update(); },
  });
  const gallery = choices(
    "Choose a digit", images.map(picture),
    images.map(({ label }, i) => `digit ${i + 1}, label ${classes[label]}`),
    (i) => { choose(i); },
  );
  function choose(i) {
    chosen = i;
    big.replaceChildren(picture(images[i]));
    const { label } = images[i];
    wrong = bars(classes.filter((_, c) => c !== label), {
      role: "teacher", title: "Logits of the wrong classes, minus their mean", signed: true,
    });
    chart.replaceChildren(wrong.svg);
    const shown = groups.map((g) => classes[g]).join(", ");
    named.textContent = `Label: ${classes[label]}.` + (groups.includes(label) ? ""
      : ` This image is not among the dots (only ${shown}).`);
    update();
  }
  const title = (text) => element("p", { class: "kd-title" }, text);
  root.replaceChildren(
    knob.box,
    element(
      "div", { class: "kd-pair" },
      element("div", {}, title("Validation images, on the plane of three classes"), plane),
      element(
        "div", {}, gallery, element("div", { class: "kd-row" }, big, named),
        title("Wrong classes: logit minus the mean of the wrong ones"), chart,
      ),
    ),
    words,
  );
  choose(0);
}
