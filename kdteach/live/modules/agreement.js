import { choices, element, inkPicture } from "./kit.js";
import { edges, inkSquares, overlay, signedPicture } from "./pixels.js";

// The ranks of numbers, tied ones their mean rank; less their mean, and of length 1.
export function ranked(values) {
  const order = values.map((_, i) => i).sort((a, b) => values[a] - values[b]);
  const ranks = new Array(values.length);
  for (let i = 0; i < order.length; ) {
    let end = i;
    while (end + 1 < order.length && values[order[end + 1]] === values[order[i]]) end++;
    for (let k = i; k <= end; k++) ranks[order[k]] = (i + end) / 2;
    i = end + 1;
  }
  const mean = (values.length - 1) / 2;
  const length = Math.sqrt(ranks.reduce((sum, r) => sum + (r - mean) ** 2, 0));
  return ranks.map((r) => (length > 0 ? (r - mean) / length : 0));
}

// Spearman's correlation from such ranks, and what is left of it without a third one.
export function correlated(a, b) {
  return a.reduce((sum, v, i) => sum + v * b[i], 0);
}

export function leftWithout(a, b, c) {
  const [ab, ac, bc] = [correlated(a, b), correlated(a, c), correlated(b, c)];
  const [one, other] = [1 - ac * ac, 1 - bc * bc];
  return one < 1e-12 || other < 1e-12 ? 0 : (ab - ac * bc) / Math.sqrt(one * other);
}

// data: {classes, first, networks: names, the teacher first, images: [{pixels, width,
// height, label, targets: classes, maps: [network by network, for each target its pixels]}]}
export function agreement(root, data) {
  const { classes, images, networks } = data;
  let [chosen, which] = [data.first, 0];
  const { width, height } = images[0];
  const digit = element("canvas", { class: "kd-ink kd-squares", "aria-hidden": "true" });
  const outlined = overlay(width, height);
  const frames = networks.map((name) => {
    const canvas = element("canvas", { class: "kd-squares", "aria-hidden": "true" });
    const over = overlay(width, height);
    const said = element("p", { class: "kd-note" });
    const box = element(
      "div", {}, element("p", { class: "kd-title" }, name),
      element("div", { class: "kd-field kd-still" }, canvas, over.svg), said,
    );
    return { canvas, over, said, box };
  });
  const words = element("p", { class: "kd-words", "aria-live": "polite" });
  const place = element("div", {});
  const number = (v) => `${v < 0 ? "\u2212" : ""}${Math.abs(v).toFixed(2)}`;

  function update() {
    const image = images[chosen];
    inkSquares(digit, image.pixels, width);
    outlined.outline.setAttribute("d", "");
    const ink = ranked(image.pixels);
    const ranks = image.maps.map((maps) => ranked(maps[which]));
    const together = ranks.map((r) => correlated(ranks[0], r));
    const without = ranks.map((r) => leftWithout(ranks[0], r, ink));
    frames.forEach(({ canvas, over, said }, k) => {
      const values = image.maps[k][which];
      signedPicture(canvas, values, width, Math.max(...values.map(Math.abs)));
      over.outline.setAttribute("d", edges(image.pixels, width, 0.3));
      said.textContent = k === 0 ? "what the others are compared with"
        : `agreement ${number(together[k])}, without the ink ${number(without[k])}`;
    });
    const name = classes[image.targets[which]];
    const said = networks.slice(1).map((n, k) => `${n} ${number(together[k + 1])}`);
    words.textContent =
      `A ${classes[image.label]}, and the maps of the ${name}'s logit. Agreement with the ` +
      `${networks[0]}'s map: ${said.join(", ")}. Violet: more ink raises the logit. Orange: it lowers it.`;
    root.kdState = { chosen, which, agreement: together, without };
  }

  function targets() {
    const found = images[chosen].targets.map((c) => classes[c]);
    const box = choices(
      "Whose logit?", found.map((name, k) => element(
        "span", { class: "kd-way" }, k ? `${name}, the teacher's runner-up` : `${name}, the label`,
      )),
      found.map((name) => `logit of ${name}`), (k) => { which = k; update(); },
    );
    box.querySelectorAll("input")[which].checked = true;
    return box;
  }

  const gallery = choices(
    "Choose a digit", images.map((i) => inkPicture(i.pixels, width, height)),
    images.map(({ label }, i) => `handwritten ${classes[label]}, number ${i + 1}`),
    (i) => { chosen = i; place.replaceChildren(targets()); update(); },
  );
  gallery.querySelectorAll("input")[chosen].checked = true;
  place.replaceChildren(targets());
  root.replaceChildren(
    gallery, place,
    element(
      "div", { class: "kd-beside" },
      element(
        "div", {}, element("p", { class: "kd-title" }, "the digit"),
        element("div", { class: "kd-field kd-still" }, digit, outlined.svg),
        element("p", { class: "kd-note" }, "\u00a0"),
      ),
      ...frames.map(({ box }) => box),
    ),
    words,
  );
  update();
}
