import { byHand } from "./hand.mjs";

export const connect = byHand(false);
