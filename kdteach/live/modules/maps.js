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
  let [chosen, student] = [0, 0];
  const digit = element("div", { class: "kd-picture" });
  const words = element("p", { class: "kd-words", "aria-live": "polite" });
  const shelves = ["teacher", "student"].map(() => element("div", { class: "kd-shelf" }));
  const titles = ["teacher", "student"].map(() => element("p", { class: "kd-title" }));
  const looks = [0, 1, 2].map(() => element("div", { class: "kd-picture" }));
  const picture = ({ pixels, width, height }) => inkPicture(pixels, width, height);

  function row(shelf, all) {
    const most = Math.max(...all.flat(), 1e-12);
    shelf.replaceChildren(...all.map((map) =>
      element("span", { class: "kd-map" }, inkPicture(map.map((v) => v / most), side, side))));
  }

  function update() {
    const image = images[chosen];
    const [its, mine] = [image.teacher, image.students[student]];
    const [theirs, ours] = [attentionOf(its), attentionOf(mine)];
    const apart = theirs.map((v, i) => Math.abs(v - ours[i]));
    const loss = attentionApart(ours, theirs);
    const most = Math.max(...theirs, ...ours);
    digit.replaceChildren(picture(image));
    row(shelves[0], its);
    row(shelves[1], mine);
    titles[0].textContent = `Teacher: the ${its.length} maps of the layer`;
    titles[1].textContent = `Student, ${students[student]}: its ${mine.length} maps`;
    [theirs, ours, apart].forEach((map, i) =>
      looks[i].replaceChildren(inkPicture(map.map((v) => v / most), side, side)));
    const all = image.students.map((s) => attentionApart(attentionOf(s), theirs));
    const said = students.map((name, i) => `${name} ${(1000 * all[i]).toFixed(2)}`);
    words.textContent =
      `The chosen digit is a ${classes[image.label]}. Attention loss, times 1,000: ` +
      `${said.join(", ")}.`;
    root.kdState = { chosen, student, teacher: theirs, ours, loss, losses: all };
  }

  const gallery = choices(
    "Choose a digit", images.map(picture),
    images.map(({ label }, i) => `digit ${i + 1}, label ${classes[label]}`),
    (i) => { chosen = i; update(); },
  );
  const ways = choices(
    "Choose a student",
    students.map((name) => element("span", { class: "kd-way" }, name)), students,
    (i) => { student = i; update(); },
  );
  const column = (title, picture) =>
    element("div", {}, element("p", { class: "kd-note" }, title), picture);
  root.replaceChildren(
    gallery, ways,
    element("div", { class: "kd-row" }, digit, element(
      "div", {}, titles[0], shelves[0], titles[1], shelves[1],
    )),
    element("p", { class: "kd-title" }, "Attention maps: where the layer is active"),
    element(
      "div", { class: "kd-looks" }, column("teacher", looks[0]), column("student", looks[1]),
      column("difference", looks[2]),
    ),
    words,
  );
  update();
}
