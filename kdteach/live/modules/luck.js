import { choices, element } from "./kit.js";

const ROWS = 10; // experiments that are drawn one by one, the newest on top
const [WIDE, LEFT, RIGHT, PEAK, FIRST, STEP] = [380, 14, 366, 92, 122, 17];
// buttons that act do not look like choices
const DARK = "background:var(--kd-ink);border-color:var(--kd-ink);color:var(--kd-page)";

function part(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// So many different numbers from 0 to total - 1, by luck.
function drawnBlind(total, count) {
  const order = Array.from({ length: total }, (_, i) => i);
  for (let i = 0; i < count; i++) {
    const j = i + Math.floor(Math.random() * (total - i));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order.slice(0, count);
}

const average = (values) => values.reduce((sum, v) => sum + v, 0) / values.length;

function squares(values) {
  const middle = average(values);
  return values.reduce((sum, v) => sum + (v - middle) ** 2, 0);
}

// The mean of other - one, and half of its 95 % interval: of pairs, or of two groups apart.
// t: the quantile of Student's distribution; nothing where there is a single run.
export function difference(one, other, paired, t) {
  const n = one.length;
  const gaps = other.map((v, i) => v - one[i]);
  const mean = average(gaps);
  if (n < 2) return { mean, low: null, high: null };
  const variance = paired
    ? squares(gaps) / (n - 1)
    : (2 * (squares(one) + squares(other))) / (2 * n - 2);
  const half = t * Math.sqrt(variance / n);
  return { mean, low: mean - half, high: mean + half };
}

// data: {names, runs: two lists, designs: [{name, first, second, paired, truth, who}], counts,
// quantiles: {paired, apart}, unit, most, step, ticks}
export function luck(root, data) {
  let [design, count, latest] = [0, 0, null];
  let [tally, bins, shown] = [null, null, []];
  const places = Math.round(data.most / data.step);
  const svg = part("svg", {
    viewBox: `0 0 ${WIDE} ${FIRST + STEP * ROWS + 44}`, role: "img", class: "kd-luck",
  });
  const words = element("p", { class: "kd-words", "aria-live": "polite" });
  const totals = element("p", { class: "kd-note" });
  const at = (v) => (LEFT + RIGHT) / 2 + ((RIGHT - LEFT) / 2) * (v / data.most);

  function clear() {
    tally = { experiments: 0, fewer: 0, more: 0, without: 0 };
    bins = Array(2 * places + 1).fill(0);
    shown = [];
    latest = null;
  }

  function once(given) {
    const { first, second, paired } = data.designs[design];
    const n = data.counts[count];
    const seeds = given ?? drawnBlind(data.runs[0].length, paired ? n : 2 * n);
    const [one, other] = [seeds.slice(0, n), paired ? seeds : seeds.slice(n)];
    const values = [one.map((s) => data.runs[first][s]), other.map((s) => data.runs[second][s])];
    const t = data.quantiles[paired ? "paired" : "apart"][count];
    latest = { one, other, values, ...difference(...values, paired, t) };
    tally.experiments += 1;
    tally.fewer += latest.mean < 0;
    tally.more += latest.mean > 0;
    tally.without += latest.low !== null && (latest.low > 0 || latest.high < 0);
    const place = Math.round(latest.mean / data.step) + places;
    bins[Math.min(Math.max(place, 0), 2 * places)] += 1;
    shown = [latest, ...shown].slice(0, ROWS);
  }

  function draw() {
    const { truth, second, who } = data.designs[design];
    const foot = FIRST + STEP * ROWS;
    const role = second === 0 ? "baseline" : "student";
    const made = [];
    const line = (d, stroke, width, dash = "") => made.push(part("path", {
      d, fill: "none", stroke: `var(--kd-${stroke})`, "stroke-width": width,
      ...(dash ? { "stroke-dasharray": dash } : {}),
    }));
    line(`M${at(0)} 4V${foot}`, "soft", 1.2);
    if (truth !== 0) line(`M${at(truth)} 4V${foot}`, role, 1.6, "5 4");
    const tall = Math.max(8, ...bins);
    const wide = at(data.step) - at(0);
    bins.forEach((many, i) => {
      if (!many) return;
      const high = (many / tall) * (PEAK - 10);
      made.push(part("rect", {
        x: at((i - places) * data.step) - 0.42 * wide, width: 0.84 * wide, y: PEAK - high,
        height: high, fill: `var(--kd-${role})`, "fill-opacity": 0.55,
      }));
    });
    line(`M${LEFT} ${PEAK}H${RIGHT}`, "edge", 1.2);
    shown.forEach(({ mean, low, high }, i) => {
      const y = FIRST + STEP * i;
      if (low !== null) {
        const ends = [low, high].map((v) => at(Math.min(Math.max(v, -data.most), data.most)));
        line(`M${ends[0]} ${y}H${ends[1]}`, role, low > 0 || high < 0 ? 4 : 1.6);
      }
      made.push(part("circle", {
        cx: at(mean), cy: y, r: 4, fill: `var(--kd-${i ? role : "ink"})`,
      }));
    });
    line(`M${LEFT} ${foot}H${RIGHT}`, "edge", 1.2);
    for (const v of data.ticks) {
      const sign = v < 0 ? "\u2212" : v > 0 ? "+" : "";
      made.push(part("text", {
        x: at(v), y: foot + 17, "text-anchor": "middle", class: "kd-small",
      }, `${sign}${Math.abs(v)}`));
    }
    const small = (x, y, anchor, text) => made.push(part(
      "text", { x, y, "text-anchor": anchor, class: "kd-small" }, text,
    ));
    small(LEFT, foot + 36, "start", `${who}: fewer ${data.unit}`);
    small(RIGHT, foot + 36, "end", `more ${data.unit}`);
    small(LEFT, 16, "start", "all so far");
    small(LEFT, PEAK + 18, "start", "the latest");
    svg.replaceChildren(...made);
  }

  function tell() {
    const { name, first, second, paired, truth, who } = data.designs[design];
    const n = data.counts[count];
    const digits = n > 1 ? 1 : 0;
    const [one, other] = latest.values.map(average);
    const side = latest.mean < 0 ? "fewer" : latest.mean > 0 ? "more" : "the same";
    const gap = latest.mean === 0 ? side : `${Math.abs(latest.mean).toFixed(digits)} ${side}`;
    const twice = first === second; // one method, as A and as B
    const called = twice ? ["A", "B"] : [data.names[first], data.names[second]];
    const seeds = n > 1 ? `, ${n} seeds each` : paired ? `, seed ${latest.one[0]}` : "";
    const seedOf = (which) => (seeds ? "" : ` (seed ${latest[which][0]})`);
    words.textContent =
      `The newest experiment (top dot${seeds}): ${called[1]}${seedOf("other")} ` +
      `${other.toFixed(digits)} ${data.unit}, ${called[0]}${seedOf("one")} ` +
      `${one.toFixed(digits)}: ${gap}.`;
    const { experiments, fewer, more, without } = tally;
    totals.textContent =
      `${experiments} experiment${experiments > 1 ? "s" : ""} so far: ${who} had fewer ` +
      `${data.unit} in ${fewer}, more in ${more}.` +
      (n > 1 ? ` The interval leaves out 0 in ${without}.` : "");
    svg.setAttribute("aria-label",
      `${name}: differences of ${experiments} experiments, a bar chart of all and the ` +
      `latest one by one. ${totals.textContent}`);
    root.kdState = { design, n, truth, latest, tally: { ...tally }, bins: [...bins] };
  }

  function run(times) {
    for (let i = 0; i < times; i++) once();
    draw();
    tell();
  }
  function begin() {
    clear();
    // what is seen before anybody has pressed a button is no luck: the first seeds
    const seeds = data.counts[count] * (data.designs[design].paired ? 1 : 2);
    once(Array.from({ length: seeds }, (_, i) => i));
    draw();
    tell();
  }
  const button = (text, action) => {
    const made = element("button", { type: "button", class: "kd-test", style: DARK }, text);
    made.addEventListener("click", action);
    return made;
  };
  const way = (text) => element("span", { class: "kd-way" }, text);
  const chosen = (title, names, change) =>
    choices(title, names.map(way), names, (i) => { change(i); begin(); });
  root.replaceChildren(
    chosen("What is compared", data.designs.map(({ name }) => name), (i) => { design = i; }),
    chosen(
      "One experiment has", data.counts.map((n) => `${n > 1 ? `${n} seeds` : "one seed"} each`),
      (i) => { count = i; },
    ),
    element("p", { class: "kd-title" }, "Then press"),
    element(
      "div", { class: "kd-row", style: "margin-bottom:.8em" },
      button("Run it again", () => run(1)),
      button("Run it 20 times", () => run(20)), button("Start over", begin),
    ),
    element("div", { class: "kd-pair" }, svg, element("div", {}, words, totals)),
  );
  begin();
}
