// Draws workers, GPUs and runs of the queue. Data: see ui/queue/board.py. Nodes are kept from poll to poll, so that a
// button does not vanish under the pointer.
const kept = new WeakMap();

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".board");
  const state = kept.get(root) ?? {};
  kept.set(root, state);
  state.locked = data.locked;
  state.act = (action, runs) => setTriggerValue("act", { action, runs });
  state.open = (run) => setTriggerValue("open", run);

  function link(className) {
    const node = el("a", className);
    node.onclick = opening(() => state.open(node.dataset.run));
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
      node.item = item; // a button outlives the poll that made it: it asks for what is shown now
      const actions = item.actions.map((action) => ({ ...action, key: action.name }));
      sync(node, actions, () => {
        const button = el("button");
        button.type = "button";
        button.update = (action) => {
          if (!button.firstChild) button.append(icon(action.name));
          button.dataset.action = action.name;
          button.dataset.focus = `${node.item.key}-${action.name}`;
          button.title = state.locked || action.tip;
          button.setAttribute("aria-label", `${action.tip}: ${node.item.title}`);
          button.disabled = Boolean(state.locked) || action.off;
          button.onclick = () => state.act(action.name, node.item.runs);
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

  const makeGroup = () => boardGroup("queue-group", makeRow, buttons());

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

  const refocus = keptFocus(root);
  for (const [name, items, make] of [
    ["gpus", data.gpus, makeGauge], ["workers", data.workers, makeWorker], ["groups", data.groups, makeGroup],
  ]) {
    const parent = root.querySelector(`.${name}`);
    sync(parent, items, make);
    parent.hidden = !items.length;
  }
  refocus();
}
