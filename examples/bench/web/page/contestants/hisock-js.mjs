import { connect as dial } from "hisock/js";
import { hisock } from "./hisock.mjs";

export const connect = hisock(dial);
