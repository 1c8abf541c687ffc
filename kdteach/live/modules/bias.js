import { choices, drawn, element, inkPicture, slider } from "./kit.js";

// data: {classes, number, bias, most, images: [{pixels, width, height}], networks: [{name,
// role, own, rivals, others, right}]}. A gap is the largest logit of all other classes less
// that of the class: the class wins where the bias is larger. own: the gaps of the images
// of the class, rivals: the class that they are given to otherwise; others: the gaps of all
// other images, right: whether they are right as long as the class does not win.
export function bias(root, data) {
  const { classes, number, most, networks } = data;
  const name = classes[number];
  const all = networks[0].own.length + networks[0].others.length;
  const step = 0.1;
  const grid = Array.from({ length: Math.round(most / step) + 1 }, (_, i) => i * step);
  const [found, wrong] = [
    stepChart(most, networks[0].own.length, `Images of a ${name} read as ${name}`),
    stepChart(most, Math.max(...networks.flatMap((n) => grid.map((b) => countAt(n, b).errors))),
      `Images misread, of all ${all} (ring: fewest)`, true),
  ];
  const words = element("p", { class: "kd-words", "aria-live": "polite" });
  const tiles = data.images.map(({ pixels, width, height }) => {
    const said = element("span", { class: "kd-said" });
    const box = element("span", { class: "kd-tile" }, inkPicture(pixels, width, height), said);
    return { box, said };
  });
  const shelf = element("div", { class: "kd-shelf", role: "img" }, ...tiles.map((t) => t.box));
  let [chosen, added] = [0, data.bias];
  function update() {
    const network = networks[chosen];
    const now = countAt(network, added);
    tiles.forEach(({ box, said }, i) => {
      const wins = network.own[i] < added;
      box.classList.toggle("kd-lit", wins);
      said.textContent = wins ? name : classes[network.rivals[i]];
    });
    shelf.setAttribute("aria-label",
      `${tiles.length} images of a ${name}; lit are those that are read as ${name}, below ` +
      "each stands how it is read");
    found.update(grid.map((b) => countAt(network, b).found), added, now.found, network.role);
    wrong.update(grid.map((b) => countAt(network, b).errors), added, now.errors, network.role);
    words.textContent =
      `With +${added.toFixed(1)}, ${now.found} of ${network.own.length} images of a ${name} ` +
      `are read as ${name}, and ${now.alarms || "no"} other image${now.alarms === 1 ? "" : "s"}. ` +
      `Of all ${all} images ${now.errors} are misread.`;
    root.kdState = { bias: added, chosen, ...now };
  }
  const knob = slider(`Added to the bias of ${name}`, {
    least: 0, most, step, value: added, show: (v) => `+${v.toFixed(1)}`,
    changed: (v) => { added = v; update(); },
  });
  const ways = choices(
    "Student", networks.map((n) => element("span", { class: "kd-way" }, n.name)),
    networks.map((n) => n.name), (i) => { chosen = i; update(); },
  );
  root.replaceChildren(
    ...(networks.length > 1 ? [ways] : []), knob.box, words, shelf,
    element("div", { class: "kd-pair" }, found.box, wrong.box),
  );
  update();
}

// What a bias does to the answers: images of the class that are found, others that are
// given to it as well, and all that are misread.
export function countAt({ own, others, right }, added) {
  let [found, alarms, errors] = [0, 0, 0];
  for (const gap of own) {
    if (gap < added) found += 1;
    else errors += 1;
  }
  others.forEach((gap, i) => {
    if (gap < added) alarms += 1;
    if (gap < added || !right[i]) errors += 1;
  });
  return { found, alarms, errors };
}

// Counts over the bias, and a mark at the bias that is set; a ring at the fewest if asked for.
function stepChart(most, top, title, ringed = false) {
  const [width, height, left, right, up, foot] = [330, 150, 34, 20, 14, 26];
  const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", class: "kd-steps" });
  const x = (value) => left + ((width - left - right) * value) / most;
  const y = (value) => height - foot - ((height - foot - up) * value) / top;
  for (const value of [0, top]) {
    svg.append(
      drawn("path", { d: `M${left} ${y(value)}H${width - right}`, stroke: "var(--kd-edge)", fill: "none" }),
      drawn("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end", class: "kd-small" }, value),
    );
  }
  for (const value of [0, most / 2, most]) {
    svg.append(drawn("text", { x: x(value), y: height - 8, "text-anchor": "middle", class: "kd-small" },
      `+${value}`));
  }
  const line = drawn("path", { fill: "none", "stroke-width": 2.4 });
  const mark = drawn("path", { stroke: "var(--kd-ink)", "stroke-width": 1.4, "stroke-dasharray": "3 3" });
  const dot = drawn("circle", { r: 5 });
  const ring = drawn("circle", { r: 8, fill: "none", stroke: "var(--kd-ink)", "stroke-width": 1.6, class: "kd-ring" });
  const label = drawn("text", { class: "kd-count" });
  svg.append(line, mark, dot, ...(ringed ? [ring] : []), label);
  function update(values, added, count, role) {
    const points = values.map((v, i) => `${x((i * most) / (values.length - 1)).toFixed(1)} ${y(v).toFixed(1)}`);
    line.setAttribute("d", `M${points.join("L")}`);
    line.setAttribute("stroke", `var(--kd-${role})`);
    mark.setAttribute("d", `M${x(added)} ${up}V${height - foot}`);
    dot.setAttribute("cx", x(added));
    dot.setAttribute("cy", y(count));
    dot.setAttribute("fill", `var(--kd-${role})`);
    const fewest = Math.min(...values);
    ring.setAttribute("cx", x((values.indexOf(fewest) * most) / (values.length - 1)));
    ring.setAttribute("cy", y(fewest));
    // the number stands where the line does not go next
    const ahead = values[Math.min(values.length - 1, Math.round(((added + 0.08 * most) / most) * (values.length - 1)))];
    const late = added > 0.7 * most || ahead > count;
    label.setAttribute("x", x(added) + (late ? -9 : 9));
    label.setAttribute("y", y(count) + (y(count) < 40 && ahead <= count ? 20 : -8));
    label.setAttribute("text-anchor", late ? "end" : "start");
    label.textContent = count;
    svg.setAttribute("aria-label", `${title}: ${count} at +${added.toFixed(1)}` +
      (ringed ? `, fewest ${fewest}` : ""));
  }
  const box = element("div", {}, element("p", { class: "kd-title" }, title), svg);
  return { box, update };
}
