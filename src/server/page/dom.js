// Small helpers over the document. Text is only ever set as text, never as markup.

export const byId = (id) => document.getElementById(id);

/** make("button", { type: "button", class: "small" }, "text", child, …) */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

/** Says something to those who do not see it. */
export function announce(text) {
  byId("live").textContent = text;
}

/** Also where the page came over plain HTTP, which has no clipboard. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return;
  } catch {
    const area = make("textarea", { class: "visually-hidden", readonly: true });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

export function copyButton(text, label, spoken, copied) {
  const button = make("button", { type: "button", class: "small", "aria-label": spoken }, label);
  button.addEventListener("click", async () => {
    await copyText(text);
    button.textContent = copied;
    announce(copied);
    setTimeout(() => { button.textContent = label; }, 2000);
  });
  return button;
}
