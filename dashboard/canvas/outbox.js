// Messages to Python, one at a time: the next is sent when Python says that it heard the last.

const AGAIN_MS = 8000;

const newToken = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");

class Outbox {
  /** @param {(message: object) => void} send */
  constructor(send) {
    this.send = send;
    this.waiting = [];
    this.timer = 0;
  }

  get busy() {
    return this.waiting.length > 0;
  }

  /** @param {object} message @returns {string} its token */
  push(message) {
    const token = newToken();
    this.waiting.push({ ...message, token });
    if (this.waiting.length === 1) this.sendFirst();
    return token;
  }

  /** Send the oldest message; again after a while, for a connection that was lost meanwhile. */
  sendFirst() {
    clearTimeout(this.timer);
    if (!this.busy) return;
    this.send(this.waiting[0]);
    this.timer = setTimeout(() => this.sendFirst(), AGAIN_MS);
  }

  /** @param {string|null} token of the last message that Python heard */
  heard(token) {
    if (!this.busy || this.waiting[0].token !== token) return;
    this.waiting.shift();
    this.sendFirst();
  }

  close() {
    clearTimeout(this.timer);
  }
}
