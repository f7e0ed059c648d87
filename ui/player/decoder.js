// Masks decoded beside the page's own thread, so that playing stays smooth; on it where workers are not allowed.
class Decoder {
  constructor() {
    this.waiting = new Map();
    this.last = 0;
    const source = `${[bytesOf, inflate, unfilter, edgesOf, maskOf].join("\n")}
      const stops = new Map();
      onmessage = async ({ data: { id, url } }) => {
        if (!url) return stops.get(id)?.abort();
        const stop = new AbortController();
        stops.set(id, stop);
        try {
          const mask = await maskOf(url, stop.signal);
          postMessage({ id, mask }, [mask.ids.buffer, mask.edges.buffer]);
        } catch (error) {
          postMessage({ id, problem: error.message, missing: error.missing });
        }
        stops.delete(id);
      };`;
    try {
      this.address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
      this.worker = new Worker(this.address);
      this.worker.onmessage = ({ data }) => this.answer(data);
      this.worker.onerror = () => this.withdraw();
    } catch {
      this.worker = null;
    }
  }

  mask(url, signal) {
    if (!this.worker) return maskOf(url, signal);
    this.last += 1;
    const id = this.last;
    signal.addEventListener("abort", () => this.worker?.postMessage({ id }));
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { url, signal, resolve, reject });
      this.worker.postMessage({ id, url: String(url) });
    });
  }

  answer({ id, mask, problem, missing }) {
    const { resolve, reject } = this.waiting.get(id) ?? {};
    this.waiting.delete(id);
    if (mask) resolve?.(mask);
    else reject?.(Object.assign(new Error(problem), { missing }));
  }

  // The worker could not start: what waits for it is done here.
  withdraw() {
    this.worker = null;
    for (const { url, signal, resolve, reject } of this.waiting.values()) maskOf(url, signal).then(resolve, reject);
    this.waiting.clear();
  }

  close() {
    this.worker?.terminate();
    URL.revokeObjectURL(this.address);
  }
}
