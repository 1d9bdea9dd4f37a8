/** The connection to the server: typed requests, events into the mirror, and a way back after every loss. */

import { randomBytes } from "node:crypto";
import * as vscode from "vscode";
import {
  CloseAction,
  ErrorAction,
  ErrorCodes,
  LanguageClient,
  ResponseError,
  State,
  type Executable,
} from "vscode-languageclient/node";
import { Mirror, type Noun } from "./mirror";
import {
  ENTITIES,
  TOPICS,
  VERSION,
  type Calls,
  type Entities,
  type ErrorData,
  type EventEnvelope,
  type Operation,
  type Payloads,
  type Problem,
  type ResponseEnvelope,
} from "./protocol";

/** Ids of the envelope. */
export interface Context {
  workspace_id?: string;
  lane_id?: string;
  session_id?: string;
  terminal_id?: string;
}

/** What was refused: `code` is the name to match on. */
export class Refusal extends Error {
  constructor(
    message: string,
    readonly code: string,
    readonly details: Record<string, unknown>,
  ) {
    super(message);
  }
}

/** What the server says of itself when a connection begins. */
export interface ServerIdentity {
  server_id: string;
  generation: number;
  peer_id: string;
  protocol_version: string;
}

/** A request that has no answer yet. */
interface Waiting {
  method: string;
  params: object;
  resolve(payload: unknown): void;
  reject(error: unknown): void;
  /** The client that it was sent by last. */
  sentBy?: LanguageClient;
}

const CUT: number[] = [
  ErrorCodes.MessageWriteError,
  ErrorCodes.MessageReadError,
  ErrorCodes.PendingResponseRejected,
  ErrorCodes.ConnectionInactive,
];
const RETRY_MS = [100, 500, 1000, 2000, 5000];
/** So many attempts fail before anybody is told: settings of a remote machine come after the window. */
const QUIET_ATTEMPTS = 3;

/** What it cannot do is logged here, and told once by us. */
class Client extends LanguageClient {
  override error(message: string, data?: unknown): void {
    super.error(message, data, false);
  }
}

export class Connection implements vscode.Disposable {
  readonly mirror = new Mirror();
  private client: LanguageClient | undefined;
  private failures = 0;
  private wanted = false;
  private timer: NodeJS.Timeout | undefined;
  private number = 0;
  /** What is sent again has the same envelope_id, so it is done once; no other window has this one's. */
  private readonly mark = `vscode-${randomBytes(8).toString("hex")}`;
  private readonly waiting = new Map<number, Waiting>();
  private readonly streams = new vscode.EventEmitter<{ topic: string; event: EventEnvelope }>();
  private readonly states = new vscode.EventEmitter<boolean>();
  /** Fires with true when the mirror is live again, with false when the server is out of reach. */
  readonly onDidChangeState = this.states.event;
  private readonly failed = new vscode.EventEmitter<unknown>();
  /** Fires with the reason when there is no connection and further attempts are not likely to bring one soon. */
  readonly onDidFail = this.failed.event;
  connected = false;
  /** The server that answered last. */
  server: ServerIdentity | undefined;

  constructor(private readonly log: vscode.LogOutputChannel) {}

  /** Connects. What fails is raised, and tried again in the background until it works or `stop` is called. */
  async start(): Promise<void> {
    this.wanted = true;
    clearTimeout(this.timer);
    let client: LanguageClient | undefined;
    try {
      client = this.client = this.make();
      await this.open(client);
    } catch (error) {
      this.log.warn(String(error));
      if (this.client !== client) throw error; // Somebody has connected anew meanwhile.
      this.client = undefined;
      // What was asked for is not done much later, when nobody expects it any more.
      const attempts = this.failures + 1;
      if (attempts >= (isMissing(error) ? QUIET_ATTEMPTS : RETRY_MS.length)) this.abandon(String(error));
      if (attempts === QUIET_ATTEMPTS) this.failed.fire(error);
      this.retry();
      throw error;
    }
  }

