/** Text that grows on the page: what agents say as Markdown, what tools print as it is. */

import MarkdownIt from "markdown-it";

/** No HTML of an agent's own: it is shown as text. */
const markdown = new MarkdownIt({ html: false, linkify: false, breaks: false });
/** Beyond this, formatting the whole at every growth would be felt. */
const LARGEST = 200_000;

export class Prose {
  private text = "";
  private isPending = false;

  constructor(
    readonly element: HTMLElement,
    private isFormatted: boolean,
  ) {}

  grow(data: string): void {
    this.text += data;
    if (this.isFormatted && this.text.length > LARGEST) {
      this.isFormatted = false;
      this.element.classList.add("plain");
      this.element.textContent = this.text;
    } else if (!this.isFormatted) {
      this.element.append(data);
    } else if (!this.isPending) {
      this.isPending = true;
      requestAnimationFrame(() => this.flush());
    }
  }

  /** Shows at once what is there. */
  flush(): void {
    if (!this.isFormatted) return;
    this.isPending = false;
    this.element.innerHTML = markdown.render(this.text);
  }
}
