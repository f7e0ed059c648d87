// The error view: each pixel of a prediction against the annotation's. What the annotation calls void, or an object
// beyond those of the video, is background, as it is in scoring.
const HIT = 1;
const MISS = 2;
const ALARM = 3;
const WRONG = 4;
const ERROR_NAMES = ["", "hit", "miss", "false alarm", "wrong object"];

// Class of a pixel by (predicted id << 8 | annotated id); 0 where neither is an object that is shown.
function errorTable(objects, hidden) {
  const table = new Uint8Array(65536);
  const real = new Set(objects);
  for (let predicted = 0; predicted < 256; predicted += 1)
    for (let annotated = 0; annotated < 256; annotated += 1) {
      const p = real.has(predicted) ? predicted : 0;
      const a = real.has(annotated) ? annotated : 0;
      const counts = (p && !hidden.has(p)) || (a && !hidden.has(a));
      if (counts) table[(predicted << 8) | annotated] = p === a ? HIT : !p ? MISS : !a ? ALARM : WRONG;
    }
  return table;
}

// Paints the errors in the rows [from, to), which hold both masks, and returns how many pixels each class has:
// {hit, miss, "false alarm", "wrong object"}.
function paintErrors(pixels, prediction, truth, table, look, [from, to]) {
  const tints = new Uint32Array(5);
  for (let kind = HIT; kind <= WRONG; kind += 1) {
    const share = kind === HIT ? 0.7 : 1;
    tints[kind] = rgba(look.errors[ERROR_NAMES[kind]], Math.round(255 * share * Math.min(1, 0.25 + look.opacity)));
  }
  const counts = new Uint32Array(5);
  const [ids, wanted] = [prediction.ids, truth.ids];
  for (let at = from * prediction.width; at < to * prediction.width; at += 1) {
    const pair = (ids[at] << 8) | wanted[at];
    if (!pair) {
      pixels[at] = 0; // most of a picture
      continue;
    }
    const kind = table[pair];
    counts[kind] += 1;
    pixels[at] = tints[kind];
  }
  return Object.fromEntries(ERROR_NAMES.slice(1).map((name, at) => [name, counts[at + 1]]));
}

// Why there is no error view of this video; "" where there is one.
function noErrors(truth) {
  if (!truth.base) return "No error view: nothing of this video is annotated.";
  if (truth.frames && truth.frames.length < 2) return "No error view: only the first frame is annotated.";
  return "";
}

function errorLegend(errors, counts) {
  return ERROR_NAMES.slice(1).map((name) => {
    const item = el("span", "error");
    const box = el("i");
    box.style.background = errors[name];
    item.append(box, document.createTextNode(counts ? `${name} ` : name));
    if (counts) {
      item.dataset.error = name;
      item.append(el("b", "", counts[name].toLocaleString("en-US").replaceAll(",", "\u2009")));
    }
    return item;
  });
}
