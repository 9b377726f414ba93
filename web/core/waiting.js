// In the place of waiting.js: a page has handlers, and does not wait for commands.

import { Sending } from "../sending.js";
import { without } from "./without.js";

export class Waiting extends Sending {}
without(Waiting, "waitFor", "commands", "recvRaw", "rawMessages", "drain");
