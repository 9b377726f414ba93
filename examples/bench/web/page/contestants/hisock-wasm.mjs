import { connect as dial } from "hisock/wasm";
import { hisock } from "./hisock.mjs";

export const connect = hisock(dial);
