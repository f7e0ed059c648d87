// Draws failures as tiles that lead to Inspect. Data: {tiles, caption, pairs}; see ui/failures/tiles.py.
function picture(image) {
  const figure = el("figure");
  const img = el("img");
  img.loading = "lazy";
  img.decoding = "async";
  img.width = 240;
  img.height = 135;
  img.alt = image.alt;
  img.onerror = () => {
    img.classList.add("broken");
    figure.append(el("figcaption", "", "no picture"));
  };
  img.src = image.src;
  figure.append(img);
  if (image.caption) figure.append(el("figcaption", "", image.caption));
  return figure;
}

function tile(data, open) {
  const item = el("li");
  const link = leads(el("a"), data.href, () => open(data.id));
  link.dataset.testid = "failure";
  link.dataset.id = data.id;
  link.dataset.kind = data.kind;
  const pictures = el("div", "pictures");
  pictures.append(...data.images.map(picture));
  const words = el("div", "words");
  const first = el("div", "first");
  const kind = el("span", "kind");
  const dot = el("i");
  dot.style.setProperty("--c", data.colour);
  kind.title = data.line;
  kind.append(dot, document.createTextNode(data.kind));
  first.append(el("span", "name", data.name), kind);
  const facts = el("div", "facts");
  facts.append(...data.facts.map((fact) => el("span", "", fact)));
  words.append(first, facts);
  if (data.run) {
    const run = el("div", "run", data.run);
    run.title = data.run;
    words.append(run);
  }
  link.append(pictures, words);
  item.append(link);
  return item;
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const list = parentElement.querySelector(".tiles");
  list.setAttribute("aria-label", data.caption);
  list.dataset.testid = "failures";
  list.classList.toggle("pairs", data.pairs);
  const drawn = JSON.stringify(data);
  if (list.drawn === drawn) return; // the same tiles: pictures stay where they are
  list.drawn = drawn;
  list.replaceChildren(...data.tiles.map((one) => tile(one, (id) => setTriggerValue("open", id))));
}
