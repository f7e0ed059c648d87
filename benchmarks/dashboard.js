// Runs in the page before the app does: tells when a page is usable, and times what a person would do.
(() => {
  // The app's own elements are the only shadow roots.
  const deep = (selector, every = false) => {
    const roots = [document, ...[...document.querySelectorAll('[data-testid="stBidiComponentIsolated"]')].map((host) => host.shadowRoot)];
    const found = roots.filter(Boolean).flatMap((root) => [...root.querySelectorAll(selector)]);
    return every ? found : found[0];
  };
  const head = () => document.querySelector(".vl-head h1")?.textContent ?? "";
  const settled = () =>
    document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState === "notRunning" &&
    !document.querySelector('[data-testid="stSkeleton"]');
  const player = () => deep(".player");
  const usable = {
    // J&F values are there to be read; the first frame is drawn; everything of the page has come.
    results: () => deep('[data-testid="row"]', true).some((row) => /\d\.\d{3}/.test(row.textContent)),
    inspect: () => player()?.dataset.ready === "true",
    page: () => settled() && Boolean(deep(".main-svg, svg[role], canvas, table, input, form, a[href]")),
  };
  const frames = (condition, before = 60_000) =>
    new Promise((resolve) => {
      const start = performance.now();
      const look = () => {
        const now = performance.now();
        if (condition()) resolve(now);
        else if (now - start > before) resolve(null);
        else requestAnimationFrame(look);
      };
      look();
    });
  const drawn = (index) =>
    new Promise((resolve) => {
      const root = player();
      const is = () => root.dataset.ready === "true" && root.dataset.frame === String(index);
      if (is()) return resolve(performance.now());
      const watch = new MutationObserver(() => {
        if (!is()) return;
        watch.disconnect();
        resolve(performance.now());
      });
      watch.observe(root, { attributes: true });
      setTimeout(() => { watch.disconnect(); resolve(null); }, 10_000);
    });
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const press = (key) => document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, composed: true }));

  window.benchmark = {
    // Milliseconds from the request for the page: its shell (Streamlit's frame is there), its head, and when it is usable.
    async opened(kind) {
      const shell = await frames(() => document.querySelector('[data-testid="stApp"]'));
      return { shell: window.benchmarkShell ?? shell, usable: await frames(usable[kind]) };
    },
    // From a click on a link of the app (its text) or an address of the app, to the page being usable.
    async gone(kind, link, address) {
      const before = head();
      const start = performance.now();
      if (link) [...document.querySelectorAll("a")].find((a) => a.textContent.includes(link)).click();
      else {
        history.pushState({}, "", address);
        window.dispatchEvent(new PopStateEvent("popstate"));
      }
      const end = await frames(() => head() !== before && head() !== "" && usable[kind]());
      return end && end - start;
    },
    idle: () => frames(settled),
    async sorted(label) {
      const table = deep('[data-testid="row"]').closest("table");
      const button = [...table.querySelectorAll("th button")].find((node) => node.textContent.startsWith(label));
      const order = () => deep('[data-testid="row"]', true).map((row) => row.dataset.id).join();
      const before = order();
      const start = performance.now();
      button.click();
      const end = await frames(() => order() !== before);
      return end && end - start;
    },
    // Steps of one frame by key, after `rest` milliseconds in which the neighbourhood loads.
    async stepped(count, rest) {
      const times = [];
      for (let k = 0; k < count; k += 1) {
        await pause(rest);
        const index = Number(player().dataset.frame) + 1;
        const start = performance.now();
        press("ArrowRight");
        const end = await drawn(index);
        if (end) times.push(end - start);
      }
      return times;
    },
    // Jumps to frames that were not asked for before.
    async jumped(indices) {
      const slider = player().querySelector(".slider");
      const times = [];
      for (const index of indices) {
        await pause(400);
        const start = performance.now();
        slider.value = String(index);
        slider.dispatchEvent(new Event("input", { bubbles: true }));
        const end = await drawn(index);
        if (end) times.push(end - start);
      }
      return times;
    },
    async played(ms) {
      const at = [];
      const watch = new MutationObserver(() => at.push(performance.now()));
      watch.observe(player(), { attributes: true, attributeFilter: ["data-frame"] });
      press(" ");
      await pause(ms);
      press(" ");
      watch.disconnect();
      return at.length < 2 ? 0 : (1000 * (at.length - 1)) / (at.at(-1) - at[0]);
    },
    pictures: () =>
      performance.getEntriesByType("resource").map((entry) => entry.name).filter((name) => /\/(pictures|annotations|predictions)\//.test(name)),
  };
  frames(() => document.querySelector('[data-testid="stApp"]')).then((at) => { window.benchmarkShell = at; });
})();
