// Ahead of what draws itself again while a person may be on it: what stays keeps its nodes, and with them the focus and a
// press that is under way.

// Draw `draw()` and give the focus back to the node that had it.
function keepingFocus(parent, draw) {
  const focused = parent.getRootNode().activeElement?.dataset?.focus;
  draw();
  const active = parent.getRootNode().activeElement?.dataset?.focus;
  if (focused && active !== focused) {
    parent.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }
}

// A node that stays from poll to poll: when what it is built from changes, it becomes what `build` gives. `made` is a Map
// by id. As handlers are handed on, they ask the event for the node, not the one that they were made with.
function keptNode(made, id, signature, build) {
  const old = made.get(id);
  if (old?.signature === signature) return old.node;
  const node = old ? become(old.node, build()) : build();
  made.set(id, { node, signature });
  return node;
}

// Let `node` show what `fresh` shows and answer as that would; returns the one that is there in the end. A new node takes
// a place only where the kind differs: one that is pressed would be gone before its click, a list that is open would close.
function become(node, fresh) {
  if (node.nodeName !== fresh.nodeName) {
    node.replaceWith(fresh);
    return fresh;
  }
  if (node.nodeType === Node.TEXT_NODE) {
    if (node.data !== fresh.data) node.data = fresh.data;
    return node;
  }
  // A control's state is no attribute, and setting it anew would undo a choice that is being made. A list's is asked for
  // before its options move over.
  const told = ["checked", "value"].filter((name) => name in fresh).map((name) => [name, fresh[name]]);
  for (const { name } of [...node.attributes]) if (!fresh.hasAttribute(name)) node.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (node.getAttribute(name) !== value) node.setAttribute(name, value);
  const before = [...node.childNodes];
  const after = [...fresh.childNodes];
  after.forEach((child, index) => (before[index] ? become(before[index], child) : node.append(child)));
  for (const child of before.slice(after.length)) child.remove();
  for (const name of ["onclick", "onchange"]) node[name] = fresh[name];
  for (const [name, state] of told) if (node[name] !== state) node[name] = state;
  return node;
}

// Let `parent` have these children in this order, touching only what differs: a node that stays keeps its focus, and a
// click on it that is under way.
function arrange(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.childNodes]) if (!wanted.has(child)) child.remove();
  nodes.forEach((node, index) => {
    if (parent.childNodes[index] !== node) parent.insertBefore(node, parent.childNodes[index] ?? null);
  });
}

// Build a part again only when what it is built from has changed. `parts` holds the last of each name.
function keptPart(parts, name, from, build) {
  const signature = JSON.stringify(from);
  if (parts[name]?.signature !== signature) parts[name] = { signature, nodes: build() };
  return parts[name].nodes;
}
