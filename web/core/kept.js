// In the place of kept.js: no session is kept over a reload.

import { HisockError } from "../errors.js";

export class KeptSession {
  constructor() {
    throw new HisockError("unsupported", "hisock/core has no keepSession: import hisock/js");
  }
}
