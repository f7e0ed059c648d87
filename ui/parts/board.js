// What boards share: nodes that are kept from poll to poll, so that a button does not vanish under the pointer; bars,
// states, icons.
const STATES = {
  queued: "#8A9296", running: "#0FA3BF", paused: "#CCA300", done: "#2E9E6B", failed: "#D6453D", cancelled: "#B0772E",
  busy: "#0FA3BF", idle: "#8A9296", starting: "#CCA300", ready: "#2E9E6B", missing: "#8A9296", partial: "#CCA300",
  damaged: "#D6453D", downloading: "#0FA3BF", waiting: "#CCA300", verifying: "#0FA3BF", unpacking: "#0FA3BF",
  generating: "#0FA3BF",
};
const ICONS = {
  top: "M5 4h14M12 20V9M7 13l5-5 5 5", up: "M12 19V6M6 12l6-6 6 6", down: "M12 5v13M6 12l6 6 6-6",
  pause: "M9 5v14M15 5v14", resume: "M8 5l11 7-11 7z", cancel: "M6 6h12v12H6z",
  retry: "M5 12a7 7 0 1 0 2.5-5.4M5 4v4h4",
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

// Call before nodes change; what it returns puts the focus back to where it was.
function keptFocus(root) {
  const focused = root.getRootNode().activeElement?.dataset?.focus;
  return () => {
    if (!focused || root.getRootNode().activeElement?.dataset?.focus === focused) return;
    root.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  };
}

// A titled group of rows; `acts` are buttons for all of them, where there are any.
function boardGroup(testid, makeRow, acts) {
  const node = el("section", "group");
  const head = el("div", "group-head");
  const title = el("h3");
  const note = el("small");
  const rows = el("div", "rows");
  head.append(title, note, ...(acts ? [acts] : []));
  node.append(head, rows);
  node.update = (group) => {
    node.dataset.testid = testid;
    setText(title, group.title);
    setText(note, group.note);
    acts?.set(group);
    sync(rows, group.rows, makeRow);
  };
  return node;
}
