// Bars for probabilities of named classes, with whole percentages, large enough for a column.

const WIDE = 34; // of one class
const HIGH = 112; // of a bar for 100 %
const ABOVE = 22; // room for the number over a bar
const BELOW = 24; // and for the name under it

// update(shares) redraws; role is a colour of the theme, title what a screen reader says first.
export function percentBars(names, { role, title }) {
  const svg = vector("svg", {
    viewBox: `0 0 ${names.length * WIDE} ${ABOVE + HIGH + BELOW}`, role: "img", class: "kd-shares",
  });
  const base = ABOVE + HIGH;
  svg.append(vector("path", { d: `M0 ${base}h${names.length * WIDE}`, stroke: "var(--kd-edge)" }));
  const columns = names.map((name, i) => {
    const middle = { x: (i + 0.5) * WIDE, "text-anchor": "middle" };
    const bar = vector("rect", {
      x: i * WIDE + 5, width: WIDE - 10, fill: `var(--kd-${role})`, stroke: `var(--kd-${role})`,
    });
    const number = vector("text", middle);
    const label = vector("text", { ...middle, y: base + BELOW - 4 });
    label.textContent = name;
    svg.append(bar, number, label);
    return { bar, number };
  });
  function update(shares) {
    columns.forEach(({ bar, number }, i) => {
      const tall = shares[i] * HIGH;
      bar.setAttribute("height", tall);
      bar.setAttribute("y", base - tall);
      number.setAttribute("y", base - tall - 4);
      number.textContent = shares[i] < 0.01 ? "" : percent(shares[i]).replace("over\u00a0", ">");
    });
    const largest = names
      .map((name, i) => [name, shares[i]])
      .sort((a, b) => b[1] - a[1])
      .slice(0, 3)
      .map(([name, share]) => `${name}: ${percent(share)}\u00a0%`);
    const said = shares.some((share) => share > 0) ? `The largest: ${largest.join(", ")}` : "No digit yet";
    svg.setAttribute("aria-label", `${title}. ${said}`);
  }
  return { svg, update };
}

export function percent(share) {
  if (share > 0.99) return "over\u00a099";
  return share < 0.01 ? "under\u00a01" : (100 * share).toFixed(0);
}

function vector(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
