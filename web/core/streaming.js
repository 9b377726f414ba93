// In the place of streaming.js: a page has no streams.

import { Waiting } from "../waiting.js";
import { without } from "./without.js";

export class Streaming extends Waiting {}
without(Streaming, "stream", "upload", "exchange", "openBytes", "handleStream");
