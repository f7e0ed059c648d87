// Draws workers, GPUs and runs of the queue. Data: see ui/queue_board.py. Nodes are kept from poll to poll, so that a
// button does not vanish under the pointer.
const kept = new WeakMap();
const STATES = {
  queued: "#8A9296", running: "#0FA3BF", paused: "#CCA300", done: "#2E9E6B", failed: "#D6453D", cancelled: "#B0772E",
  busy: "#0FA3BF", idle: "#8A9296", starting: "#CCA300",
};
const ICONS = {
  top: "M5 4h14M12 20V9M7 13l5-5 5 5", up: "M12 19V6M6 12l6-6 6 6", down: "M12 5v13M6 12l6 6 6-6",
  pause: "M9 5v14M15 5v14", resume: "M8 5l11 7-11 7z", cancel: "M6 6h12v12H6z",
  retry: "M5 12a7 7 0 1 0 2.5-5.4M5 4v4h4",
};

const el = (tag, className, text) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
};

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

function sync(parent, items, make) {
  const old = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  let previous = null;
  for (const item of items) {
    const node = old.get(item.key) ?? make(item);
    node.dataset.key = item.key;
    old.delete(item.key);
    node.update(item);
    const place = previous ? previous.nextElementSibling : parent.firstElementChild;
    if (node !== place) parent.insertBefore(node, place);
    previous = node;
  }
  old.forEach((node) => node.remove());
}

const setText = (node, text) => {
  if (node.textContent !== text) node.textContent = text;
};

function bar(className) {
  const node = el("span", `bar ${className ?? ""}`);
  node.setAttribute("role", "progressbar");
  node.setAttribute("aria-valuemin", "0");
  node.setAttribute("aria-valuemax", "100");
  const fill = node.appendChild(el("i"));
  node.set = (share, label) => {
    const percent = Math.round(100 * share);
    fill.style.width = `${percent}%`;
    node.setAttribute("aria-valuenow", String(percent));
    node.setAttribute("aria-label", label);
  };
  return node;
}

function stateLabel() {
  const node = el("span", "state");
  node.append(el("i"), el("span"));
  node.set = (state) => {
    node.className = `state ${state}`;
    node.style.setProperty("--c", STATES[state] ?? STATES.queued);
    setText(node.lastElementChild, state);
  };
  return node;
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".board");
  const state = kept.get(root) ?? {};
  kept.set(root, state);
  state.act = (action, runs) => setTriggerValue("act", { action, runs });
  state.open = (run) => setTriggerValue("open", run);

  function link(className) {
    const node = el("a", className);
    node.onclick = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button === 1) return;
      event.preventDefault();
      state.open(node.dataset.run);
    };
    node.set = (run, href, text, tip) => {
      node.dataset.run = String(run);
      node.dataset.focus = `${className}-${run}`;
      node.href = href;
      node.title = tip ?? "";
      setText(node, text);
    };
    return node;
  }

  function buttons() {
    const node = el("span", "buttons");
    node.set = (item) => {
      const actions = item.actions.map((action) => ({ ...action, key: action.name }));
      sync(node, actions, () => {
        const button = el("button");
        button.type = "button";
        button.update = (action) => {
          if (!button.firstChild) button.append(icon(action.name));
          button.dataset.action = action.name;
          button.dataset.focus = `${item.key}-${action.name}`;
          button.title = data.locked || action.tip;
          button.setAttribute("aria-label", `${action.tip}: ${item.title}`);
          button.disabled = Boolean(data.locked) || action.off;
          button.onclick = () => state.act(action.name, item.runs);
        };
        return button;
      });
    };
    return node;
  }

  function makeRow() {
    const node = el("div", "row");
    node.dataset.testid = "queue-run";
    const name = el("div", "name");
    const title = link("run");
    const sub = el("small");
    name.append(title, sub);
    const status = stateLabel();
    const progress = el("div", "progress");
    const line = bar();
    const done = el("small");
    progress.append(line, done);
    const speed = el("div", "figure speed");
    const left = el("div", "figure left");
    const acts = buttons();
    const error = el("p", "error");
    node.append(name, status, progress, speed, left, acts, error);
    node.update = (row) => {
      node.dataset.id = String(row.id);
      title.set(row.id, row.href, row.title, row.name);
      setText(sub, row.sub);
      status.set(row.state);
      node.style.setProperty("--c", STATES[row.state] ?? STATES.queued);
      line.set(row.share, `${row.title}: ${row.done}`);
      setText(done, row.done);
      setText(speed, row.speed);
      setText(left, row.left);
      acts.set(row);
      setText(error, row.error);
      error.hidden = !row.error;
    };
    return node;
  }

  function makeGroup() {
    const node = el("section", "group");
    const head = el("div", "group-head");
    const title = el("h3");
    const note = el("small");
    const acts = buttons();
    const rows = el("div", "rows");
    head.append(title, note, acts);
    node.append(head, rows);
    node.update = (group) => {
      node.dataset.testid = "queue-group";
      setText(title, group.title);
      setText(note, group.note);
      acts.set(group);
      sync(rows, group.rows, makeRow);
    };
    return node;
  }

  function makeWorker() {
    const node = el("div", "card");
    node.dataset.testid = "queue-worker";
    const head = el("div", "card-head");
    const name = el("b");
    const status = stateLabel();
    head.append(name, status);
    const device = el("small");
    const run = link("on");
    const video = el("span", "video");
    const line = bar();
    const done = el("small");
    node.append(head, device, run, video, line, done);
    node.update = (worker) => {
      node.dataset.id = worker.key;
      setText(name, worker.name);
      setText(device, worker.device);
      status.set(worker.state);
      const busy = worker.run !== null;
      for (const part of [run, video, line]) part.hidden = !busy;
      if (busy) {
        run.set(worker.run, worker.href, worker.title);
        setText(video, worker.video);
        video.title = worker.video;
        line.set(worker.share, `${worker.video}: ${worker.done}`);
      }
      setText(done, worker.done);
    };
    return node;
  }

  function makeGauge() {
    const node = el("div", "card gauge");
    node.dataset.testid = "queue-gpu";
    const head = el("div", "card-head");
    const name = el("b");
    const heat = el("small");
    head.append(name, heat);
    const lines = ["Busy", "Memory"].map((label) => {
      const line = el("div", "meter");
      const value = el("span");
      const meter = bar();
      line.append(el("small", "", label), meter, value);
      line.set = (share, text) => {
        line.hidden = share === null;
        if (share !== null) meter.set(share, `${label}: ${text}`);
        setText(value, text);
      };
      return line;
    });
    node.append(head, ...lines);
    node.update = (gpu) => {
      setText(name, gpu.name);
      setText(heat, gpu.heat);
      lines[0].set(gpu.busy, gpu.busyText);
      lines[1].set(gpu.memory, gpu.memoryText);
    };
    return node;
  }

  const focused = root.getRootNode().activeElement?.dataset?.focus;
  for (const [name, items, make] of [
    ["gpus", data.gpus, makeGauge], ["workers", data.workers, makeWorker], ["groups", data.groups, makeGroup],
  ]) {
    const parent = root.querySelector(`.${name}`);
    sync(parent, items, make);
    parent.hidden = !items.length;
  }
  const active = root.getRootNode().activeElement;
  if (focused && active?.dataset?.focus !== focused) {
    root.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }
}
