// What is seen, to take away: a PNG of all panes or of one, a clip that the server makes, and the link to this view.
const TITLE_HEIGHT = 26;

function download(blob, name) {
  const link = el("a");
  link.href = URL.createObjectURL(blob);
  link.download = name.replace(/[\\/:*?"<>|\u0000-\u001f]/g, "_");
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// Saves the clip of this address under the name that the server gives it. Throws what the server says where it makes none.
async function saveClip(url, otherwise, signal) {
  const response = await bytesOf(url, signal);
  const given = response.headers.get("Content-Disposition") ?? "";
  const [, quoted] = /filename\*=utf-8''([^;]+)/i.exec(given) ?? [];
  const [, plain] = /filename="([^"]+)"/i.exec(given) ?? [];
  download(await response.blob(), quoted ? decodeURIComponent(quoted) : (plain ?? otherwise));
}

// One picture of these panes, in as many columns as they stand in on the page, each as far zoomed in as it is.
function savePicture(player, panes) {
  const { data, zoom, index } = player;
  const top = panes[0].figure.offsetTop;
  const columns = Math.max(1, panes.filter((pane) => pane.figure.offsetTop === top).length);
  const gap = panes.length > 1 ? 12 : 0;
  const lines = panes.some((pane) => pane.found) ? 2 : 1;
  const [cell, row] = [data.width + gap, data.height + TITLE_HEIGHT * lines + gap];
  const sheet = el("canvas");
  sheet.width = cell * columns + gap;
  sheet.height = row * Math.ceil(panes.length / columns) + gap;
  const context = sheet.getContext("2d");
  context.fillStyle = "#FFFFFF";
  context.fillRect(0, 0, sheet.width, sheet.height);
  context.imageSmoothingEnabled = !player.panesBox.classList.contains("pixelated");
  context.textBaseline = "middle";
  for (const [at, pane] of panes.entries()) {
    const [x, y] = [gap + cell * (at % columns), gap + row * Math.floor(at / columns)];
    context.drawImage(pane.canvas, ...zoom.seen(), x, y + TITLE_HEIGHT, data.width, data.height);
    context.fillStyle = "#101417";
    context.font = "600 15px sans-serif";
    const detail = pane.detail ? ` · ${pane.detail}` : "";
    context.fillText(`${pane.title}${detail}`, x + 2, y + TITLE_HEIGHT / 2, data.width - 4);
    if (pane.said.textContent) {
      context.fillStyle = "rgb(11 14 16 / 78%)";
      context.fillRect(x, y + data.height, data.width, TITLE_HEIGHT);
      context.fillStyle = "#FFFFFF";
      context.font = "14px sans-serif";
      context.fillText(pane.said.textContent, x + 8, y + data.height + TITLE_HEIGHT / 2, data.width - 16);
    }
    if (pane.found) countsInto(context, pane.found, data, x, y + data.height + TITLE_HEIGHT * 1.5);
  }
  sheet.toBlob((blob) => download(blob, `${data.runs[0].run}_${data.video}_${index}.png`), "image/png");
}

function countsInto(context, counts, data, x, y) {
  context.font = "14px sans-serif";
  let along = x + 2;
  for (const [name, number] of Object.entries(counts)) {
    context.fillStyle = data.errors[name];
    context.fillRect(along, y - 6, 12, 12);
    context.fillStyle = "#101417";
    const text = `${name} ${number}`;
    context.fillText(text, along + 17, y);
    along += 17 + context.measureText(text).width + 14;
  }
}

// Browsers keep the clipboard from pages that came by plain http from elsewhere: there the old way.
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = el("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    return copied;
  }
}
