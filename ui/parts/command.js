// A command to be copied: with the button, or selected by one click.
export default function (component) {
  const { data, parentElement } = component;
  const [code, copy] = ["code", "button"].map((name) => parentElement.querySelector(name));
  code.textContent = data.command;
  copy.onclick = async () => {
    let said = "Copied";
    try {
      await navigator.clipboard.writeText(data.command);
    } catch {
      // Browsers keep the clipboard from pages that came by plain http from elsewhere.
      getSelection().selectAllChildren(code);
      said = "Selected: press Ctrl+C";
    }
    copy.textContent = said;
    setTimeout(() => { copy.textContent = "Copy"; }, 2000);
  };
}
