import { connect, HisockError } from "hisock/wasm";
import { talk } from "./talk.js";

export const outcome = () => talk(connect, HisockError);
