// In the place of streams.js: a page has no streams.

import { HisockError } from "../errors.js";

/** @returns {never} */
function without() {
  throw new HisockError("unsupported", "hisock/core has no streams: import hisock/js");
}

export class Stream {}
export { without as byteStreams, without as checkStreamOptions, without as exchange, without as serve, without as upload };
