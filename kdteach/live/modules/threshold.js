import { choices, drawn, element, slider } from "./kit.js";

// data: {kinds: [negative, positive], threshold, share, networks: [{name, role, positives,
// negatives, roc, pr, auc, average_precision}]}. Probabilities of the second kind, by the true
// kind; roc: [share of false alarms, sensitivity], pr: [sensitivity, precision].
export function threshold(root, data) {
  const { kinds: [plain, sought], networks } = data;
  let [chosen, cut] = [0, data.threshold];
  const matrix = matrixTable(plain, sought);
  const words = element("p", { class: "kd-words", "aria-live": "polite" });
  const roc = squareChart("ROC curve", "false alarms (1 \u2212 specificity)", "sensitivity");
  const pr = squareChart("Precision-recall curve", "sensitivity (recall)", "precision");
  function update() {
    const network = networks[chosen];
    const now = countsFrom(network, cut);
    const all = now.found + now.missed;
    const well = now.alarms + now.cleared;
    const called = now.found + now.alarms;
    const sensitivity = now.found / all;
    const falsely = now.alarms / well;
    const precision = called ? now.found / called : null;
    matrix.update(now);
    roc.update(network, network.roc, [[0, 0], [1, 1]], [falsely, sensitivity],
      `area ${network.auc.toFixed(2)}`);
    pr.update(network, network.pr, [[0, data.share], [1, data.share]],
      precision === null ? null : [sensitivity, precision],
      `average precision ${network.average_precision.toFixed(2)}`);
    words.textContent =
      `Called ${sought} from a probability of ${cut.toFixed(2)} on: ${now.found} of ${all} ` +
      `${sought} are found (sensitivity ` +
      `${inPercent(sensitivity)}), ${now.cleared} of ${well} ${plain} are left alone (specificity ` +
      `${inPercent(1 - falsely)}). ` + (called
        ? `Of ${called} tiles called ${sought}, ${now.found} are ${sought} (precision ` +
          `${inPercent(precision)}).`
        : `No tile is called ${sought}, so that there is no precision.`);
    root.kdState = { threshold: cut, chosen, ...now, sensitivity, falsely, precision };
  }
  const knob = slider("Decision threshold", {
    least: 0, most: 1, step: 0.01, value: cut, show: (v) => v.toFixed(2),
    changed: (v) => { cut = v; update(); },
  });
  const ways = choices(
    "Network", networks.map((n) => element("span", { class: "kd-way" }, n.name)),
    networks.map((n) => n.name), (i) => { chosen = i; update(); },
  );
  root.replaceChildren(
    ...(networks.length > 1 ? [ways] : []), knob.box, matrix.box, words,
    element("div", { class: "kd-pair" }, roc.box, pr.box),
  );
  update();
}

const inPercent = (share) => `${(100 * share).toFixed(0)}\u00a0%`;

// How many images of both kinds have a probability of at least this.
export function countsFrom({ positives, negatives }, cut) {
  const found = positives.filter((p) => p >= cut).length;
  const alarms = negatives.filter((p) => p >= cut).length;
  return { found, missed: positives.length - found, alarms, cleared: negatives.length - alarms };
}

// The confusion matrix: a row for each true kind, a column for each that is said.
function matrixTable(plain, sought) {
  const cell = (kind, words) => {
    const number = element("b", {});
    return { number, box: element("td", { class: kind }, number, element("span", {}, words)) };
  };
  const cells = {
    cleared: cell("kd-hit", "rightly left alone"),
    alarms: cell("kd-slip", "false alarms"),
    missed: cell("kd-slip", "missed"),
    found: cell("kd-hit", "found"),
  };
  const head = (scope, words) => element("th", { scope }, words);
  const box = element("table", { class: "kd-matrix" },
    element("thead", {}, element("tr", {},
      head("col", "true kind"), head("col", `called ${plain}`),
      head("col", `called ${sought}`))),
    element("tbody", {},
      element("tr", {}, head("row", plain), cells.cleared.box, cells.alarms.box),
      element("tr", {}, head("row", sought), cells.missed.box, cells.found.box)));
  function update(counts) {
    for (const [name, { number }] of Object.entries(cells)) number.textContent = counts[name];
  }
  return { box, update };
}

// A curve in the unit square, a dotted line for guessing, and the point of one threshold.
function squareChart(title, across, up) {
  const [side, left, top] = [200, 44, 12];
  const svg = drawn("svg", { viewBox: `0 0 ${left + side + 16} ${top + side + 44}`, role: "img",
    class: "kd-square" });
  const place = ([x, y]) => [left + side * x, top + side * (1 - y)];
  const path = (points) => `M${points.map((p) => place(p).map((v) => v.toFixed(1)).join(" ")).join("L")}`;
  svg.append(drawn("path", { d: path([[0, 1], [0, 0], [1, 0]]), fill: "none", stroke: "var(--kd-edge)" }));
  for (const value of [0, 0.5, 1]) {
    const [x] = place([value, 0]);
    const [, y] = place([0, value]);
    svg.append(
      drawn("text", { x, y: top + side + 17, "text-anchor": "middle", class: "kd-small" }, value),
      drawn("text", { x: left - 6, y: y + 4, "text-anchor": "end", class: "kd-small" }, value),
    );
  }
  svg.append(
    drawn("text", { x: left + side / 2, y: top + side + 36, "text-anchor": "middle" }, across),
    drawn("text", { x: 12, y: top + side / 2, "text-anchor": "middle",
      transform: `rotate(-90 12 ${top + side / 2})` }, up),
  );
  const guess = drawn("path", { fill: "none", stroke: "var(--kd-soft)", "stroke-dasharray": "2 4" });
  const curve = drawn("path", { fill: "none", "stroke-width": 2.4, class: "kd-curve" });
  const dot = drawn("circle", { r: 6, stroke: "var(--kd-page)", "stroke-width": 1.5 });
  const area = drawn("text", { x: left + side - 2, y: top + side - 8, "text-anchor": "end",
    class: "kd-small" });
  svg.append(guess, curve, dot, area);
  function update(network, points, blind, point, said) {
    guess.setAttribute("d", path(blind));
    curve.setAttribute("d", path(points));
    curve.setAttribute("stroke", `var(--kd-${network.role})`);
    area.textContent = said;
    dot.setAttribute("fill", `var(--kd-${network.role})`);
    dot.setAttribute("visibility", point ? "visible" : "hidden");
    if (point) {
      const [x, y] = place(point);
      dot.setAttribute("cx", x);
      dot.setAttribute("cy", y);
    }
    svg.setAttribute("aria-label", point
      ? `${title} of ${network.name}, ${said}; the point of this threshold has ${across} ` +
        `${point[0].toFixed(2)} and ${up} ${point[1].toFixed(2)}`
      : `${title} of ${network.name}, ${said}; this threshold has no point`);
  }
  const box = element("div", {}, element("p", { class: "kd-title" }, title), svg);
  return { box, update };
}
