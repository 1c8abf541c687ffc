// What the live figures share: elements, pictures of ink, bars that read themselves aloud.

const SVG = "http://www.w3.org/2000/svg";

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export function drawn(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// A picture of numbers in [0, 1], enlarged smoothly; the style sheet turns it for dark pages.
export function inkPicture(pixels, width, height) {
  const canvas = element("canvas", { class: "kd-ink", width, height, "aria-hidden": "true" });
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  pixels.forEach((ink, i) => {
    image.data[4 * i + 3] = Math.round(255 * Math.min(Math.max(ink, 0), 1));
  });
  context.putImageData(image, 0, 0);
  return canvas;
}

// Bars for numbers of named classes; update(values) redraws. role is a colour of the theme.
// With signed, bars go up and down from a line in the middle, as high as the largest, or as
// update(values, largest) says, for bars that are to be compared with others.
export function bars(names, { role, title, signed = false, digits = 2, tall = 150 }) {
  const [width, height, top, foot] = [names.length * 34, signed ? 110 : tall, 18, 18];
  const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", class: "kd-bars" });
  const base = signed ? (height - foot + top) / 2 : height - foot;
  const room = signed ? base - top : base - top;
  svg.append(
    drawn("path", { d: `M0 ${base}h${width}`, stroke: "var(--kd-edge)", fill: "none" }),
  );
  const parts = names.map((name, i) => {
    const bar = drawn("rect", {
      x: i * 34 + 5, width: 24, rx: 2, fill: `var(--kd-${role})`, y: base, height: 0,
    });
    const number = drawn("text", { x: i * 34 + 17, "text-anchor": "middle", class: "kd-number" });
    const label = drawn(
      "text",
      { x: i * 34 + 17, y: height - 3, "text-anchor": "middle", class: "kd-small" },
      name,
    );
    svg.append(bar, number, label);
    return { bar, number };
  });
  function update(values, largest) {
    const most = signed ? Math.max(largest ?? 0, ...values.map(Math.abs), 1e-12) : 1;
    values.forEach((value, i) => {
      const tall = Math.max((Math.abs(value) / most) * room, 0.8);
      const up = value >= 0;
      parts[i].bar.setAttribute("height", tall);
      parts[i].bar.setAttribute("y", up ? base - tall : base);
      parts[i].number.setAttribute("y", up ? base - tall - 4 : base + tall + 12);
      const shown = Math.abs(value) >= 0.5 * 10 ** -digits ? value.toFixed(digits) : "";
      parts[i].number.textContent = shown.replace("-", "\u2212");
    });
    const spoken = names
      .map((name, i) => [name, values[i]])
      .sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]))
      .slice(0, 3)
      .map(([name, value]) => `${name}: ${value.toFixed(digits)}`);
    svg.setAttribute("aria-label", `${title}. The largest: ${spoken.join(", ")}`);
  }
  return { svg, update };
}

let made = 0;

// A labelled slider, by mouse, finger and keyboard; calls changed(value) at once and on input.
export function slider(label, { least, most, step, value, show, changed }) {
  const id = `kd-slider-${Date.now().toString(36)}-${made++}`;
  const input = element("input", { type: "range", min: least, max: most, step, value, id });
  const output = element("output", { for: id });
  const name = () => {
    output.textContent = show(Number(input.value));
    input.setAttribute("aria-valuetext", output.textContent);
  };
  const tell = () => {
    name();
    changed(Number(input.value));
  };
  name();
  input.addEventListener("input", tell);
  const box = element("div", { class: "kd-slider" }, element("label", { for: id }, label), input, output);
  return { box, input, tell };
}

// One of several pictures to choose, as radio buttons: arrow keys move, screen readers know.
export function choices(title, pictures, names, changed) {
  const group = `kd-choice-${Date.now().toString(36)}-${made++}`;
  const box = element("fieldset", { class: "kd-choices" }, element("legend", {}, title));
  pictures.forEach((picture, i) => {
    const input = element("input", { type: "radio", name: group, value: i, "aria-label": names[i] });
    input.addEventListener("change", () => changed(i));
    if (i === 0) input.checked = true;
    box.append(element("label", {}, input, picture));
  });
  return box;
}
