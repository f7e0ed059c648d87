// Frames of the video as they are needed and a few ahead: the picture, and the masks of every pane. The nearest stay.
const CACHE_BYTES = 220e6;
const AHEAD = 10;
const RETRY_MS = 5000; // what failed is asked for again: the network may have been the reason, a mask may be written soon
const AT_ONCE = 3; // frames that are fetched ahead; a frame that is asked for does not wait for them

async function pictureOf(url, signal) {
  return createImageBitmap(await (await bytesOf(url, signal)).blob());
}

class Frames {
  constructor(decoder, data) {
    this.decoder = decoder;
    this.data = data;
    this.sources = [data.truth, ...data.runs].filter((pane) => pane.base);
    this.kept = new Map();
    this.wanted = [];
    this.underway = 0;
    this.most = Math.max(AHEAD + 4, Math.floor(CACHE_BYTES / (data.width * data.height * (4 + this.sources.length))));
  }

  // The entry {picture, masks, problem, ready, done} of a frame; `done` resolves to it, `ready`, when all of it is there or
  // has failed. A mask that is not there is none of `masks`, one that failed otherwise a {problem}.
  load(index, around) {
    const known = this.kept.get(index);
    this.kept.delete(index);
    if (known && !(known.again <= performance.now())) {
      this.kept.set(index, known);
      return known;
    }
    const { data } = this;
    const stop = new AbortController();
    const url = (path) => new URL(path, document.baseURI);
    const entry = { stop, ready: false, masks: {} };
    let failed = false;
    const work = [
      pictureOf(url(data.pictures.base + encodeURIComponent(data.pictures.files[index])), stop.signal)
        .then((bitmap) => { entry.picture = bitmap; })
        .catch((error) => { entry.problem = error.message; failed = true; }),
    ];
    for (const pane of this.sources) {
      if (pane.frames && !pane.frames.includes(index)) continue;
      work.push(
        this.decoder.mask(url(`${pane.base}${encodeURIComponent(data.stems[index])}.png`), stop.signal)
          .then((mask) => { entry.masks[pane.key] = mask; })
          .catch((error) => {
            if (!error.missing) entry.masks[pane.key] = { problem: error.message };
            failed = true;
          }),
      );
    }
    entry.done = Promise.all(work).then(() => {
      entry.ready = true;
      if (failed) entry.again = performance.now() + RETRY_MS;
      return entry;
    });
    this.kept.set(index, entry);
    for (const [old, item] of this.kept) {
      if (this.kept.size <= this.most) break;
      if (Math.abs(old - around) <= AHEAD) continue;
      this.drop(old, item);
    }
    return entry;
  }

  // The entry of the frame that is to be shown: what is under way for a place far from it is given up.
  now(index) {
    this.wanted = [];
    for (const [old, item] of this.kept) if (!item.ready && Math.abs(old - index) > AHEAD) this.drop(old, item);
    return this.load(index, index);
  }

  // The neighbourhood of a frame, in the direction of travel first; instead of what was wanted before.
  ahead(index, direction) {
    this.wanted = [];
    for (let k = 1; k <= AHEAD; k += 1)
      for (const near of k <= 3 ? [index + k * direction, index - k * direction] : [index + k * direction])
        if (near >= 0 && near < this.data.stems.length && !this.kept.has(near)) this.wanted.push(near);
    this.fetchAhead(index);
  }

  fetchAhead(around) {
    while (this.wanted.length && this.underway < AT_ONCE) {
      this.underway += 1;
      this.load(this.wanted.shift(), around).done.then(() => {
        this.underway -= 1;
        this.fetchAhead(around);
      });
    }
  }

  drop(index, item) {
    item.stop.abort();
    item.picture?.close();
    this.kept.delete(index);
  }

  close() {
    this.wanted = [];
    for (const [index, item] of this.kept) this.drop(index, item);
  }
}