  private make(): LanguageClient {
    const [command, ...args] = vscode.workspace.getConfiguration("agentlanes").get<string[]>("command", []);
    if (command === undefined) throw new Error("agentlanes.command is empty; set it to a program and its arguments");
    const cwd = vscode.workspace.workspaceFolders?.find((folder) => folder.uri.scheme === "file")?.uri.fsPath;
    const executable: Executable = { command, args, options: cwd === undefined ? {} : { cwd } };
    const client: LanguageClient = new Client("agentlanes", "agentlanes", executable, {
      documentSelector: [],
      initializationOptions: { agentlanes: { protocol_versions: [VERSION], client: "vscode" } },
      outputChannel: this.log,
      initializationFailedHandler: () => false,
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue, handled: true }),
        closed: () => {
          this.lose(client);
          return { action: CloseAction.DoNotRestart, handled: true };
        },
      },
    });
    for (const topic of Object.keys(TOPICS)) {
      client.onNotification(topic, (event: EventEnvelope) => {
        if (client === this.client) this.hear(topic, event);
      });
    }
    return client;
  }

  private async open(client: LanguageClient): Promise<void> {
    await client.start();
    const { experimental } = client.initializeResult?.capabilities ?? {};
    const server = (experimental as { agentlanes?: ServerIdentity } | undefined)?.agentlanes;
    if (server === undefined) throw new Error("the program of agentlanes.command is not an agentlanes server");
    if (this.server?.server_id !== server.server_id) this.mirror.seq = undefined;
    this.server = server;
    await this.subscribe(client);
    this.failures = 0;
  }

  /**
   * Asks the server, now or as soon as there is one. A command is done once, however often it had to be sent. Raises
   * Refusal.
   */
  call<M extends keyof Calls>(
    method: M,
    payload: Calls[M]["payload"] = {} as Calls[M]["payload"],
    context: Context = {},
  ): Promise<Calls[M]["result"]> {
    this.number += 1;
    const number = this.number;
    const envelope_id = `${this.mark}-${number}`;
    return new Promise((resolve, reject) => {
      if (!this.wanted) return reject(unreachable("this window is not connected"));
      const params = { correlation_id: envelope_id, ...context, envelope_id, payload };
      this.waiting.set(number, { method, params, resolve: resolve as Waiting["resolve"], reject });
      if (this.connected) this.sendWaiting();
    });
  }

  /** Sends a command and follows what it is about until nothing is under way there any more. Raises Refusal. */
  async follow<M extends keyof Calls>(
    noun: Noun,
    method: M,
    payload: Calls[M]["payload"],
    context: Context,
  ): Promise<Entities[Noun]> {
    const answer = (await this.call(method, payload, context)) as unknown as Record<string, Entities[Noun]>;
    const given = answer[noun] as Entities[Noun];
    const id = String((given as unknown as Record<string, unknown>)[ENTITIES[noun].id]);
    const ended = await new Promise<Entities[Noun]>((resolve) => {
      const look = (): boolean => {
        // The mirror may already be past the answer, never behind it.
        const now = (this.mirror.get(noun, id) ?? given) as Entities[Noun] & { operation?: Operation };
        if (now.operation !== undefined) return false;
        resolve(now);
        return true;
      };
      if (look()) return;
      const listening = this.mirror.listen((change) => {
        if (change.op !== "append" && (change.op === "reset" || change.noun === noun) && look()) listening.dispose();
      });
    });
    const { problem } = ended as Entities[Noun] & { problem?: Problem };
    if (problem !== undefined) throw new Refusal(problem.message, problem.code, problem.details ?? {});
    return ended;
  }

  private sendWaiting(): void {
    for (const [number, each] of this.waiting) {
      if (this.client !== undefined && each.sentBy !== this.client) this.sendOne(number, each, this.client);
    }
  }

  private sendOne(number: number, each: Waiting, client: LanguageClient): void {
    each.sentBy = client;
    client.sendRequest<ResponseEnvelope>(each.method, each.params).then(
      (answer) => {
        this.waiting.delete(number);
        each.resolve(answer.payload);
      },
      (error: unknown) => {
        const refusal = describe(error);
        // Nobody answered, or the server goes: the next one is asked again.
        if (wasCut(error) || refusal?.code === "SERVER_STOPPING") return;
        this.waiting.delete(number);
        each.reject(refusal ?? error);
      },
    );
  }

  private abandon(message: string): void {
    const left = [...this.waiting.values()];
    this.waiting.clear();
    for (const each of left) each.reject(unreachable(message));
  }

  /** Sends without an answer: keystrokes and credit. */
  send<M extends keyof Calls>(method: M, payload: Calls[M]["payload"], context: Context): void {
    if (this.client?.state !== State.Running) return;
    this.client.sendNotification(method, { ...context, payload }).catch((error: unknown) => this.log.debug(String(error)));
  }

  /** Hears the notifications of one stream topic. */
  onStream<T extends keyof Payloads>(topic: T, listener: (payload: Payloads[T]) => void): vscode.Disposable {
    return this.streams.event((heard) => {
      if (heard.topic === topic) listener(heard.event.payload as unknown as Payloads[T]);
    });
  }

  async restart(): Promise<void> {
    await this.stop();
    this.failures = 0;
    await this.start();
  }

  async stop(): Promise<void> {
    this.wanted = false;
    clearTimeout(this.timer);
    const client = this.client;
    this.client = undefined;
    if (this.connected) {
      this.connected = false;
      this.states.fire(false);
    }
    this.abandon("this window was disconnected");
    if (client !== undefined && client.state !== State.Stopped) await client.stop().catch(() => undefined);
  }

  dispose(): void {
    void this.stop();
    this.streams.dispose();
    this.states.dispose();
    this.failed.dispose();
  }

  private hear(topic: string, event: EventEnvelope): void {
    if (TOPICS[topic]?.stream) this.streams.fire({ topic, event });
    if (!this.mirror.hear(topic, event)) {
      this.log.warn(`the events have a gap at ${String(event.seq)}; everything is read anew`);
      this.mirror.seq = undefined;
      const client = this.client;
      if (client !== undefined) this.subscribe(client).catch((error: unknown) => this.log.warn(String(error)));
    }
  }

  private async subscribe(client: LanguageClient): Promise<void> {
    const after = this.mirror.seq;
    const params = { correlation_id: `${this.mark}-subscribe`, payload: after === undefined ? {} : { after_seq: after } };
    const answer = await client.sendRequest<ResponseEnvelope>("event.subscribe", params);
    if (client !== this.client) return;
    this.mirror.begin(answer.payload as unknown as Calls["event.subscribe"]["result"]);
    if (this.mirror.seq === undefined) return this.subscribe(client);
    this.connected = true;
    this.states.fire(true);
    this.sendWaiting();
  }

  private lose(client: LanguageClient): void {
    if (this.client !== client || !this.connected) return; // What fails while it opens is told by `start`.
    this.client = undefined;
    this.connected = false;
    this.states.fire(false);
    this.retry();
  }

  private retry(): void {
    const pause = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)];
    this.failures += 1;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (this.wanted && this.client === undefined) this.start().catch(() => undefined);
    }, pause);
  }
}

/** What the server refused; undefined where it was not the server that said no. */
function describe(error: unknown): Refusal | undefined {
  if (!(error instanceof ResponseError)) return undefined;
  const data = error.data as Partial<ErrorData> | undefined;
  if (data?.code === undefined) return undefined;
  return new Refusal(error.message, data.code, (data.details ?? {}) as Record<string, unknown>);
}

function wasCut(error: unknown): boolean {
  return !(error instanceof ResponseError) || CUT.includes(error.code);
}

function unreachable(message: string): Refusal {
  return new Refusal(`${message}; *Agent Lanes: Reconnect* tries again`, "NOT_CONNECTED", {});
}

function isMissing(error: unknown): boolean {
  return String(error).includes("ENOENT") || String(error).includes("EACCES");
}
