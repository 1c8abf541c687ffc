import { drawn } from "./kit.js";

// Violet where a number is above 0, orange where it is below, nothing at 0: on light and dark.
export const ABOVE = [128, 84, 200];
export const BELOW = [222, 120, 20];

// A canvas of signed numbers, each a square; most: the number that is full colour.
export function signedPicture(canvas, values, width, most) {
  canvas.width = width;
  canvas.height = values.length / width;
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, canvas.height);
  values.forEach((value, i) => {
    const colour = value >= 0 ? ABOVE : BELOW;
    const alpha = most > 0 ? Math.min(Math.abs(value) / most, 1) : 0;
    image.data.set([...colour, Math.round(255 * alpha)], 4 * i);
  });
  context.putImageData(image, 0, 0);
}

// Ink as a canvas of squares.
export function inkSquares(canvas, values, width) {
  canvas.width = width;
  canvas.height = values.length / width;
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, canvas.height);
  values.forEach((ink, i) => {
    image.data[4 * i + 3] = Math.round(255 * Math.min(Math.max(ink, 0), 1));
  });
  context.putImageData(image, 0, 0);
}

// The edge of what is above a level, as one path: lines between pixels.
export function edges(values, width, level) {
  const height = values.length / width;
  const on = (x, y) => x >= 0 && y >= 0 && x < width && y < height && values[y * width + x] > level;
  const parts = [];
  for (let y = 0; y <= height; y++) {
    for (let x = 0; x <= width; x++) {
      if (on(x, y) !== on(x, y - 1)) parts.push(`M${x} ${y}h1`);
      if (on(x, y) !== on(x - 1, y)) parts.push(`M${x} ${y}v1`);
    }
  }
  return parts.join("");
}

// An overlay in pixel coordinates, for lines above a canvas.
export function overlay(width, height) {
  const svg = drawn("svg", {
    viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true", class: "kd-over",
  });
  const outline = drawn("path", {
    fill: "none", stroke: "var(--kd-ink)", "stroke-width": 1, "vector-effect": "non-scaling-stroke",
  });
  const box = drawn("rect", {
    fill: "none", stroke: "var(--kd-accent-edge)", "stroke-width": 2.5,
    "vector-effect": "non-scaling-stroke",
  });
  svg.append(outline, box);
  return { svg, outline, box };
}
