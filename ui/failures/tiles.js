// Draws failures as tiles that lead to Inspect. Data: {tiles, caption, pairs}; see ui/failures/tiles.py.
const make = (tag, className, text) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
};

function picture(image) {
  const figure = make("figure");
  const img = make("img");
  img.loading = "lazy";
  img.decoding = "async";
  img.width = 240;
  img.height = 135;
  img.alt = image.alt;
  img.onerror = () => {
    img.classList.add("broken");
    figure.append(make("figcaption", "", "no picture"));
  };
  img.src = image.src;
  figure.append(img);
  if (image.caption) figure.append(make("figcaption", "", image.caption));
  return figure;
}

function tile(data, open) {
  const item = make("li");
  const link = make("a");
  link.href = data.href;
  link.dataset.testid = "failure";
  link.dataset.id = data.id;
  link.dataset.kind = data.kind;
  link.onclick = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button === 1) return;
    event.preventDefault();
    event.stopPropagation();
    open(data.id);
  };
  const pictures = make("div", "pictures");
  pictures.append(...data.images.map(picture));
  const words = make("div", "words");
  const first = make("div", "first");
  const kind = make("span", "kind");
  const dot = make("i");
  dot.style.setProperty("--c", data.colour);
  kind.title = data.line;
  kind.append(dot, document.createTextNode(data.kind));
  first.append(make("span", "name", data.name), kind);
  const facts = make("div", "facts");
  facts.append(...data.facts.map((fact) => make("span", "", fact)));
  words.append(first, facts);
  if (data.run) {
    const run = make("div", "run", data.run);
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
