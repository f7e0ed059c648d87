// How one looks, in the address: what is there leads to exactly this view. Only what differs from the usual is written.
const USUAL = { view: "", outline: "1", truth: "0", opacity: "55", zoom: "", speed: "24", hide: "", curve: "jf" };

// {name: text} of a player's state, "" or the usual left in.
function viewOf(player) {
  return {
    view: player.error ? "error" : "",
    outline: player.outline.checked ? "1" : "0",
    truth: player.truth.checked ? "1" : "0",
    opacity: player.opacity.value,
    zoom: player.zoom.text,
    speed: player.speed.value,
    hide: [...player.away].join(","),
    curve: player.measure,
  };
}

// The objects that are shown, as the address lists them: "" for all, 0 for none.
function objectsOf(player) {
  const { objects } = player.data;
  const shown = objects.filter((id) => !player.hidden.has(id));
  return shown.length === objects.length ? "" : shown.join(",") || "0";
}

function applyView(player, view) {
  const given = { ...USUAL, ...view };
  const number = (text, otherwise) => (text !== "" && Number.isFinite(Number(text)) ? Number(text) : otherwise);
  player.error = given.view === "error";
  player.outline.checked = given.outline !== "0";
  player.truth.checked = given.truth === "1";
  player.opacity.value = String(number(given.opacity, 55));
  if ([...player.speed.options].some((option) => option.value === given.speed)) player.speed.value = given.speed;
  player.away = new Set(given.hide.split(",").filter((name) => name === "picture" || name === "annotation"));
  player.measure = ["j", "f", "jf"].includes(given.curve) ? given.curve : "jf";
  const [scale, x, y] = given.zoom.split(",").map(Number);
  player.zoom.set(scale >= 1 ? scale : 1, Number.isFinite(x) ? x : 0.5, Number.isFinite(y) ? y : 0.5);
}

// What an address says of the frame and of how one looks.
function wordsOf(url) {
  const given = new URL(url).searchParams;
  return JSON.stringify(["frame", "object", ...Object.keys(USUAL)].map((name) => given.get(name)));
}

// Back may lead to what the page was told before, and was changed here since: after it the page's answer counts whole, and
// until it is here, or something is done, the address stays as it is.
function watchReturns(player) {
  const returned = () => {
    clearTimeout(player.urlTimer);
    player.said.clear();
    player.returned = true;
  };
  window.addEventListener("popstate", returned);
  return () => window.removeEventListener("popstate", returned);
}

// Whether this is the answer to Back.
function hasReturned(player, data) {
  const answered = player.returned && Number(new URLSearchParams(window.location.search).get("frame")) === data.frame;
  if (answered) player.returned = false;
  return Boolean(answered);
}

// The address of exactly what is seen.
function addressOf(player) {
  const url = new URL(window.location.href);
  const { data } = player;
  const parts = { ...viewOf(player), object: objectsOf(player) };
  url.searchParams.set("run", String(data.runs[0].run));
  url.searchParams.set("video", data.video);
  url.searchParams.set("frame", String(player.index));
  for (const [name, text] of Object.entries({ ...parts, with: data.runs.slice(1).map((run) => run.run).join(",") }))
    if (text === (USUAL[name] ?? "")) url.searchParams.delete(name);
    else url.searchParams.set(name, text);
  return url;
}
