// The official SDK as a client of a server over stdio: `node mcp_client.mjs SDK COMMAND ARG...`, one call as JSON in each
// line of stdin, one result in each line of stdout; the first line is what the server says of itself.
import { createInterface } from "node:readline";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [sdk, command, ...args] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(join(sdk, "dist", "esm", "client", name)).href);
const { Client } = await load("index.js");
const { StdioClientTransport } = await load("stdio.js");

const client = new Client({ name: "test", version: "1" });
const transport = new StdioClientTransport({ command, args, env: process.env, stderr: "inherit" });
await client.connect(transport);
await client.ping();
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
say({
  server: client.getServerVersion(),
  capabilities: client.getServerCapabilities(),
  instructions: client.getInstructions(),
  tools: (await client.listTools()).tools,
});
for await (const line of createInterface({ input: process.stdin })) {
  const { name, arguments: given } = JSON.parse(line);
  try {
    say(await client.callTool({ name, arguments: given }));
  } catch (error) {
    say({ refused: String(error) });
  }
}
await client.close();
