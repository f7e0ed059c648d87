// The leaderboard's view: what the address says of it, which rows it shows, in which groups, and how they stand to the
// baseline. Plain values in and out; board.js draws them.
const FACETS = ["state", "dataset", "model"];
const PARAMS = ["ablation", "q", ...FACETS, "group", "sort", "baseline", "differ", "show", "hide", "archived"];

function readView(search) {
  const given = new URLSearchParams(search);
  const view = Object.fromEntries(PARAMS.map((name) => [name, given.get(name) ?? ""]));
  if (view.ablation === "all") view.ablation = "";
  return view;
}

function writeView(view, search) {
  const given = new URLSearchParams(search);
  for (const name of PARAMS) {
    if (view[name]) given.set(name, view[name]);
    else given.delete(name);
  }
  return given.toString();
}

const listed = (text) => text.split(",").filter(Boolean);

function sortOf(view) {
  return { key: view.sort.replace(/^-/, "") || null, down: view.sort.startsWith("-") };
}

function matches(row, view) {
  if (!FACETS.every((name) => !view[name] || row.facets[name] === view[name])) return false;
  const words = view.q.toLowerCase().split(/\s+/).filter(Boolean);
  return words.every((word) => row.search.includes(word));
}

const isFiltered = (view) => Boolean(view.q.trim() || FACETS.some((name) => view[name]));

// Columns to draw: chosen ones, without the one that the groups say, and with `differ` without settings that are the
// same in all rows.
function columnsOf(columns, rows, view) {
  const [show, hide] = [listed(view.show), listed(view.hide)];
  return columns.filter((column) => {
    if (column.key === "run") return true;
    if (hide.includes(column.key)) return false;
    if (column.key === view.group) return false;
    if (column.secondary && !show.includes(column.key)) return false;
    if (!view.differ || !column.setting || rows.length < 2) return true;
    return new Set(rows.map((row) => JSON.stringify(row.cells[column.key] ?? null))).size > 1;
  });
}

function groupsOf(rows, view) {
  if (!view.group || !rows.every((row) => row.groups[view.group])) return [{ name: "", rows }];
  const groups = new Map();
  for (const row of rows) {
    const name = row.groups[view.group];
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(row);
  }
  const list = [...groups].map(([name, members]) => ({ name, rows: members }));
  // Ablations keep the server's order, the latest first.
  return view.group === "ablation" ? list : list.sort((a, b) => compare(a.name, b.name));
}

// The best value of a column among comparable rows: Map from `peers` to {value, tip}; none where fewer than two have one.
function bestAmong(column, rows) {
  const best = new Map();
  if (!column.best) return best;
  const peers = new Map();
  for (const row of rows) {
    if (typeof row.cells[column.key] !== "number" || !row.peers) continue;
    if (!peers.has(row.peers)) peers.set(row.peers, []);
    peers.get(row.peers).push(row);
  }
  for (const [key, members] of peers) {
    if (members.length > 1) {
      const tip = `best of ${members.length} on ${members[0].place.dataset} ${members[0].place.split}`;
      best.set(key, { value: bestOf(column, members), tip });
    }
  }
  return best;
}

const isDone = (row) => row.cells.state.state === "done";

// What other rows tell of the baseline: while that runs, most of its own row changes from poll to poll, and none of this.
function toldOf(base, columns) {
  if (!base) return null;
  const told = columns.filter((column) => column.delta === "points" || (column.delta && isDone(base)));
  return [base.id, base.peers, base.place, isDone(base), told.map((column) => base.cells[column.key] ?? null)];
}

// What a row's figure gains over the baseline's: {text, better, tip}, null where there is nothing to say. Seconds and
// frames/s are percents: those of a run that has not done all its videos are of other videos.
function deltaOf(column, row, base) {
  if (!column.delta || !base || row.id === base.id || !row.peers || row.peers !== base.peers) return null;
  const [ours, theirs] = [row.cells[column.key], base.cells[column.key]];
  if (typeof ours !== "number" || typeof theirs !== "number") return null;
  const points = column.delta === "points";
  if (!points && !(theirs && isDone(row) && isDone(base))) return null;
  const change = points ? 100 * (ours - theirs) : 100 * (ours / theirs - 1);
  const digits = points ? 1 : 0;
  const small = Number(change.toFixed(digits)) === 0;
  const sign = change < 0 ? "−" : "+";
  const text = small ? "±0" : `${sign}${Math.abs(change).toFixed(digits)}`;
  const gain = (column.best || column.rather) === "min" ? -change : change;
  const unit = points ? "points" : "percent";
  return {
    text: points ? text : `${text}\u202f%`,
    better: small ? "" : gain > 0 ? "better" : "worse",
    tip: `${sign}${Math.abs(change).toFixed(digits + 1)} ${unit} against the baseline #${base.id}`,
  };
}

// Why a row shows no difference to the baseline: [a word or two, a sentence].
function whyNoDelta(row, base) {
  if (!base || row.id === base.id) return null;
  if (!row.peers) return null; // what its figures are is said anyway
  if (!base.peers) return ["other figures", `The figures of the baseline #${base.id} are no J&F: no difference is told.`];
  for (const [what, text] of [["dataset", "another dataset"], ["split", "another split"], ["videos", "other videos"]]) {
    if (row.place[what] !== base.place[what]) {
      return [text, `It is over ${text} than the baseline #${base.id}: no difference is told.`];
    }
  }
  if (row.peers !== base.peers) return ["another folder", "Its dataset lies in another folder than the baseline's."];
  if (isNone(row.cells.jf_mean)) return ["no score yet", "It has no scores yet."];
  if (isNone(base.cells.jf_mean)) return ["", `The baseline #${base.id} has no scores yet.`];
  return null;
}
