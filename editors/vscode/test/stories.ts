/** Every story of the extension host, in one window. */

import { stories as connection } from "./connection";
import { stories as lanes } from "./lanes";
import { play } from "./story";
import { stories as terminals } from "./terminals";

export function run(): Promise<void> {
  return play({ ...lanes, ...connection, ...terminals });
}
