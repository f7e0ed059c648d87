// Masks in the browser: the exact indices of a PNG label map, and their colours over a picture.
// Read from the file's own bytes: what a canvas gives back may be colour-managed or blurred against fingerprinting.

// Function declarations only: decoder.js hands their text to a worker.

// The answer. Throws what the server says, with `missing` where there is just no such mask.
async function bytesOf(url, signal) {
  const response = await fetch(url, { signal });
  if (response.ok) return response;
  const said = (await response.text()).slice(0, 200) || `error ${response.status}`;
  throw Object.assign(new Error(said), { missing: response.headers.has("X-Missing") });
}

async function inflate(parts) {
  const stream = new Blob(parts).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function unfilter(raw, height, stride) {
  const rows = new Uint8Array(height * stride);
  for (let y = 0; y < height; y += 1) {
    const filter = raw[y * (stride + 1)];
    const from = y * (stride + 1) + 1;
    const to = y * stride;
    if (filter === 0) {
      rows.set(raw.subarray(from, from + stride), to);
      continue;
    }
    for (let x = 0; x < stride; x += 1) {
      const left = x ? rows[to + x - 1] : 0;
      const up = y ? rows[to + x - stride] : 0;
      const corner = x && y ? rows[to + x - stride - 1] : 0;
      let add = 0;
      if (filter === 1) add = left;
      else if (filter === 2) add = up;
      else if (filter === 3) add = (left + up) >> 1;
      else {
        const p = left + up - corner;
        const [a, b, c] = [Math.abs(p - left), Math.abs(p - up), Math.abs(p - corner)];
        add = a <= b && a <= c ? left : b <= c ? up : corner;
      }
      rows[to + x] = raw[from + x] + add;
    }
  }
  return rows;
}

// Places of the pixels at an object's border (4-neighbours; the picture's rim is none), ascending; rows [from, to) hold
// all objects.
function edgesOf(ids, width, height, [from, to]) {
  const edges = [];
  const right = width - 1;
  const last = (height - 1) * width;
  for (let at = from * width, x = 0; at < to * width; at += 1, x = x === right ? 0 : x + 1) {
    const id = ids[at];
    if (
      id !== 0 &&
      ((x !== 0 && ids[at - 1] !== id) || (x !== right && ids[at + 1] !== id) ||
        (at >= width && ids[at - width] !== id) || (at < last && ids[at + width] !== id))
    )
      edges.push(at);
  }
  return Uint32Array.from(edges);
}

// {width, height, ids, edges, rows}: ids is one byte a pixel, edges are places of border pixels, rows [from, to) hold
// all that is not background.
async function maskOf(url, signal) {
  const file = new Uint8Array(await (await bytesOf(url, signal)).arrayBuffer());
  const view = new DataView(file.buffer);
  const width = view.getUint32(16);
  const height = view.getUint32(20);
  const [depth, colour, , , interlaced] = file.subarray(24, 29);
  if ((colour !== 3 && colour !== 0) || interlaced || depth > 8) throw new Error("This mask is no indexed PNG.");
  const parts = [];
  for (let at = 8; at + 12 <= file.length; ) {
    const length = view.getUint32(at);
    const kind = String.fromCharCode(...file.subarray(at + 4, at + 8));
    if (kind === "IDAT") parts.push(file.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  const stride = Math.ceil((width * depth) / 8);
  let ids = unfilter(await inflate(parts), height, stride);
  if (depth < 8) {
    const rows = ids;
    ids = new Uint8Array(width * height);
    const low = (1 << depth) - 1;
    for (let y = 0; y < height; y += 1)
      for (let x = 0; x < width; x += 1) {
        const bit = x * depth;
        ids[y * width + x] = (rows[y * stride + (bit >> 3)] >> (8 - depth - (bit & 7))) & low;
      }
  }
  let [first, end] = [0, ids.length];
  while (first < end && !ids[first]) first += 1;
  while (end > first && !ids[end - 1]) end -= 1;
  const rows = [Math.floor(first / width), Math.ceil(end / width)];
  return { width, height, ids, edges: edgesOf(ids, width, height, rows), rows };
}

function rgba(colour, alpha) {
  const value = parseInt(colour.slice(1), 16);
  return ((alpha << 24) | ((value & 255) << 16) | (((value >> 8) & 255) << 8) | (value >> 16)) >>> 0;
}

// A canvas that is painted pixel by pixel, in some of its rows, and then drawn over a picture; its buffer is used again
// and again.
class Layer {
  constructor() {
    this.canvas = document.createElement("canvas");
    this.context = this.canvas.getContext("2d");
  }

  sized(width, height) {
    if (this.image?.width !== width || this.image.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
      this.image = this.context.createImageData(width, height);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    return this.pixels;
  }

  // Draws the rows [from, to) to where they belong on a context of this size.
  drawOn(context, [from, to], width, height) {
    if (from >= to) return;
    const { canvas } = this;
    const down = height / canvas.height;
    this.context.putImageData(this.image, 0, 0, 0, from, canvas.width, to - from);
    context.imageSmoothingEnabled = false;
    context.drawImage(canvas, 0, from, canvas.width, to - from, 0, from * down, width, (to - from) * down);
  }
}

// Colours by id of a look {colours, opacity, hidden}; kept until the look changes.
function tableOf(look, opacity) {
  const table = new Uint32Array(256);
  for (let id = 1; id < 255; id += 1)
    if (!look.hidden.has(id)) table[id] = rgba(look.colours[(id - 1) % look.colours.length], Math.round(255 * opacity));
  return table;
}

// The rows [from, to) that hold all of these masks.
function rowsOf(masks) {
  return [Math.min(...masks.map(({ rows }) => rows[0])), Math.max(...masks.map(({ rows }) => rows[1]))];
}

// Paints a label map in the rows [from, to): tinted objects, their outline opaque where `look.outline`.
function paintMask(pixels, mask, look, [from, to]) {
  const { ids, edges, width } = mask;
  const inside = tableOf(look, look.opacity);
  for (let at = from * width; at < to * width; at += 1) pixels[at] = inside[ids[at]];
  if (!look.outline) return;
  const edge = tableOf(look, 1);
  for (const at of edges) pixels[at] = edge[ids[at]];
}

// The outline of another mask of the same size over what is painted: dark and light by turns, to be seen on anything.
function paintOutline(pixels, mask, look) {
  const [dark, light] = [rgba("#101417", 255), rgba("#FFFFFF", 255)];
  const { ids, edges, width } = mask;
  for (const at of edges)
    if (ids[at] !== 255 && !look.hidden.has(ids[at]))
      pixels[at] = ((at % width) + Math.floor(at / width)) & 4 ? light : dark;
}
