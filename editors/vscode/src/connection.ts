/** The connection to the server: typed requests, events into the mirror, and a way back after every loss. */

import { randomUUID } from "node:crypto";
import * as vscode from "vscode";
import {
  CloseAction,
  ErrorAction,
  LanguageClient,
  ResponseError,
  State,
  type Executable,
} from "vscode-languageclient/node";
import { Mirror } from "./mirror";
import {
  TOPICS,
  VERSION,
  type Calls,
  type ErrorData,
  type EventEnvelope,
  type Payloads,
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

const RETRY_MS = [100, 500, 1000, 2000, 5000];

export class Connection implements vscode.Disposable {
  readonly mirror = new Mirror();
  private client: LanguageClient | undefined;
  private opening: Promise<void> = Promise.resolve();
  private failures = 0;
  private wanted = false;
  private readonly streams = new vscode.EventEmitter<{ topic: string; event: EventEnvelope }>();
  private readonly states = new vscode.EventEmitter<boolean>();
  /** Fires with true when the mirror is live again, with false when the server is out of reach. */
  readonly onDidChangeState = this.states.event;
  connected = false;

  constructor(private readonly log: vscode.LogOutputChannel) {}

  /** Connects. What fails is raised, and tried again in the background until it works or `stop` is called. */
  async start(): Promise<void> {
    this.wanted = true;
    this.opening = this.open();
    try {
      await this.opening;
    } catch (error) {
      this.log.warn(String(error));
      this.client = undefined;
      this.retry();
      throw error;
    }
  }

  private async open(): Promise<void> {
    const [command, ...args] = vscode.workspace.getConfiguration("agentlanes").get<string[]>("command", []);
    if (command === undefined) throw new Error("agentlanes.command is empty; set it to a program and its arguments");
    const cwd = vscode.workspace.workspaceFolders?.find((folder) => folder.uri.scheme === "file")?.uri.fsPath;
    const executable: Executable = { command, args, options: cwd === undefined ? {} : { cwd } };
    const client = new LanguageClient("agentlanes", "agentlanes", executable, {
      documentSelector: [],
      initializationOptions: { agentlanes: { protocol_versions: [VERSION], client: "vscode" } },
      outputChannel: this.log,
      initializationFailedHandler: () => false,
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue, handled: true }),
        closed: () => {
          this.lose();
          return { action: CloseAction.DoNotRestart, handled: true };
        },
      },
    });
    this.client = client;
    for (const topic of Object.keys(TOPICS)) {
      client.onNotification(topic, (event: EventEnvelope) => this.hear(topic, event));
    }
    await client.start();
    await this.subscribe();
    this.failures = 0;
  }

  /** Asks the server, once the connection that is being opened is there. Raises Refusal. */
  async call<M extends keyof Calls>(
    method: M,
    payload: Calls[M]["payload"] = {} as Calls[M]["payload"],
    context: Context = {},
  ): Promise<Calls[M]["result"]> {
    await this.opening.catch(() => undefined);
    return this.request(method, payload, context);
  }

  private async request<M extends keyof Calls>(
    method: M,
    payload: Calls[M]["payload"],
    context: Context,
  ): Promise<Calls[M]["result"]> {
    const client = this.client;
    if (client === undefined || client.state !== State.Running) {
      throw new Refusal("the server is out of reach; agentlanes: Reconnect tries again", "NOT_CONNECTED", {});
    }
    try {
      const params = { correlation_id: randomUUID(), ...context, payload };
      const answer = await client.sendRequest<ResponseEnvelope>(method, params);
      return answer.payload as Calls[M]["result"];
    } catch (error) {
      throw describe(error);
    }
  }

  /** Sends without an answer: keystrokes and credit. */
  send<M extends keyof Calls>(method: M, payload: Calls[M]["payload"], context: Context): void {
    if (this.client?.state === State.Running) void this.client.sendNotification(method, { ...context, payload });
  }

  /** Hears the notifications of one stream topic. */
  onStream<T extends keyof Payloads>(topic: T, listener: (payload: Payloads[T]) => void): vscode.Disposable {
    return this.streams.event((heard) => {
      if (heard.topic === topic) listener(heard.event.payload as unknown as Payloads[T]);
    });
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async stop(): Promise<void> {
    this.wanted = false;
    const client = this.client;
    this.client = undefined;
    this.connected = false;
    if (client !== undefined && client.state !== State.Stopped) await client.stop().catch(() => undefined);
  }

  dispose(): void {
    void this.stop();
    this.streams.dispose();
    this.states.dispose();
  }

  private hear(topic: string, event: EventEnvelope): void {
    if (TOPICS[topic]?.stream) this.streams.fire({ topic, event });
    if (!this.mirror.hear(topic, event)) {
      this.log.warn(`the events have a gap at ${String(event.seq)}; everything is read anew`);
      this.mirror.seq = undefined;
      void this.subscribe();
    }
  }

  private async subscribe(): Promise<void> {
    const after = this.mirror.seq;
    const subscription = await this.request("event.subscribe", after === undefined ? {} : { after_seq: after }, {});
    this.mirror.begin(subscription);
    if (this.mirror.seq === undefined) return this.subscribe();
    this.connected = true;
    this.states.fire(true);
  }

  private lose(): void {
    if (this.client === undefined) return;
    this.client = undefined;
    this.connected = false;
    this.states.fire(false);
    this.retry();
  }

  private retry(): void {
    const pause = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)];
    this.failures += 1;
    setTimeout(() => {
      if (this.wanted && this.client === undefined) this.start().catch(() => undefined);
    }, pause);
  }
}

function describe(error: unknown): unknown {
  if (error instanceof ResponseError) {
    const data = error.data as Partial<ErrorData> | undefined;
    return new Refusal(error.message, data?.code ?? String(error.code), (data?.details ?? {}) as Record<string, unknown>);
  }
  return error;
}
