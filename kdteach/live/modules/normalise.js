// A drawing made like an image of MNIST: its ink is cut out, scaled so that the longer side
// has 20 pixels, and placed in 28 x 28 with its centre of mass in the middle.

export const SIDE = 28;
const INNER = 20;
const FAINT = 0.05; // less ink than this does not count as drawn

// ink: numbers in [0, 1], row by row. Returns 784 numbers in [0, 1], all 0 for an empty
// drawing.
export function normalised(ink, width, height) {
  const image = new Float64Array(SIDE * SIDE);
  const box = boxOf(ink, width, height);
  if (box === null) return image;
  const { left, top, wide, high } = box;
  const scale = INNER / Math.max(wide, high);
  const rows = Math.max(1, Math.round(high * scale));
  const columns = Math.max(1, Math.round(wide * scale));
  const down = shares(high, rows);
  const across = shares(wide, columns);
  const small = new Float64Array(rows * columns);
  for (const [i, y, share] of down) {
    for (const [j, x, part] of across) {
      small[i * columns + j] += share * part * ink[(top + y) * width + left + x];
    }
  }
  let [mass, massY, massX] = [0, 0, 0];
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const value = small[i * columns + j];
      mass += value;
      massY += value * (i + 0.5);
      massX += value * (j + 0.5);
    }
  }
  const place = (centre, size) =>
    Math.min(Math.max(Math.round(SIDE / 2 - centre), 0), SIDE - size);
  const y0 = place(massY / mass, rows);
  const x0 = place(massX / mass, columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      image[(y0 + i) * SIDE + x0 + j] = small[i * columns + j];
    }
  }
  return image;
}

function boxOf(ink, width, height) {
  let [left, right, top, bottom] = [width, -1, height, -1];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (ink[y * width + x] <= FAINT) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
  }
  if (right < 0) return null;
  return { left, top, wide: right - left + 1, high: bottom - top + 1 };
}

// Which share of each new cell every old one fills: [new, old, share], shares of a new cell
// add up to 1. Of a line of `from` cells, `to` new ones of equal length.
function shares(from, to) {
  const found = [];
  for (let i = 0; i < to; i++) {
    const start = (i * from) / to;
    const end = ((i + 1) * from) / to;
    for (let k = Math.floor(start); k < Math.min(Math.ceil(end), from); k++) {
      const share = (Math.min(end, k + 1) - Math.max(start, k)) / (end - start);
      if (share > 0) found.push([i, k, share]);
    }
  }
  return found;
}

// Ink of strokes on a grid: each stroke is a list of [x, y] in cells, drawn as a line of the
// given width with round ends. A cell at the edge is grey by how far its centre lies inside.
export function inked(strokes, width, height, thickness) {
  const ink = new Float64Array(width * height);
  const reach = thickness / 2 + 1;
  for (const stroke of strokes) {
    for (let k = 0; k < stroke.length; k++) {
      const [ax, ay] = stroke[Math.max(k - 1, 0)];
      const [bx, by] = stroke[k];
      const x0 = Math.max(Math.floor(Math.min(ax, bx) - reach), 0);
      const x1 = Math.min(Math.ceil(Math.max(ax, bx) + reach), width - 1);
      const y0 = Math.max(Math.floor(Math.min(ay, by) - reach), 0);
      const y1 = Math.min(Math.ceil(Math.max(ay, by) + reach), height - 1);
      const length = (bx - ax) ** 2 + (by - ay) ** 2;
      for (let y = y0; y <= y1; y++) {
        for (let x = x0; x <= x1; x++) {
          const [px, py] = [x + 0.5 - ax, y + 0.5 - ay];
          const along =
            length > 0
              ? Math.min(Math.max((px * (bx - ax) + py * (by - ay)) / length, 0), 1)
              : 0;
          const distance = Math.hypot(px - along * (bx - ax), py - along * (by - ay));
          const value = Math.min(Math.max(thickness / 2 + 0.5 - distance, 0), 1);
          if (value > ink[y * width + x]) ink[y * width + x] = value;
        }
      }
    }
  }
  return ink;
}
