// In the place of line.js: nothing waits for its bytes or for room.

import { lack } from "./without.js";

export class Line {
  isBusy = false;

  send() {
    lack("send with options");
  }

  ask() {
    lack("calls with a Blob");
  }
}
