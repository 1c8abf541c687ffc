import { choices, element, inkPicture } from "./kit.js";

// Where a layer is active: squares, their mean over the maps, of length 1 over the positions.
export function attentionOf(maps) {
  const squares = maps[0].map((_, i) =>
    maps.reduce((sum, map) => sum + map[i] ** 2, 0) / maps.length);
  const length = Math.sqrt(squares.reduce((sum, v) => sum + v * v, 0));
  return squares.map((v) => v / Math.max(length, 1e-12));
}

// The mean over the positions of the squared differences of two attention maps.
export function attentionApart(mine, its) {
  return mine.reduce((sum, v, i) => sum + (v - its[i]) ** 2, 0) / mine.length;
}

// data: {classes, side, students: names, images: [{pixels, width, height, label,
// teacher: maps, students: [maps]}]}; a map is a row of side * side numbers
export function maps(root, data) {
  const { classes, images, side, students } = data;
  const names = ["teacher", ...students];
  let chosen = 0;
  const digit = element("div", { class: "kd-picture" });
  const words = element("p", { class: "kd-words", "aria-live": "polite" });
  const shelves = names.map(() => element("div", { class: "kd-shelf" }));
  const titles = names.map(() => element("p", { class: "kd-title" }));
  const looks = names.map(() => element("div", { class: "kd-picture" }));
  const picture = ({ pixels, width, height }) => inkPicture(pixels, width, height);

  function row(shelf, all) {
    const most = Math.max(...all.flat(), 1e-12);
    shelf.replaceChildren(...all.map((map) =>
      element("span", { class: "kd-map" }, inkPicture(map.map((v) => v / most), side, side))));
  }

  function update() {
    const image = images[chosen];
    const all = [image.teacher, ...image.students];
    const attention = all.map(attentionOf);
    const losses = attention.slice(1).map((mine) => attentionApart(mine, attention[0]));
    const most = Math.max(...attention.flat(), 1e-12);
    digit.replaceChildren(picture(image));
    attention.forEach((map, i) =>
      looks[i].replaceChildren(inkPicture(map.map((v) => v / most), side, side)));
    all.forEach((found, i) => {
      row(shelves[i], found);
      titles[i].textContent =
        i ? `Student, ${names[i]}: its ${found.length} maps`
          : `Teacher: the ${found.length} maps of the layer`;
    });
    const said = students.map((name, i) => `${name} ${(1000 * losses[i]).toFixed(2)}`);
    words.textContent =
      `The chosen digit is a ${classes[image.label]}. Attention loss, times 1,000: ` +
      `${said.join(", ")}.`;
    root.kdState = { chosen, teacher: attention[0], students: attention.slice(1), losses };
  }

  const gallery = choices(
    "Choose a digit", images.map(picture),
    images.map(({ label }, i) => `digit ${i + 1}, label ${classes[label]}`),
    (i) => { chosen = i; update(); },
  );
  const column = (title, picture) =>
    element("div", {}, element("p", { class: "kd-note" }, title), picture);
  root.replaceChildren(
    gallery,
    element("p", { class: "kd-title" }, "Attention maps: the more ink, the more active"),
    element(
      "div", { class: "kd-looks" }, column("the digit", digit),
      ...names.map((name, i) => column(name, looks[i])),
    ),
    words,
    ...names.flatMap((_, i) => [titles[i], shelves[i]]),
  );
  update();
}
