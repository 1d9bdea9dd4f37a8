/** What all parts of the page need: its elements, and its way to the extension. */

import type { FromPage } from "../session_panel";

declare function acquireVsCodeApi(): { postMessage(message: FromPage): void; setState(state: unknown): void };

const host = acquireVsCodeApi();
// The editor gives this back when it opens the window again.
host.setState({ session_id: document.body.dataset["session"] });

export function ask(message: FromPage): void {
  host.postMessage(message);
}

export function find(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no ${id}`);
  return found;
}

export function make<K extends keyof HTMLElementTagNameMap>(tag: K, classes = "", id?: string, text?: string): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (classes !== "") made.className = classes;
  if (id !== undefined) made.id = id;
  if (text !== undefined) made.textContent = text;
  return made;
}

/** A small button without a frame; its title says what it does. */
export function action(label: string, title: string, act: () => void): HTMLButtonElement {
  const button = make("button", "quiet", undefined, label);
  button.title = title;
  button.setAttribute("aria-label", title);
  button.addEventListener("click", act);
  return button;
}

export function link(label: string, act: () => void): HTMLAnchorElement {
  const made = make("a", "path", undefined, label);
  made.href = "#";
  made.addEventListener("click", (event) => {
    event.preventDefault();
    act();
  });
  return made;
}
