/**
 * Feeds the editor's terminal no faster than it draws. The editor takes whatever an extension writes into a queue of its
 * own and says nothing when it is done, so the terminal itself is asked: a status query goes along, and its answer comes
 * as input once everything before it was drawn.
 */

/** "Device status report": every terminal answers it, in order. */
const QUERY = "\x1b[5n";
const ANSWER = "\x1b[0n";
/** So much may be under way; a screen of it takes the editor a few milliseconds. */
const SLICE = 32 * 1024;
/** A terminal that was told to be silent is asked again; nothing stands still for good. */
const LONGEST_MS = 2000;

interface Part {
  text: string;
  done?: () => void;
}

export class Pace {
  private readonly parts: Part[] = [];
  private underWay: (() => void)[] | undefined;
  private timer: NodeJS.Timeout | undefined;
  private owed = 0;
  private readonly position = new Position();

  constructor(private readonly draw: (text: string) => void) {}

  /** Draws a text after what waits already; `done` is called when it was drawn. */
  write(text: string, done: () => void): void {
    for (let at = 0; at < text.length; at += SLICE) {
      const isLast = at + SLICE >= text.length;
      this.parts.push({ text: text.slice(at, at + SLICE), ...(isLast ? { done } : {}) });
    }
    if (text === "") this.parts.push({ text, done });
    if (this.underWay === undefined) this.next();
  }

  /** What a person typed, without the answers to our own queries. */
  hear(input: string): string {
    let typed = input;
    while (this.owed > 0) {
      const at = typed.indexOf(ANSWER);
      if (at < 0) break;
      typed = typed.slice(0, at) + typed.slice(at + ANSWER.length);
      this.owed -= 1;
      this.finish();
    }
    return typed;
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.parts.length = 0;
  }

  private next(): void {
    const done: (() => void)[] = [];
    let text = "";
    while (this.parts.length > 0 && text.length < SLICE) {
      const part = this.parts.shift() as Part;
      text += part.text;
      if (part.done !== undefined) done.push(part.done);
    }
    if (text === "" && done.length === 0) return;
    this.position.read(text);
    // Within a sequence of the program's own, a query would be a part of it.
    const asks = this.position.isPlain;
    this.underWay = done;
    if (asks) this.owed += 1;
    this.draw(asks ? text + QUERY : text);
    if (asks) this.timer = setTimeout(() => this.finish(), LONGEST_MS);
    else this.finish();
  }

  private finish(): void {
    clearTimeout(this.timer);
    const done = this.underWay ?? [];
    this.underWay = undefined;
    for (const each of done) each();
    if (this.underWay === undefined) this.next();
  }
}

/** Whether a terminal's input stands between sequences, or within one. */
class Position {
  private state: "plain" | "escape" | "control" | "string" | "stringEscape" = "plain";

  get isPlain(): boolean {
    return this.state === "plain";
  }

  read(text: string): void {
    for (let at = 0; at < text.length; at += 1) {
      if (this.state === "plain") {
        at = text.indexOf("\x1b", at);
        if (at < 0) return;
        this.state = "escape";
      } else {
        this.step(text.charCodeAt(at));
      }
    }
  }

  private step(code: number): void {
    const ESCAPE = 0x1b;
    switch (this.state) {
      case "escape":
        if (code === 0x5b) this.state = "control";
        else if ([0x5d, 0x50, 0x58, 0x5e, 0x5f].includes(code)) this.state = "string"; // OSC, DCS, SOS, PM, APC
        else if (code >= 0x30 && code !== ESCAPE) this.state = "plain";
        return;
      case "control":
        if (code === ESCAPE) this.state = "escape";
        else if (code >= 0x40 || code === 0x18 || code === 0x1a) this.state = "plain";
        return;
      case "string":
        if (code === ESCAPE) this.state = "stringEscape";
        else if (code === 0x07 || code === 0x18 || code === 0x1a) this.state = "plain";
        return;
      case "stringEscape":
        this.state = "plain";
        if (code !== 0x5c) {
          this.state = "escape";
          this.step(code);
        }
        return;
      default:
    }
  }
}
