/**
 * What the server has told: entities are put or dropped by id, texts grow at offsets. It holds no rule and knows no editor.
 */

import { ENTITIES, TOPICS, type Entities, type EventEnvelope, type Snapshot, type Subscription } from "./protocol";

export type Noun = keyof Entities;
type Entity = Record<string, unknown>;

/** What changed. `reset` means that everything may have. */
export type Change =
  | { op: "put" | "drop"; noun: Noun; entity: Entity }
  | { op: "append"; itemId: string; data: string }
  | { op: "reset" };

export type Listener = (change: Change) => void;

export class Mirror {
  /** The position in the log that everything here stands at; undefined before the first snapshot and after a gap. */
  seq: number | undefined;
  private entities = emptyTables();
  private readonly texts = new Map<string, Text>();
  private readonly listeners = new Set<Listener>();

  listen(listener: Listener): { dispose(): void } {
    this.listeners.add(listener);
    return { dispose: () => this.listeners.delete(listener) };
  }

  get<N extends Noun>(noun: N, id: string | undefined): Entities[N] | undefined {
    return id === undefined ? undefined : (this.entities[noun].get(id) as Entities[N] | undefined);
  }

  /** All entities of a noun, or those of one parent, in the order of their creation. */
  list<N extends Noun>(noun: N, parentId?: string): Entities[N][] {
    const { id, parent } = ENTITIES[noun];
    const found = [...this.entities[noun].values()].filter(
      (entity) => parentId === undefined || (parent !== null && entity[parent] === parentId),
    );
    return found.sort((a, b) => (String(a[id]) < String(b[id]) ? -1 : 1)) as unknown as Entities[N][];
  }

  /** The text of an item as far as it came. */
  text(itemId: string): string {
    return this.texts.get(itemId)?.show() ?? "";
  }

  /** Takes the answer to event.subscribe. */
  begin(subscription: Subscription): void {
    if (subscription.snapshot === undefined) {
      if (subscription.from_seq !== this.seq) this.seq = undefined;
      return;
    }
    this.entities = emptyTables();
    this.texts.clear();
    this.seq = subscription.seq;
    for (const noun of Object.keys(ENTITIES) as Noun[]) {
      const { plural } = ENTITIES[noun];
      for (const entity of (subscription.snapshot[plural as keyof Snapshot] ?? []) as unknown as Entity[]) {
        this.put(noun, entity);
      }
    }
    this.tell({ op: "reset" });
  }

  /** Takes a notification. False when it does not follow what is here, so that a new snapshot is needed. */
  hear(topic: string, event: EventEnvelope): boolean {
    const row = TOPICS[topic];
    if (row === undefined || this.seq === undefined) return true;
    const payload = event.payload as Record<string, unknown>;
    if (topic === "item.delta") {
      const { item_id, offset, data } = payload as { item_id: string; offset: number; data: string };
      const fresh = this.textOf(item_id).append(offset, data);
      if (fresh !== "") this.tell({ op: "append", itemId: item_id, data: fresh });
      return true;
    }
    if (topic === "event.gap") return false;
    if (row.stream || event.seq === undefined) return true;
    if (event.seq !== this.seq + 1) return event.seq <= this.seq;
    this.seq = event.seq;
    if (!(row.noun in ENTITIES)) return true;
    const noun = row.noun as Noun;
    const entity = payload[noun] as Entity;
    if (row.drops) {
      this.entities[noun].delete(String(entity[ENTITIES[noun].id]));
      this.tell({ op: "drop", noun, entity });
    } else {
      this.put(noun, entity);
      this.tell({ op: "put", noun, entity });
    }
    return true;
  }

  /** Takes entities that were read by a query: finished turns and their items, which no snapshot holds. */
  learn<N extends Noun>(noun: N, entities: Entities[N][]): void {
    for (const entity of entities as unknown as Entity[]) {
      const id = String(entity[ENTITIES[noun].id]);
      if (!this.entities[noun].has(id)) {
        this.put(noun, entity);
        this.tell({ op: "put", noun, entity });
      }
    }
  }

  private put(noun: Noun, entity: Entity): void {
    const id = String(entity[ENTITIES[noun].id]);
    this.entities[noun].set(id, entity);
    if (noun === "item" && typeof entity["text"] === "string") this.textOf(id).append(0, entity["text"]);
  }

  private textOf(itemId: string): Text {
    let text = this.texts.get(itemId);
    if (text === undefined) this.texts.set(itemId, (text = new Text()));
    return text;
  }

  private tell(change: Change): void {
    for (const listener of this.listeners) listener(change);
  }
}

/** A text that only grows. The protocol counts its bytes in UTF-8, JavaScript counts UTF-16 units. */
class Text {
  private bytes = 0;
  private parts: string[] = [];

  append(offset: number, data: string): string {
    if (offset > this.bytes) return ""; // What is missing here comes with the whole text, when the item changes.
    const fresh =
      offset === this.bytes ? data : Buffer.from(data, "utf8").subarray(this.bytes - offset).toString("utf8");
    if (fresh === "") return "";
    this.parts.push(fresh);
    this.bytes += Buffer.byteLength(fresh, "utf8");
    return fresh;
  }

  show(): string {
    if (this.parts.length > 1) this.parts = [this.parts.join("")];
    return this.parts[0] ?? "";
  }
}

function emptyTables(): Record<Noun, Map<string, Entity>> {
  return Object.fromEntries(Object.keys(ENTITIES).map((noun) => [noun, new Map()])) as Record<Noun, Map<string, Entity>>;
}
