// Draws what can be fetched. Data: {groups}; see ui/data/board.py. Shared parts: parts/board.js.
const kept = new WeakMap();

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".board");
  const state = kept.get(root) ?? {};
  kept.set(root, state);
  state.act = (action, name) => setTriggerValue("act", { action, name });

  function makeButtons() {
    const node = el("span", "acts");
    node.set = (row) => {
      sync(node, row.actions.map((action) => ({ ...action, key: action.name })), () => {
        const button = el("button");
        button.type = "button";
        button.update = (action) => {
          setText(button, action.label);
          button.className = action.name;
          button.dataset.action = action.name;
          button.dataset.focus = `${row.key}-${action.name}`;
          button.title = action.tip;
          button.setAttribute("aria-label", `${action.label}: ${row.title}`);
          button.onclick = () => state.act(action.name, row.name);
        };
        return button;
      });
    };
    return node;
  }

  function makeMore() {
    const node = el("details");
    const summary = node.appendChild(el("summary"));
    const list = node.appendChild(el("dl"));
    node.set = (row) => {
      setText(summary, `${row.name} · ${row.licence}`);
      summary.title = "Where it goes, and how to do without a download";
      summary.dataset.focus = `${row.key}-more`;
      const lines = [["Goes to", row.place], ["Licence", row.licence], ...row.more].filter(([, text]) => text);
      const told = JSON.stringify([lines, row.page]);
      if (list.dataset.told === told) return;
      list.dataset.told = told;
      list.replaceChildren();
      for (const [label, text] of lines) list.append(el("dt", "", label), el("dd", "", text));
      if (row.page) {
        const link = el("a", "", row.page);
        link.href = row.page;
        link.target = "_blank";
        link.rel = "noreferrer";
        const line = el("dd");
        line.append(link);
        list.append(el("dt", "", "Publisher"), line);
      }
    };
    return node;
  }

  function makeRow() {
    const node = el("div", "row");
    node.dataset.testid = "fetch-row";
    const name = el("div", "name");
    const title = el("b");
    const more = makeMore();
    name.append(title, more);
    const size = el("div", "figure size");
    const status = stateLabel();
    const acts = makeButtons();
    const progress = el("div", "progress");
    const line = bar();
    const figures = el("small");
    progress.append(line, figures);
    const note = el("p", "note");
    node.append(name, size, status, acts, progress, note);
    node.update = (row) => {
      node.dataset.name = row.name;
      setText(title, row.title);
      title.title = row.title;
      setText(size, row.size);
      status.set(row.standing);
      node.style.setProperty("--c", STATES[row.standing] ?? STATES.queued);
      acts.set(row);
      const working = row.share !== null || Boolean(row.figures);
      progress.hidden = !working;
      line.set(row.share ?? 0, `${row.title}: ${row.figures || row.standing}`);
      setText(figures, row.figures);
      setText(note, row.note);
      note.hidden = !row.note;
      note.classList.toggle("bad", row.bad);
      more.set(row);
    };
    return node;
  }

  const makeGroup = () => boardGroup("fetch-group", makeRow);

  const refocus = keptFocus(root);
  sync(root.querySelector(".groups"), data.groups, makeGroup);
  refocus();
}
