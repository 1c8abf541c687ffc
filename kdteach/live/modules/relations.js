import { drawn, element, inkPicture, slider } from "./kit.js";

// Inner products of the images of a batch, each row divided by its length.
export function rowsOfLengthOne(products) {
  return products.map((row) => {
    const length = Math.sqrt(row.reduce((sum, v) => sum + v * v, 0));
    return row.map((v) => (length ? v / length : 0));
  });
}

// The mean of the squared differences of two matrices.
export function matricesApart(mine, its) {
  const count = mine.length ** 2;
  return mine.reduce(
    (sum, row, i) => sum + row.reduce((part, v, j) => part + (v - its[i][j]) ** 2, 0), 0,
  ) / count;
}

const CELL = 10;

// data: {classes, images: [{pixels, width, height, label}], networks: [{name, role,
// products: N rows of N}], of which the first is the teacher, first: [i, j]}
export function relations(root, data) {
  const { classes, images, networks } = data;
  const pair = [...data.first];
  const size = CELL * images.length;
  const tables = networks.map(({ products }) => rowsOfLengthOne(products));
  const most = Math.max(...tables.flat(2).map(Math.abs));
  const losses = tables.map((table) => matricesApart(table, tables[0]));
  const pictures = [0, 1].map(() => element("div", { class: "kd-picture" }));
  const names = [0, 1].map(() => element("p", { class: "kd-note" }));
  const words = element("p", { class: "kd-words", "aria-live": "polite" });
  const charts = networks.map(({ name, role }, n) => {
    const svg = drawn("svg", { viewBox: `0 0 ${size} ${size}`, role: "img", class: "kd-matrix" });
    tables[n].forEach((row, i) => row.forEach((v, j) => svg.append(drawn("rect", {
      x: j * CELL, y: i * CELL, width: CELL - 0.6, height: CELL - 0.6,
      fill: `var(--kd-${role})`, "fill-opacity": (Math.abs(v) / most).toFixed(3),
    }))));
    const mark = drawn("rect", {
      width: CELL, height: CELL, fill: "none", stroke: "var(--kd-accent-edge)",
      "stroke-width": 2.5,
    });
    svg.append(mark);
    const follow = (event) => {
      const box = svg.getBoundingClientRect();
      const place = (at, start, length) =>
        Math.min(Math.max(Math.floor(((at - start) / length) * images.length), 0), images.length - 1);
      pair[0] = place(event.clientY, box.top, box.height);
      pair[1] = place(event.clientX, box.left, box.width);
      knobs.forEach(({ input }, i) => { input.value = pair[i]; });
      update();
    };
    svg.addEventListener("pointermove", follow);
    svg.addEventListener("pointerdown", follow);
    const loss = n ? `: loss \u00d7 1,000 is ${(1000 * losses[n]).toFixed(1)}` : "";
    return { svg, mark, box: element("div", {}, element("p", { class: "kd-title" }, name + loss), svg) };
  });

  function update() {
    const [i, j] = pair;
    pair.forEach((place, k) => {
      const { pixels, width, height, label } = images[place];
      pictures[k].replaceChildren(inkPicture(pixels, width, height));
      names[k].textContent = `${k ? "column" : "row"} ${place + 1}: a ${classes[label]}`;
    });
    const said = networks.map(({ name }, n) => `${name} ${tables[n][i][j].toFixed(2)}`);
    words.textContent =
      `How alike are image ${i + 1}, a ${classes[images[i].label]}, and image ${j + 1}, a ` +
      `${classes[images[j].label]}? ${said.join(", ")}.`;
    charts.forEach(({ svg, mark }, n) => {
      mark.setAttribute("x", j * CELL);
      mark.setAttribute("y", i * CELL);
      svg.setAttribute("aria-label",
        `${networks[n].name}: similarities of ${images.length} images; chosen ${tables[n][i][j].toFixed(2)}`);
    });
    root.kdState = { pair: [...pair], losses, values: tables.map((table) => table[i][j]) };
  }

  const knobs = ["Row", "Column"].map((label, k) => slider(label, {
    least: 0, most: images.length - 1, step: 1, value: pair[k],
    show: (place) => `${Number(place) + 1}: a ${classes[images[place].label]}`,
    changed: (place) => { pair[k] = place; update(); },
  }));
  root.replaceChildren(
    element("div", { class: "kd-columns" }, ...charts.map(({ box }) => box)),
    ...knobs.map(({ box }) => box),
    element(
      "div", { class: "kd-looks" },
      ...pictures.map((picture, k) => element("div", {}, names[k], picture)),
    ),
    words,
  );
  update();
}
