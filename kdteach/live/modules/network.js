// Exact arithmetic of small networks, in double precision: what Python computes in float64
// from the same weights, a page computes too. No framework, no other file.

// IEEE half precision, two bytes a number, little-endian, as base64 text.
export function halfs(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const numbers = new Float64Array(bytes.length / 2);
  for (let i = 0; i < numbers.length; i++) {
    const bits = bytes[2 * i] | (bytes[2 * i + 1] << 8);
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 0x1f;
    const fraction = bits & 0x3ff;
    numbers[i] =
      exponent === 0
        ? sign * fraction * 2 ** -24
        : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  return numbers;
}

// layers: a list of {kind: "linear", weight (out x in), bias}, {kind: "relu"}, {kind:
// "pool", size}, {kind: "conv", weight (out x in x k x k), bias, channels: [in, out], size,
// stride, padding}. shape: [channels, height, width] of the image, which is channel by
// channel, row by row. Returns the logits.
export function forward(layers, image, shape) {
  let values = image;
  let [channels, height, width] = shape;
  for (const layer of layers) {
    if (layer.kind === "linear") {
      values = linear(layer, values);
      [channels, height, width] = [values.length, 1, 1];
    } else if (layer.kind === "relu") {
      values = values.map((v) => (v > 0 ? v : 0));
    } else if (layer.kind === "conv") {
      [values, height, width] = convolved(layer, values, height, width);
      channels = layer.channels[1];
    } else if (layer.kind === "pool") {
      [values, height, width] = pooled(values, channels, height, width, layer.size);
    } else {
      throw new Error(`no such layer: ${layer.kind}`);
    }
  }
  return values;
}

function linear(layer, values) {
  const { weight, bias } = layer;
  const out = new Float64Array(bias.length);
  for (let o = 0; o < out.length; o++) {
    let sum = bias[o];
    const row = o * values.length;
    for (let i = 0; i < values.length; i++) sum += weight[row + i] * values[i];
    out[o] = sum;
  }
  return out;
}

function convolved(layer, values, height, width) {
  const { weight, bias, size, stride, padding } = layer;
  const [inside, outside] = layer.channels;
  const high = Math.floor((height + 2 * padding - size) / stride) + 1;
  const wide = Math.floor((width + 2 * padding - size) / stride) + 1;
  const out = new Float64Array(outside * high * wide);
  // the outputs for which a place of the kernel lies inside the image: first, and one after
  const first = (at) => Math.max(Math.ceil((padding - at) / stride), 0);
  const after = (at, side, most) =>
    Math.min(Math.floor((side - 1 + padding - at) / stride) + 1, most);
  for (let o = 0; o < outside; o++) {
    out.fill(bias[o], o * high * wide, (o + 1) * high * wide);
    for (let c = 0; c < inside; c++) {
      for (let u = 0; u < size; u++) {
        const [top, bottom] = [first(u), after(u, height, high)];
        for (let v = 0; v < size; v++) {
          const factor = weight[((o * inside + c) * size + u) * size + v];
          const [left, right] = [first(v), after(v, width, wide)];
          for (let y = top; y < bottom; y++) {
            const to = (o * high + y) * wide;
            const from = (c * height + y * stride + u - padding) * width + v - padding;
            for (let x = left; x < right; x++) out[to + x] += factor * values[from + x * stride];
          }
        }
      }
    }
  }
  return [out, high, wide];
}

function pooled(values, channels, height, width, size) {
  const high = Math.floor(height / size);
  const wide = Math.floor(width / size);
  const out = new Float64Array(channels * high * wide).fill(-Infinity);
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < high * size; y++) {
      for (let x = 0; x < wide * size; x++) {
        const to = (c * high + Math.floor(y / size)) * wide + Math.floor(x / size);
        const value = values[(c * height + y) * width + x];
        if (value > out[to]) out[to] = value;
      }
    }
  }
  return [out, high, wide];
}

export function softmax(logits, temperature) {
  const highest = Math.max(...logits);
  const weights = Array.from(logits, (z) => Math.exp((z - highest) / temperature));
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((w) => w / total);
}

// In nats; 0 where all probability is on one class.
export function entropy(probabilities) {
  return probabilities.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0);
}
