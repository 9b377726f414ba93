// The connection of a tab to the chat. room.go lists the messages.

import { connect } from "/hisock/hisock.js";
import { addLine, addNote, readAloud } from "./log.js";
import { removeTypist, removeTypists, showTypist } from "./typing.js";
import { showPeople, showPlace, showStatus } from "./view.js";
import { cutOff, reason } from "./words.js";

/** How far apart the notes are that this tab sends while its user types, in milliseconds. */
const typingEvery = 3000;

/** One stay in the chat, from Join to the end of the client. */
export class Session {
  #client;
  #connecting;
  #me; // the id of this tab
  #here = new Map(); // members by id
  #node; // the name of the node at which the tab is, if there are several
  #isCut = false; // the node is cut off from the others
  #isIn = false;
  #isAway = false;
  #isNew; // until what was said before has come, if the page has not been in the chat before
  #lastNote = 0; // when this tab has told that its user types, in milliseconds
  #giveUp = new AbortController();
  #entered;
  #ended;

  /**
   * asked is the name to ask for. me is the id that the page had before its reload, or undefined if it was not in the
   * chat, and node is the node at which it was. entered is called once the tab is in the chat, and ended with the reason once it is out of it.
   */
  constructor(asked, { me, node }, { entered, ended }) {
    this.asked = asked;
    this.#me = me;
    this.#node = node;
    this.#isNew = me === undefined;
    this.#entered = entered;
    this.#ended = ended;
  }

  async join(engine) {
    this.#connecting = connect("/ws", {
      engine,
      name: this.asked,
      groups: ["typing"],
      keepSession: "chat",
      signal: this.#giveUp.signal,
      onState: (state, why) => this.#changed(state, why),
      onReplay: (replay) => this.#replay(replay),
      onReplayed: (replay) => this.#replayed(replay),
      on: {
        here: (roll) => this.#roll(roll),
        node: (place) => this.#moved(place),
        joined: (who) => this.#joined(who),
        left: (who) => this.#left(who),
        renamed: (who) => this.#renamed(who),
        said: (line, { replayed }) => this.#said(line, replayed),
        typing: (who) => this.#here.has(who.id) && showTypist(who),
      },
    });
    this.#client = await this.#connecting;
    this.#client.closed.then((why) => {
      removeTypists();
      this.#ended(why, this.#isIn);
    });
    // The server sends the members to a newcomer by itself. After a reload the page asks for them.
    if (this.#client.resumed) this.#client.send("here");
  }

  /** What the page after a reload needs to come back, or undefined if the tab is not in the chat. */
  get seat() {
    return this.#me === undefined ? undefined : { name: this.asked, me: this.#me, node: this.#node };
  }

  /** Resolves once the server has passed the message on. A message that is written while the tab is away is sent later. */
  async say(text) {
    const client = await this.#connecting;
    await client.call("say", text, { as: "text" });
  }

  /** Tells the others now and then that the user types. */
  typing() {
    const now = Date.now();
    if (!this.#isIn || this.#isAway || now - this.#lastNote < typingEvery) return;
    this.#lastNote = now;
    try {
      this.#client?.send("typing");
    } catch {
      // There is no connection, or no room: nobody needs to know.
    }
  }

  leave() {
    this.#giveUp.abort(null);
    return this.#client?.close();
  }

  /** Shows who is here. The roll comes when the tab has joined, joined anew, or asked for it. */
  #roll({ you, here }) {
    this.#me = you;
    this.#here = new Map(here.map((who) => [who.id, who]));
    this.#showPeople();
    this.#isBack();
    if (this.#isIn) return;
    this.#isIn = true;
    this.#entered();
  }

  #isBack() {
    this.#isAway = false;
    showStatus("connected", "Connected", this.#isCut ? cutOff : "");
  }

  /** Shows at which node the tab is, and whether that is cut off from the others. It comes behind the roll, and again if it changes. */
  #moved({ node, nodes, cut }) {
    if (this.#node !== undefined && this.#node !== node) addNote(`You are at node ${node} now`);
    this.#node = node;
    this.#isCut = cut;
    showPlace(node, nodes);
    this.#isBack();
  }

  #changed(state, why) {
    if (state === "connecting") showStatus("connecting", "Connecting…", reason(why, this.asked));
    if (!this.#isIn) return;
    if (state === "resumed") this.#isBack();
    if (state !== "reconnecting") return;
    this.#isAway = true;
    removeTypists();
    showStatus("lost", "Coming back…", `${reason(why, this.asked)} Messages that you write are sent as soon as the chat is back.`);
  }

  /** What was said before comes next: for a newcomer, or for a tab that was away so long that it had to join anew. */
  #replay({ group, missed, lost }) {
    if (group !== "chat") return;
    readAloud(false);
    if (lost) addNote("The server was started again, and has forgotten what was said before.");
    if (missed > 0) addNote(`Messages that are missing here, because the server does not keep more: ${missed}.`);
  }

  #replayed({ group, messages }) {
    if (group !== "chat") return;
    readAloud(true);
    if (this.#isNew && messages > 0) addNote("You joined");
    this.#isNew = false;
  }

  #said(line, replayed) {
    removeTypist(line.id);
    addLine(line, { mine: line.id === this.#me, news: !(replayed && this.#isNew) });
  }

  #joined(who) {
    this.#here.set(who.id, who);
    this.#showPeople();
    addNote(`${who.name} joined`);
  }

  #left({ id, name }) {
    this.#here.delete(id);
    removeTypist(id);
    this.#showPeople();
    addNote(`${name} left`);
  }

  #renamed({ was, ...who }) {
    this.#here.set(who.id, who);
    this.#showPeople();
    addNote(`${was} is called ${who.name} now`);
  }

  #showPeople() {
    showPeople([...this.#here.values()], this.#me);
  }
}
