// Masks in the browser: the exact indices of a PNG label map, and their colours over a picture.
// Read from the file's own bytes: what a canvas gives back may be colour-managed or blurred against fingerprinting.

const textOf = async (response) => (await response.text()).slice(0, 200) || `error ${response.status}`;

async function bytesOf(url, signal) {
  const response = await fetch(url, { signal });
  if (!response.ok) throw new Error(await textOf(response));
  return response;
}

async function pictureOf(url, signal) {
  return createImageBitmap(await (await bytesOf(url, signal)).blob());
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

// {width, height, ids}: ids is one byte a pixel.
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
  const rows = unfilter(await inflate(parts), height, stride);
  if (depth === 8) return { width, height, ids: rows };
  const ids = new Uint8Array(width * height);
  const low = (1 << depth) - 1;
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) {
      const bit = x * depth;
      ids[y * width + x] = (rows[y * stride + (bit >> 3)] >> (8 - depth - (bit & 7))) & low;
    }
  return { width, height, ids };
}

function rgba(colour, alpha) {
  const value = parseInt(colour.slice(1), 16);
  return ((alpha << 24) | ((value & 255) << 16) | (((value >> 8) & 255) << 8) | (value >> 16)) >>> 0;
}

// Paints a label map into a layer of its own, to be drawn over a picture. `look`: {colours, opacity, outline, hidden}.
function paint(layer, mask, look) {
  const { width, height, ids } = mask;
  layer.width = width;
  layer.height = height;
  const context = layer.getContext("2d");
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const inside = new Uint32Array(256);
  const edge = new Uint32Array(256);
  for (let id = 1; id < 255; id += 1) {
    if (look.hidden.has(id)) continue;
    const colour = look.colours[(id - 1) % look.colours.length];
    inside[id] = rgba(colour, Math.round(255 * look.opacity));
    edge[id] = look.outline ? rgba(colour, 255) : inside[id];
  }
  const right = width - 1;
  for (let y = 0, at = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1, at += 1) {
      const id = ids[at];
      if (!id) continue;
      const border =
        (x > 0 && ids[at - 1] !== id) || (x < right && ids[at + 1] !== id) ||
        (y > 0 && ids[at - width] !== id) || (y < height - 1 && ids[at + width] !== id);
      pixels[at] = border ? edge[id] : inside[id];
    }
  context.putImageData(image, 0, 0);
}
