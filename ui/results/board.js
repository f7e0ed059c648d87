// Draws the leaderboard: filters, what can be done with the ticked runs, and the table. Data: see ui/results/board.py.
// The view lives in the address; the server is told after the fact, so nothing here waits for it.
const kept = new WeakMap();
// Outlive the nodes, which go when another page is opened: ticked rows by id, as they were seen last, and folded groups.
const ticked = new Map();
const folded = new Set();
const TELL_AFTER = 250; // ms without a change of the view
const LATE = 5000; // ms after which an answer is not waited for
const TIMES = 3; // as often the same view is told again

export default function (component) {
  const { data, parentElement, setTriggerValue, setStateValue } = component;
  const root = parentElement.querySelector(".board");
  const state = kept.get(root) ?? {
    view: readView(location.search), search: location.search, made: new Map(), controls: new Map(), leaving: new Set(),
    parts: {}, waiting: null, sent: new Set(), page: location.pathname, again: 0,
    told: JSON.stringify([writeView(readView(data.made), location.search), null]),
  };
  kept.set(root, state);
  // Rows are kept longer than this call.
  const here = new Map(data.rows.map((row) => [row.id, row]));
  Object.assign(state, { data, here, trigger: setTriggerValue, tell: setStateValue });
  if (state.waiting === data.told) {
    state.waiting = null;
    clearTimeout(state.patience);
  }
  const isHere = () => root.isConnected && location.pathname === state.page; // else the address is another page's
  if (location.search !== state.search && isHere()) {
    // The server repeats what it was told, which may be older than the view; else a link led to another view.
    if (!state.sent.has(new URLSearchParams(location.search).toString())) state.view = readView(location.search);
    writeAddress();
  }
  const [tools, picked, frame, table] = [".tools", ".picked", ".frame", "table"].map((name) => root.querySelector(name));
  frame.style.maxHeight = `${data.height}px`;
  table.dataset.testid = "table";

  function writeAddress() {
    const query = writeView(state.view, location.search);
    history.replaceState(history.state, "", location.pathname + (query ? `?${query}` : "") + location.hash);
    state.search = location.search;
  }

  function change(part) {
    Object.assign(state.view, part);
    writeAddress();
    draw();
  }

  // The server follows: it keeps the address, and draws figures of the rows shown.
  function tellServer(rows) {
    const shown = isFiltered(state.view) ? rows.map((row) => Number(row.id)) : null;
    const told = JSON.stringify([writeView(state.view, location.search), shown]);
    clearTimeout(state.timer);
    if (told === state.told) return;
    state.timer = setTimeout(() => {
      if (!isHere()) return;
      // One at a time: the answer to an older view would put that into the address.
      if (state.waiting !== null) {
        tellServer(rows);
        return;
      }
      const query = JSON.parse(told)[0];
      state.again = told === state.last ? state.again + 1 : 0;
      Object.assign(state, { told, last: told, waiting: query });
      state.sent.add(query);
      state.tell("view", { query, shown, at: Date.now() });
      clearTimeout(state.patience);
      state.patience = setTimeout(tellAgain, LATE);
    }, TELL_AFTER);
  }

  // What it was told has got lost where it does not answer, and where what it answers is made from an older view: another
  // of its runs, begun before, had the last word.
  function tellAgain() {
    state.waiting = null;
    if (!isHere() || state.again >= TIMES) return;
    state.told = null;
    draw();
  }
  if (JSON.stringify(readView(data.made)) === JSON.stringify(state.view)) state.again = 0;
  else if (state.waiting === null && state.again < TIMES) state.told = null;

  const facetOptions = (name, label) => {
    const values = [...new Set(state.data.rows.filter((row) => !row.guest).map((row) => row.facets[name]))].sort(compare);
    const numbers = state.data.rows.reduce(
      (all, row) => all.set(row.facets[name], (all.get(row.facets[name]) ?? 0) + Number(!row.guest)), new Map());
    return [["", label], ...values.map((value) => [value, `${value} (${numbers.get(value)})`])];
  };

  function drawTools() {
    const { view } = state;
    if (!tools.firstChild) {
      const search = tools.appendChild(el("input", "search"));
      search.type = "search";
      search.placeholder = "Filter: model, dataset, tag, note …";
      search.setAttribute("aria-label", "Filter runs by words of any column, notes and tags");
      search.dataset.testid = "filter";
      search.oninput = () => change({ q: search.value });
      tools.append(el("span", "choices"));
    }
    const [search, choices] = tools.children;
    if (search.value !== view.q) search.value = view.q;
    arrange(choices, makeChoices(choices));
  }

  function makeChoices(choices) {
    const { view, data } = state;
    const parts = [];
    const add = (name, from, build) => parts.push(keptNode(state.controls, name, JSON.stringify(from), build));
    const offer = (label, name, options) => add(name, [options, view[name]],
      () => choice(label, name, options, view[name], (value) => change({ [name]: value })));
    const mark = (label, name, tip) => add(name, [label, view[name]],
      () => toggle(label, name, Boolean(view[name]), (on) => change({ [name]: on ? "1" : "" }), tip));
    const ablations = [["", "All ablations"], ...data.ablations];
    if (ablations.length > 2 || view.ablation) offer("Ablation", "ablation", ablations);
    for (const [name, label] of [["state", "Any state"], ["dataset", "Any dataset"], ["model", "Any model"]]) {
      const options = facetOptions(name, label);
      if (options.length > 2 || view[name]) offer(label, name, options);
    }
    const groups = [["", "No groups"], ["ablation", "By ablation"], ["model", "By model"], ["dataset", "By dataset"]];
    offer("Group", "group", groups);
    mark("only what differs", "differ", "Hide settings that are the same in all rows shown");
    if (data.archived || view.archived) mark(`archived (${data.archived})`, "archived", "List runs that are put away too");
    add("columns", [data.columns, view.show, view.hide],
      () => columnChoice(choices.querySelector("details")?.open ?? false));
    return parts;
  }

  function columnChoice(open) {
    const box = el("details", "columns");
    box.open = open;
    const summary = box.appendChild(el("summary", "", "Columns"));
    summary.dataset.focus = "columns";
    summary.dataset.testid = "columns";
    const list = box.appendChild(el("div", "list"));
    for (const column of state.data.columns.filter((column) => column.key !== "run")) {
      const [show, hide] = [listed(state.view.show), listed(state.view.hide)];
      const on = column.secondary ? show.includes(column.key) : !hide.includes(column.key);
      list.append(toggle(column.label, `column-${column.key}`, on, (wanted) => {
        const [name, keys, add] = column.secondary ? ["show", show, wanted] : ["hide", hide, !wanted];
        const next = keys.filter((key) => key !== column.key);
        change({ [name]: (add ? [...next, column.key] : next).join(",") });
      }, column.tip));
    }
    box.onkeydown = (event) => {
      if (event.key !== "Escape") return;
      box.open = false;
      summary.focus();
    };
    return box;
  }

  // Of a row that was not read this time it is not known any more: the server refuses what cannot be done.
  const isActive = (row) => row.active && state.here.has(row.id);

  function drawPicked(shown, base) {
    const { view, data } = state;
    const all = data.rows.filter((row) => !row.guest).length;
    const runs = [...ticked].map(([id, seen]) => state.here.get(id) ?? seen);
    runs.sort((a, b) => Number(b.id) - Number(a.id)); // as the table has them at first
    const hidden = runs.filter((row) => !shown.includes(row) && row !== base).length;
    const kind = runs.map((row) => [row.id, row.home, isActive(row), row.cells.run.archived]);
    const from = [view, shown.length, all, kind, hidden, data.locked, base?.id ?? null];
    arrange(picked, keptPart(state.parts, "picked", from, () => makePicked(shown.length, all, runs, hidden, base)));
  }

  function makePicked(number, all, runs, hidden, base) {
    const { view, data } = state;
    const parts = [];
    if (!runs.length) {
      const told = number === all ? `${all} run${all === 1 ? "" : "s"}` : `${number} of ${all} runs`;
      parts.push(el("b", "", told));
      if (isFiltered(view)) {
        const none = Object.fromEntries(["q", ...FACETS].map((name) => [name, ""]));
        parts.push(button("Show all", "quiet", () => change(none), "show-all"));
      }
    } else {
      const ids = runs.map((row) => Number(row.id));
      const act = (action) => () => {
        state.trigger("act", { action, runs: ids });
        // They leave the table for good, not for a while; unless it is refused.
        if (action === "archive" && !view.archived) state.leaving = new Set(runs.map((row) => row.id));
      };
      const add = (text, action, why, tip) => {
        const node = button(text, "act", act(action), `act-${action}`);
        node.dataset.testid = `act-${action}`;
        node.disabled = Boolean(why);
        node.title = why || tip || "";
        parts.push(node);
      };
      parts.push(el("b", "", `${runs.length} selected${hidden ? ` (${hidden} hidden by the filter)` : ""}`));
      const many = runs.length < 2 || runs.length > 8 ? "Select 2 to 8 runs" : "";
      const apart = new Set(runs.map((row) => row.home)).size > 1 ? "They are not on one dataset and split" : "";
      add("Compare", "compare", many, "Differences per video, with their interval");
      add(runs.length > 1 ? "Inspect side by side" : "Inspect", "inspect", runs.length > 8 ? many : apart);
      add(runs.length > 1 ? "Tag, note" : "Rename, tag, note", "label", data.locked);
      const away = runs.every((row) => row.cells.run.archived);
      add(away ? "Unarchive" : "Archive", away ? "unarchive" : "archive", data.locked, "Archived runs are kept, not listed");
      const active = runs.some(isActive) ? "One of them is not finished: cancel it first" : "";
      add("Delete …", "delete", data.locked || active, "Asks first");
      parts.push(button("Clear", "quiet", () => { ticked.clear(); draw(); }, "clear"));
    }
    if (view.baseline) {
      const told = base ? `differences to #${base.id}` : `the baseline run ${view.baseline} is not here (any more)`;
      const note = el("span", "base", told);
      note.append(button("Unpin", "quiet", () => change({ baseline: "" }), "unpin"));
      parts.push(note);
    }
    return parts;
  }

  function pickCell(row, pinned) {
    const cell = el("td", "k-pick");
    const box = cell.appendChild(el("input"));
    box.type = "checkbox";
    box.checked = ticked.has(row.id);
    box.dataset.focus = `tick-${row.id}`;
    box.setAttribute("aria-label", `Select run ${row.id}`);
    box.onchange = (event) => {
      if (event.currentTarget.checked) ticked.set(row.id, row);
      else ticked.delete(row.id);
      draw();
    };
    const pin = button("", "pin", () => change({ baseline: pinned ? "" : row.id }), `pin-${row.id}`);
    pin.append(icon(PIN));
    pin.setAttribute("aria-pressed", String(pinned));
    pin.setAttribute("aria-label", `Baseline: run ${row.id}`);
    pin.title = pinned ? "Unpin the baseline" : "Pin as baseline: comparable runs show their difference to it";
    cell.append(pin);
    cell.onclick = (event) => event.stopPropagation(); // a near miss opens no run
    return cell;
  }

  function makeRow(row, columns, best, base) {
    const pinned = row === base;
    const tr = el("tr", `leads${pinned ? " pinned" : ""}${ticked.has(row.id) ? " ticked" : ""}`);
    tr.dataset.testid = "row";
    tr.dataset.id = row.id;
    const open = opener(row, state);
    tr.onclick = open;
    tr.append(pickCell(row, pinned));
    const why = whyNoDelta(row, base);
    for (const column of columns) {
      if (column.kind === "run") tr.append(runCell(row, open));
      else if (column.kind === "standing") tr.append(standingCell(column, row.cells[column.key]));
      else {
        const value = row.cells[column.key];
        const top = best.get(column.key)?.get(row.peers);
        const cell = bodyCell(column, 1, row, top && top.value === value ? top.tip : "", open);
        const tip = row.tips?.[column.key];
        if (tip) cell.title = tip;
        const delta = deltaOf(column, row, base);
        if (delta) {
          const small = cell.appendChild(el("small", `delta ${delta.better}`, delta.text));
          small.title = delta.tip;
        } else if (row.meaning && column.key === "jf_mean") {
          cell.append(el("small", "why", row.meaning));
        } else if (why && column.key === "jf_mean") {
          cell.appendChild(el("small", "why", why[0])).title = why[1];
        }
        tr.append(cell);
      }
    }
    return tr;
  }

  function makeHead(columns, sort, ticks) {
    const line = el("tr");
    const every = line.appendChild(el("th", "k-pick")).appendChild(el("input"));
    every.type = "checkbox";
    every.dataset.focus = "tick-all";
    every.setAttribute("aria-label", "Select all runs shown");
    every.checked = ticks.length > 0 && ticks.every(Boolean);
    every.indeterminate = !every.checked && ticks.some(Boolean);
    every.onchange = () => {
      const shown = state.data.rows.filter((row) => !row.guest && matches(row, state.view));
      for (const row of shown) {
        if (every.checked) ticked.set(row.id, row);
        else ticked.delete(row.id);
      }
      draw();
    };
    for (const column of columns) {
      line.append(headCell(column, sort, (next) => change({ sort: next.key ? (next.down ? "-" : "") + next.key : "" })));
    }
    return line;
  }

  function drawTable(groups, shown, base) {
    const { view, data } = state;
    const columns = columnsOf(data.columns, base ? [base, ...shown.filter((row) => row !== base)] : shown, view);
    const sort = sortOf(view);
    const ticks = shown.map((row) => ticked.has(row.id));
    const [caption, head] = keptPart(state.parts, "frame", null, () => [el("caption"), el("thead")]);
    caption.textContent = data.caption;
    arrange(head, keptPart(state.parts, "head", [columns, sort, ticks], () => [makeHead(columns, sort, ticks)]));
    const bodies = [];
    const bodyNamed = (name) => keptPart(state.parts, `body ${name}`, null, () => [el("tbody", name === "top" ? "top" : "")])[0];
    const bests = (rows) => new Map(columns.map((column) => [column.key, bestAmong(column, rows)]));
    const common = JSON.stringify([columns.map((column) => column.key), toldOf(base, columns)]);
    const node = (row, best, sign) => keptNode(
      state.made, row.id, [common, sign, ticked.has(row.id), JSON.stringify(row)].join(),
      () => makeRow(row, columns, best, base));
    if (base) {
      const body = bodyNamed("top");
      arrange(body, [node(base, bests(shown), "base")]);
      bodies.push(body);
    }
    groups.forEach((group, index) => {
      const body = bodyNamed(`group ${group.name}`);
      const closed = Boolean(group.name) && folded.has(group.name);
      const width = columns.length + 1;
      const title = keptPart(state.parts, `title ${group.name}`, [group.name, group.rows.length, width, closed],
        () => (group.name ? [groupHead(group, index, width, closed)] : []));
      const best = bests(group.rows);
      const sign = JSON.stringify([...best].map(([key, values]) => [key, [...values]]));
      const rows = group.rows.filter((row) => row !== base);
      if (!rows.length) return; // its only run is the baseline
      arrange(body, [...title, ...sorted(closed ? [] : rows, sort.key, sort.down).map((row) => node(row, best, sign))]);
      bodies.push(body);
    });
    arrange(table, [caption, head, ...bodies]);
    if (base) table.style.setProperty("--head", `${head.offsetHeight}px`);
    root.querySelector(".nothing").hidden = Boolean(shown.length);
  }

  function groupHead(group, index, width, closed) {
    const tr = el("tr", "group");
    const cell = tr.appendChild(el("th"));
    cell.colSpan = width;
    cell.scope = "rowgroup";
    const fold = button("", "fold", () => {
      if (closed) folded.delete(group.name);
      else folded.add(group.name);
      draw();
    }, `group-${index}`);
    fold.setAttribute("aria-expanded", String(!closed));
    fold.append(el("i", "", closed ? "▸" : "▾"), el("span", "", group.name));
    fold.append(el("small", "", `${group.rows.length} run${group.rows.length === 1 ? "" : "s"}`));
    cell.append(fold);
    return tr;
  }

  function draw() {
    const { view, data } = state;
    const base = data.rows.find((row) => row.id === view.baseline);
    const shown = data.rows.filter((row) => !row.guest && matches(row, view));
    keepingFocus(parentElement, () => {
      drawTools();
      drawTable(groupsOf(shown, view), shown, base);
      drawPicked(shown, base);
    });
    tellServer(shown);
  }

  const elsewhere = new Set(data.elsewhere.map(String));
  for (const id of [...state.made.keys()]) if (!here.has(id)) state.made.delete(id);
  for (const id of [...ticked.keys()]) {
    const row = here.get(id);
    const left = state.leaving.has(id) && (!row || row.cells.run.archived);
    if (left) state.leaving.delete(id);
    if (left || !(row || elsewhere.has(id))) ticked.delete(id);
    else if (row) ticked.set(id, row);
  }
  root.onclick = (event) => {
    const box = root.querySelector("details.columns");
    if (box?.open && !event.composedPath().includes(box)) box.open = false;
  };
  draw();
}
